"""Words of a file to values. Pure; what cannot be is `Wrong`, which says how to write it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar
from urllib.parse import urlsplit

from runner.load.text import closest, quoted
from runner.model import DateRange, Rule, SecretRef, SecretSource, WindowDay

__all__ = [
    "Wrong",
    "address",
    "boolean",
    "choice",
    "colour",
    "day_rule",
    "days",
    "duration",
    "email",
    "language",
    "line",
    "name",
    "number",
    "page",
    "percent",
    "remote_path",
    "rule",
    "secret",
    "sender",
    "tag",
    "text",
    "time_of_day",
    "url",
    "whole",
    "zone",
]

E = TypeVar("E", bound=StrEnum)


class Wrong(ValueError):  # noqa: N818
    """A value that cannot be. The message begins with the value, the hint says how to write it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def described(value: object) -> str:
    """What stands there, for a message about the wrong shape."""
    if value is None:
        return "nothing"
    return "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else "text"


def _scalar(value: object, wanted: str) -> str:
    if not isinstance(value, str):
        raise Wrong(f"expected {wanted}, found {described(value)}")
    return value


def text(value: object) -> str:
    """Any text; line breaks and tabs may be in it."""
    found = _scalar(value, "text")
    if any(not c.isprintable() and c not in "\n\t" for c in found):
        raise Wrong(f"{quoted(found)} holds control characters", "delete them")
    return found


def line(value: object) -> str:
    """One line of text, not empty."""
    found = _scalar(value, "text")
    if not found.strip():
        raise Wrong("expected text, found nothing between the quotes")
    if not found.isprintable():
        raise Wrong(f"{quoted(found)} holds control characters or line breaks", "write it in one line")
    return found


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def name(value: object) -> str:
    """What something is called in commands, ids and file names."""
    found = _scalar(value, "a name")
    if not _NAME.fullmatch(found) or found == "all":
        why = "has a meaning of its own" if found == "all" else "cannot be a name"
        raise Wrong(f"{quoted(found)} {why}", "letters, digits, dots, dashes and underscores, at most 63")
    return found


def tag(value: object) -> str:
    """A tag: no spaces, no colons, no commas."""
    found = _scalar(value, "a tag")
    if not re.fullmatch(r"\w[\w.-]*", found):
        raise Wrong(f"{quoted(found)} is not a tag", "letters, digits, dots, dashes and underscores")
    return found


def item(value: object) -> str:
    """The slug of a plugin or theme, or `core`."""
    found = _scalar(value, "a plugin or theme")
    if not re.fullmatch(r"\w[\w.+-]*", found):
        raise Wrong(f"{quoted(found)} is not a plugin or theme", "its folder's name, like woocommerce")
    return found


def boolean(value: object) -> bool:
    """`true` or `false`; the other words of YAML 1.1 too."""
    found = _scalar(value, "true or false")
    if found.lower() in {"true", "yes", "on"}:
        return True
    if found.lower() in {"false", "no", "off"}:
        return False
    raise Wrong(f"{quoted(found)} is neither true nor false")


def whole(lowest: int | None = None, highest: int | None = None) -> Callable[[object], int]:
    """A whole number within limits."""

    def parse(value: object) -> int:
        found = _scalar(value, "a whole number")
        if not re.fullmatch(r"[-+]?[0-9]{1,15}", found):
            raise Wrong(f"{quoted(found)} is not a whole number")
        number_ = int(found)
        if lowest is not None and number_ < lowest:
            raise Wrong(f"{number_} is too small", f"at least {lowest}")
        if highest is not None and number_ > highest:
            raise Wrong(f"{number_} is too large", f"at most {highest}")
        return number_

    return parse


def number(value: object) -> float:
    """A number with or without decimals."""
    found = _scalar(value, "a number")
    if not re.fullmatch(r"[-+]?[0-9]{1,15}(\.[0-9]{1,15})?", found):
        raise Wrong(f"{quoted(found)} is not a number")
    return float(found)


def percent(value: object) -> float:
    """`10%` as a share from 0 to 1."""
    found = _scalar(value, "a percentage")
    match = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)\s?%", found)
    if match and float(match[1]) <= 100:  # noqa: PLR2004
        return float(match[1]) / 100
    share = re.fullmatch(r"0?\.[0-9]{1,6}", found)
    bare = re.fullmatch(r"[0-9]{1,2}|100", found)
    hint = f"try {float(found) * 100:g}%" if share else f"try {found}%" if bare else "from 0% to 100%"
    raise Wrong(f"{quoted(found)} is not a percentage", hint)


