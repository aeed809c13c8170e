"""Pydantic types for the values in files: each parses the scalar's text and has a JSON Schema for editors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from runner import model
from runner.load import addresses, times, values
from runner.load.ledger_address import ledger_address
from runner.model import Approve, DateRange, LedgerAddress, OnFailure, Rule, SecretRef, WindowDay

__all__ = ["EMPTY_LIST", "EMPTY_MAPPING", "LISTED", "NOTHING", "D", "Reads", "Shape", "choice", "whole"]


class Shape(BaseModel):
    """A mapping in a file. Unknown keys are errors."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        arbitrary_types_allowed=True,
        defer_build=True,  # a shape inside another one is only built with that
    )

    instead: ClassVar[Mapping[str, str]] = {}
    """Keys of other tools, each with what to write instead."""


class Reads:
    """Annotates a type with the function that parses its values and with its JSON Schema."""

    def __init__(self, parse: Callable[[object], object], **schema: object) -> None:
        self.parse = parse
        self.schema = schema or {"type": "string"}

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return dict(self.schema)


def D(description: str) -> Any:  # noqa: N802
    """Describe a key for editors and the docs. One letter, since it is on every line."""
    return Field(description=description)


def choice(kind: type[StrEnum]) -> Reads:
    """One of the values of an enum."""
    return Reads(values.choice(kind), enum=[member.value for member in kind])


def whole(lowest: int | None = None, highest: int | None = None) -> Reads:
    """A whole number within limits."""
    limits = {"minimum": lowest, "maximum": highest}
    return Reads(
        values.whole(lowest, highest),
        type="integer",
        **{key: limit for key, limit in limits.items() if limit is not None},
    )


NOTHING: dict[str, Any] = {}
"""Default of mappings."""
EMPTY_MAPPING = BeforeValidator(lambda value: {} if value is None else value)
"""Treat a key without a value as an empty mapping."""
EMPTY_LIST = BeforeValidator(lambda value: [] if value is None else value)
"""Treat a key without a value as an empty list."""
LISTED = BeforeValidator(lambda value: [value] if isinstance(value, str) else [] if value is None else value)
"""Treat a single text as a list of one, and no value as an empty list."""

_DURATION = r"^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$"
SECRET: dict[str, object] = {
    "type": "object",
    "description": "A reference to a secret, read when it is needed.",
    "properties": {
        "env": {"type": "string", "description": "Name of an environment variable."},
        "file": {"type": "string", "description": "Path of a file, relative to the workspace."},
        "command": {"type": "string", "description": "A command that prints the secret."},
    },
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}
_LEDGER_URL = {"type": "string", "pattern": r"^(sqlite:///|postgresql(\+psycopg)?://)"}
_LEDGER: dict[str, object] = {
    "anyOf": [
        _LEDGER_URL,
        {
            "type": "object",
            "properties": {
                "url": {**_LEDGER_URL, "description": "Address of the database, without a password."},
                "password": {**SECRET, "description": "Password of the PostgreSQL user."},
            },
            "required": ["url"],
            "additionalProperties": False,
        },
    ]
}
_RULE: dict[str, object] = {
    "anyOf": [
        {"enum": ["hold", "at-once"]},
        {
            "type": "object",
            "properties": {"after": {"type": "string", "pattern": _DURATION}},
            "required": ["after"],
            "additionalProperties": False,
        },
    ]
}

_STATED_PAGE: dict[str, object] = {
    "anyOf": [
        {"type": "string", "pattern": "^/"},
        {
            "type": "object",
            "properties": {
                "path": {"type": "string", "pattern": "^/", "description": "The page."},
                "status": {
                    "type": "integer",
                    "minimum": 100,
                    "maximum": 599,
                    "description": "The expected HTTP status, like 503.",
                },
                "leads_to": {
                    "type": "string",
                    "description": "The expected redirect: a URL or a path of the site.",
                },
            },
            "required": ["path"],
            "additionalProperties": False,
        },
    ]
}