def choice(kind: type[E], default: str = "") -> Callable[[object], E]:
    """A member of an enum, by its value."""

    def parse(value: object) -> E:
        words = [member.value for member in kind]
        found = _scalar(value, f"one of {', '.join(words)}")
        if found not in words:
            hint = closest(found, words)
            hint = hint if hint.startswith("did") else default
            raise Wrong(f"{quoted(found)} is not one of {', '.join(words)}", hint)
        return kind(found)

    return parse


_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:([0-9]{1,7})d)?(?:([0-9]{1,7})h)?(?:([0-9]{1,7})m)?(?:([0-9]{1,9})s)?")
_LONGEST = timedelta(days=3660)


def duration(value: object) -> timedelta:
    """`30s`, `10m`, `6h`, `7d`, `1h30m`."""
    found = _scalar(value, "a duration")
    match = _DURATION.fullmatch(found)
    if not match or not found:
        raise Wrong(f"{quoted(found)} is not a duration", _duration_hint(found))
    days_, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    length = timedelta(days=days_, hours=hours, minutes=minutes, seconds=seconds)
    if length > _LONGEST:
        raise Wrong(f"{quoted(found)} is too long", "at most ten years")
    return length


def span(value: object) -> timedelta:
    """A duration that is longer than nothing."""
    length = duration(value)
    if not length:
        raise Wrong(f"{quoted(str(value))} is too short", "at least 1s")
    return length


def _duration_hint(found: str) -> str:
    words = re.findall(r"([0-9]{1,7})\s*([a-z]+)", found.lower())
    whole_text = re.fullmatch(r"\s*(?:[0-9]{1,7}\s*[a-z]+[\s,]*(?:and\s+)?)+", found.lower())
    if words and whole_text and all(_unit(unit) for _, unit in words):
        return "try " + "".join(
            f"{int(count) * 7}d" if _unit(unit) == "w" else count + _unit(unit) for count, unit in words
        )
    if re.fullmatch(r"[0-9]{1,7}", found):
        return f"name the unit: {found}s, {found}m, {found}h or {found}d"
    return "like 30s, 10m, 6h, 7d or 1h30m"


def _unit(word: str) -> str:
    names = {"w": "weeks", "d": "days", "h": "hours hrs", "m": "minutes mins", "s": "seconds secs"}
    return next((u for u, full in names.items() if any(f.startswith(word) for f in full.split())), "")


def time_of_day(value: object) -> time:
    """`02:00`, quoted or not."""
    found = _scalar(value, "a time")
    match = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", found)
    if not match:
        raise Wrong(f"{quoted(found)} is not a time of day", 'like "02:00" or "22:30"')
    return time(int(match[1]), int(match[2]))


def day(value: object) -> date:
    """`2027-03-01`."""
    found = _scalar(value, "a date")
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", found):
            return date.fromisoformat(found)
    except ValueError as error:
        raise Wrong(f"{quoted(found)} is no day of the calendar", str(error)) from None
    raise Wrong(f"{quoted(found)} is not a date", "year-month-day, like 2027-03-01")


def days(value: object) -> DateRange | str:
    """A day, a span of days `2026-12-20/2027-01-02`, or the name of an iCalendar file."""
    found = _scalar(value, "a date")
    if found.lower().endswith(".ics"):
        return line(found)
    first, slash, last = found.partition("/")
    begin, end = day(first), day(last if slash else first)
    if end < begin:
        raise Wrong(f"{quoted(found)} ends before it begins", f"try {last}/{first}")
    return DateRange(begin, end)


WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NTH = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}


def weekday(word: str) -> int | None:
    """0 for Monday, by the full name or its first three letters; None for anything else."""
    for index, full in enumerate(WEEKDAYS):
        if word.lower() in {full, full[:3]}:
            return index
    return None


def day_rule(value: object) -> WindowDay:
    """`tuesday`, `second tuesday`, `last friday`, or a day of the month."""
    found = _scalar(value, "a day")
    if re.fullmatch(r"[0-9]{1,2}", found) and 1 <= int(found) <= 31:  # noqa: PLR2004
        return WindowDay(monthday=int(found))
    words = found.lower().split()
    index = weekday(words[-1]) if words else None
    if index is not None and len(words) == 1:
        return WindowDay(weekday=index)
    if index is not None and len(words) == 2 and words[0] in _NTH:  # noqa: PLR2004
        return WindowDay(weekday=index, nth=_NTH[words[0]])
    hint = closest(words[-1], WEEKDAYS) if words else ""
    like = "like tuesday, second tuesday, last friday or 15"
    raise Wrong(f"{quoted(found)} is not a day", hint if hint.startswith("did") else like)


def report_day(value: object) -> int | str:
    """The day a report is made: of the month, or a weekday by its full name."""
    found = _scalar(value, "a day")
    if re.fullmatch(r"[0-9]{1,2}", found) and 1 <= int(found) <= 31:  # noqa: PLR2004
        return int(found)
    index = weekday(found)
    if index is None:
        hint = closest(found, WEEKDAYS)
        raise Wrong(f"{quoted(found)} is not a day", hint if hint.startswith("did") else "like 1 or monday")
    return WEEKDAYS[index]


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    from zoneinfo import available_timezones

    return frozenset(available_timezones())


def zone(value: object) -> str:
    """An IANA time zone."""
    found = _scalar(value, "a time zone")
    if found not in _zones():
        hint = closest(found, _zones())
        hint = hint if hint.startswith("did") else "like Europe/Berlin"
        raise Wrong(f"{quoted(found)} is not a time zone", hint)
    return found


def window_zone(value: object) -> str:
    """A time zone, or `client` for each client's own."""
    return "client" if value == "client" else zone(value)


def language(value: object) -> str:
    """`de`, `de-AT`."""
    found = _scalar(value, "a language")
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", found):
        changed = found.replace("_", "-").partition(".")[0]
        good = re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", changed)
        raise Wrong(f"{quoted(found)} is not a language", f"try {changed}" if good else "like de or pt-BR")
    return found


_EMAIL = re.compile(r"[^\s@<>\"(),:;\[\]\\]+@(?:[\w-]+(?:\.[\w-]+)+|localhost)")


def email(value: object) -> str:
    """One address; letters of any script may be in it."""
    found = _scalar(value, "an e-mail address")
    if not _EMAIL.fullmatch(found) or not found.isprintable() or ".." in found:
        raise Wrong(f"{quoted(found)} is not an e-mail address", "like office@acme.example")
    return found


def sender(value: object) -> str:
    """An address, bare or as `Name <address>`."""
    found = line(value)
    match = re.fullmatch(r"([^<>]*)<([^<>]*)>", found)
    email(match[2] if match else found)
    return found


def url(value: object) -> str:
    """A web address, `http` or `https`, without credentials."""
    found = _scalar(value, "a web address")
    try:
        parts = urlsplit(found)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Wrong(f"{quoted(found)} is not a web address", "like https://shop.acme.example") from None
    if parts.username is not None or parts.password is not None:
        raise Wrong("a web address with a user or password in it", "it would stand in reports: leave it out")
    if parts.scheme not in {"http", "https"} or not host or not re.fullmatch(r"\S+", found):
        bare = re.fullmatch(r"[\w-]+(\.[\w-]+)+(:[0-9]+)?(/\S*)?", found)
        hint = f"try https://{found}" if bare else "like https://shop.acme.example"
        raise Wrong(f"{quoted(found)} is not a web address", hint)
    return line(found)


def site_url(value: object) -> str:
    """The address of a site: a web address without query and fragment."""
    found = url(value)
    if "?" in found or "#" in found:
        raise Wrong(f"{quoted(found)} has a query", "the address of the home page; list others under pages")
    return found


def address(value: object) -> str:
    """What SSH connects to: a name, an IP address, or a name of the SSH configuration."""
    found = _scalar(value, "an address")
    if "@" in found:
        raise Wrong(f"{quoted(found)} holds a user", "write the user under `user`")
    try:
        ipaddress.ip_address(found)
    except ValueError:
        port = re.fullmatch(r"(.+):([0-9]{1,5})", found)
        if port:
            raise Wrong(f"{quoted(found)} holds a port", f"write `port: {port[2]}`") from None
        if not re.fullmatch(r"\w[\w.-]*", found):
            raise Wrong(f"{quoted(found)} is not an address", "a name or an IP address") from None
    return found


def account(value: object) -> str:
    """A user's name on a host."""
    found = _scalar(value, "a user name")
    if not re.fullmatch(r"[\w][\w.@\\$-]*", found):
        raise Wrong(f"{quoted(found)} is not a user name")
    return found


def become(value: object) -> str:
    """How another user's rights are had."""
    if value != "sudo":
        found = quoted(value) if isinstance(value, str) else described(value)
        raise Wrong(f"{found} is not a way to become root", "try sudo")
    return "sudo"


def remote_path(value: object) -> str:
    """An absolute path on a host."""
    found = line(value)
    if not found.startswith("/"):
        raise Wrong(f"{quoted(found)} is not an absolute path", "begin it with /")
    return found.rstrip("/") or "/"