Text = Annotated[str, Reads(values.text)]
Line = Annotated[str, Reads(values.line)]
Name = Annotated[str, Reads(values.name, type="string", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
FormerName = Annotated[str, Reads(values.former_name, type="string")]
Selector = Annotated[str, Reads(values.selector)]
Item = Annotated[str, Reads(values.item)]
Tag = Annotated[str, Reads(values.tag, type="string", pattern=r"^\w[\w.-]*$")]
Boolean = Annotated[bool, Reads(values.boolean, type="boolean")]
StepBecome = Annotated[bool, Reads(values.step_become, type="boolean")]
Count = Annotated[int, whole(0, 1_000_000)]
Some = Annotated[int, whole(1, 100_000)]
Retries = Annotated[int, whole(0, 20)]
Port = Annotated[int, whole(1, 65535)]
Percent = Annotated[float, Reads(values.percent, type="string", pattern=r"^[0-9]+(\.[0-9]+)?\s?%$")]
Duration = Annotated[timedelta, Reads(times.duration, type="string", pattern=_DURATION)]
Span = Annotated[timedelta, Reads(times.span, type="string", pattern=_DURATION)]
_DAYS: dict[str, object] = {"type": "string", "pattern": _DURATION}
FromOneDay = Annotated[timedelta, Reads(times.span_from(timedelta(days=1)), **_DAYS)]
From30Days = Annotated[timedelta, Reads(times.span_from(timedelta(days=30)), **_DAYS)]
From400Days = Annotated[timedelta, Reads(times.span_from(timedelta(days=400)), **_DAYS)]
Ahead = Annotated[timedelta, Reads(times.announce, type="string", pattern=f"^never$|{_DURATION}")]
TimeOfDay = Annotated[
    time, Reads(times.time_of_day, type="string", pattern="^([01]?[0-9]|2[0-3]):[0-5][0-9]$")
]
Day = Annotated[date, Reads(times.day, type="string", format="date")]
Blackout = Annotated[DateRange | str, Reads(times.blackout)]
Dates = Annotated[
    tuple[date, ...],
    Reads(
        times.dates,
        anyOf=[
            {"type": "string", "format": "date"},
            {"type": "array", "minItems": 1, "items": {"type": "string", "format": "date"}},
        ],
    ),
]
DayRules = Annotated[
    tuple[WindowDay, ...],
    Reads(
        times.day_rules,
        anyOf=[
            {"type": ["string", "integer"]},
            {"type": "array", "minItems": 1, "items": {"type": ["string", "integer"]}},
        ],
    ),
]
Zone = Annotated[str, Reads(times.zone)]
WindowZone = Annotated[str, Reads(times.window_zone)]
Language = Annotated[str, Reads(values.language)]
Email = Annotated[str, Reads(addresses.email, type="string", format="email")]
Sender = Annotated[str, Reads(addresses.sender)]
ReturnAddress = Annotated[str, Reads(addresses.return_address, type="string", format="email")]
MailServer = Annotated[str, Reads(addresses.mail_server)]
Url = Annotated[str, Reads(addresses.url, type="string", format="uri")]
SiteUrl = Annotated[str, Reads(addresses.site_url, type="string", format="uri")]
Address = Annotated[str, Reads(addresses.address)]
Account = Annotated[str, Reads(addresses.account)]
Become = Annotated[str, Reads(values.become, enum=["sudo"])]
RemotePath = Annotated[str, Reads(addresses.remote_path, type="string", pattern="^/")]
SitePath = Annotated[str, Reads(addresses.site_path, type="string", pattern="^/")]
StatedPage = Annotated[tuple[str, model.StatedPage | None], Reads(addresses.stated_page, **_STATED_PAGE)]
Page = Annotated[str, Reads(addresses.page, type="string", pattern="^/")]
Color = Annotated[str, Reads(values.color, type="string", pattern="^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$")]
Checksum = Annotated[str, Reads(values.checksum, type="string", pattern="^[0-9a-fA-F]{128}$")]
ApproveRule = Annotated[
    Approve,
    Reads(
        values.approve,
        anyOf=[
            {"enum": ["all", "majors", "none"]},
            {"type": "string"},
            {"type": "array", "minItems": 1, "items": {"type": "string"}},
        ],
    ),
]
RuleWord = Annotated[Rule, Reads(times.rule, **_RULE)]
AfterFailure = Reads(values.after_failure, enum=[OnFailure.STOP.value, OnFailure.CONTINUE.value])
Secret = Annotated[SecretRef, Reads(values.secret, **SECRET)]
Ledger = Annotated[LedgerAddress, Reads(ledger_address, **_LEDGER)]