def site_path(value: object) -> str:
    """A document root: an absolute path that is not the whole machine."""
    found = remote_path(value)
    if found == "/" or ".." in found.split("/"):
        raise Wrong(f"{quoted(found)} cannot be a site's folder", "like /srv/shop/public")
    return found


def page(value: object) -> str:
    """A path of a site as in its web address."""
    found = _scalar(value, "a page")
    if not re.fullmatch(r"/\S*", found) or not found.isprintable() or found.startswith("//"):
        hint = f"try /{found}" if re.fullmatch(r"\w[^\s:]*", found) else "begin it with /"
        raise Wrong(f"{quoted(found)} is not a page", hint)
    return found


def colour(value: object) -> str:
    """`#0b6b57`."""
    found = _scalar(value, "a colour")
    if not re.fullmatch(r"#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})", found):
        raise Wrong(f"{quoted(found)} is not a colour", 'like "#0b6b57", in quotes')
    return found


_HOURS = re.compile(
    r"(?P<d>(?:mon|tue|wed|thu|fri|sat|sun)(?:-(?:mon|tue|wed|thu|fri|sat|sun))?)"
    r" (?:[01][0-9]|2[0-3]):[0-5][0-9]-(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)"
)


def hours(value: object) -> str:
    """Service hours: `mon-fri 09:00-17:00`, several with commas, or `24/7`."""
    found = line(value)
    parts = [part.strip() for part in found.split(",")]
    if found != "24/7" and not all(_HOURS.fullmatch(part) for part in parts):
        raise Wrong(f"{quoted(found)} are not service hours", 'like "mon-fri 09:00-17:00" or "24/7"')
    return found


def checksum(value: object) -> str:
    """A SHA-512 in hexadecimal."""
    found = _scalar(value, "a SHA-512")
    if not re.fullmatch(r"[0-9a-fA-F]{128}", found):
        raise Wrong("not a SHA-512", "128 hexadecimal digits, as `sha512sum FILE` prints")
    return found.lower()


def rule(value: object) -> Rule:
    """`hold`, `at-once` or `{after: 7d}`."""
    if isinstance(value, Mapping):
        unknown = [key for key in value if key != "after"]
        if unknown or "after" not in value:
            raise Wrong(f"unknown key {quoted(unknown[0])}" if unknown else "nothing in it", "{after: 7d}")
        return Rule(after=duration(value["after"]))
    found = _scalar(value, "hold, at-once or {after: 7d}")
    if found == "hold":
        return Rule(hold=True)
    if found == "at-once":
        return Rule()
    hint = closest(found, ("hold", "at-once"))
    like = f"try {{after: {found}}}" if _DURATION.fullmatch(found) and found else ""
    message = f"{quoted(found)} is not one of hold, at-once, {{after: 7d}}"
    raise Wrong(message, like or (hint if hint.startswith("did") else ""))


def secret(value: object) -> SecretRef:
    """A reference to a secret. What stands there instead is never repeated: it may be the secret."""
    how = "write {env: NAME}, {file: PATH} or {command: CMD}"
    if not isinstance(value, Mapping):
        what = "a secret is never written here itself" if isinstance(value, str) else described(value)
        raise Wrong(
            f"expected a reference to a secret: {what}" if value is not None else "no secret here", how
        )
    if len(value) != 1 or next(iter(value)) not in set(SecretSource):
        raise Wrong("a reference to a secret has one key: env, file or command", how)
    source, found = next(iter(value.items()))
    if not isinstance(found, str) or not found.strip() or not found.isprintable():
        raise Wrong(f"`{source}` of a secret must be one line of text", how)
    if source == "env" and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", found):
        raise Wrong("`env` of a secret must name an environment variable", how)
    return SecretRef(SecretSource(source), found)


def secret_or_url(value: object) -> SecretRef | str:
    """A web address, or a reference to one that is not for everybody's eyes."""
    return secret(value) if isinstance(value, Mapping) else url(value)


def ledger(value: object) -> str:
    """The address of a database, without a password."""
    found = line(value)
    if not re.match(r"(sqlite|postgresql)(\+\w+)?://", found):
        hint = "like sqlite:///.sitecrew/ledger.db or postgresql://db.example/sitecrew"
        raise Wrong(f"{quoted(found)} is not the address of a ledger", hint)
    if re.match(r"[\w+]+://[^/@]*:[^/@]*@", found):
        raise Wrong("an address with a password in it", "leave it out and use PGPASSWORD or ~/.pgpass")
    return found
