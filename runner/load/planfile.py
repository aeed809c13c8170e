"""The file of a locked plan: JSON in a stable order, to be reviewed, compared and kept under version control.

It contains no secrets: the model has only references to them, package URLs have no keys, and only the names
of variables are saved. It is not signed, since a person who can edit it can also edit the playbook. A change
added by hand is refused, since no site offers it; a change that was removed is not applied.
"""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from runner.errors import UsageError
from runner.model import (
    Action,
    Change,
    ItemKind,
    LockedPlan,
    LockedSite,
    Plan,
    Playbook,
    SitePlan,
    Step,
)

if TYPE_CHECKING:
    from runner.load.workspace import Workspace

__all__ = ["location_of", "lock_plan", "parse_plan", "plain_steps", "plan_text", "read_plan", "write_plan"]

_FORMAT = "sitecrew plan 1"
_LARGEST = 64_000_000
"""Bytes. A plan of 500 sites with 40 changes each has about 5,000,000."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("contains control characters")
    return text


_Text = Annotated[str, AfterValidator(_printable)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _ChangeEntry(_Entry):
    step: _Text
    item: _Text
    kind: ItemKind
    from_version: Annotated[_Text, Field(alias="from")]
    to_version: Annotated[_Text, Field(alias="to")]
    action: Action
    why: _Text = ""
    package: _Text = ""
    active: bool = False


class _SiteEntry(_Entry):
    site: _Text
    client: _Text
    place: dict[str, _Text]
    problems: list[_Text] = []
    changes: list[_ChangeEntry]


class _PlanEntry(_Entry):
    format: Literal["sitecrew plan 1"]
    playbook: _Text
    made: datetime
    tags: list[_Text] = []
    skip_tags: list[_Text] = []
    start_at: _Text = ""
    variables: list[_Text] = []
    steps: list[dict[str, Any]]
    sites: list[_SiteEntry]


def lock_plan(workspace: Workspace, playbook: Playbook, plan: Plan, *, tags: Sequence[str]) -> LockedPlan:
    """Create a locked plan, including everything that must be unchanged when it is applied."""
    return LockedPlan(
        playbook=playbook.name,
        made=datetime.now(UTC).replace(microsecond=0),
        tags=tuple(sorted(tags)),
        skip_tags=playbook.skip_tags,
        start_at=playbook.start_at,
        variables=tuple(sorted(workspace.variables)),
        steps=plain_steps(playbook),
        sites={
            site.site: LockedSite(place=location_of(workspace, site.site), plan=site) for site in plan.sites
        },
    )


def location_of(workspace: Workspace, site: str) -> dict[str, str]:
    """Return the host, address, path and URL of a site in the inventory."""
    entry = workspace.inventory.sites[site]
    host = workspace.inventory.hosts[entry.host]
    address = f"{host.user}@" if host.user else ""
    address += f"{host.address}:{host.port}" if host.port else host.address
    place = {"host": host.name, "address": address, "path": entry.path, "url": entry.url}
    return {**place, "gateway": host.gateway} if host.gateway else place


def plain_steps(playbook: Playbook) -> tuple[Mapping[str, Any], ...]:
    """Convert steps to plain values. Common keys with their default are left out."""
    return tuple(_plain_step(step) for step in playbook.steps)


def _plain_step(step: Step) -> dict[str, Any]:
    given = _plain(step)
    defaults = _plain(Step(id=step.id, kind=step.kind, options=None))
    more = {key: value for key, value in given.items() if value != defaults[key] and key != "id"}
    return {"step": step.id, "kind": step.kind, **more, "options": _plain(step.options)}


def _plain(value: Any) -> dict[str, Any]:
    """Convert the fields of a dataclass to JSON values in a stable order."""
    fields = dataclasses.fields(value)
    values = {field.metadata.get("alias", field.name): getattr(value, field.name) for field in fields}
    return {
        key: TypeAdapter(Any).dump_python(sorted(one) if isinstance(one, frozenset) else one, mode="json")
        for key, one in values.items()
    }


def write_plan(path: Path, plan: LockedPlan) -> None:
    """Write the file atomically.

    Raises:
        UsageError: the file cannot be written.
    """
    text = plan_text(plan)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror or error}",
            hint="choose a file in an existing folder: --out FILE",
        ) from error


def plan_text(plan: LockedPlan) -> str:
    """Return the content of the file."""
    return json.dumps(_document(plan), ensure_ascii=False, indent=2) + "\n"


def _document(plan: LockedPlan) -> dict[str, Any]:
    head: dict[str, Any] = {
        "format": _FORMAT,
        "playbook": plan.playbook,
        "made": plan.made.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "tags": list(plan.tags),
        "skip_tags": list(plan.skip_tags),
        "start_at": plan.start_at,
        "variables": list(plan.variables),
    }
    return {
        **{key: value for key, value in head.items() if value},
        "steps": list(plan.steps),
        "sites": [_site(site) for site in plan.sites.values()],
    }


def _site(site: LockedSite) -> dict[str, Any]:
    problems = {"problems": list(site.plan.problems)} if site.plan.problems else {}
    changes = [_change(change) for change in site.plan.changes if change.action is not Action.SKIP]
    return {
        "site": site.plan.site,
        "client": site.plan.client,
        "place": dict(site.place),
        **problems,
        "changes": changes,
    }


def _change(change: Change) -> dict[str, Any]:
    always = {
        "step": change.step,
        "item": change.item,
        "kind": change.kind.value,
        "from": change.from_version,
        "to": change.to_version,
        "action": change.action.value,
    }
    more = {"why": change.why, "package": change.package, "active": change.active}
    return {**always, **{key: value for key, value in more.items() if value}}


def read_plan(path: Path) -> LockedPlan:
    """Read a locked plan from a file.

    Raises:
        UsageError: the file is missing or not a plan; the message says where it is wrong.
    """
    again = "create it again: sitecrew plan PLAYBOOK --out FILE"
    try:
        if not path.is_file() and path.exists():
            raise UsageError(f"{path} is not a regular file", hint=again)
        if path.stat().st_size > _LARGEST:
            raise UsageError(f"{path} is too large for a plan", hint=again)
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not a plan: not JSON", hint=again) from error
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}", hint=again) from error
    return parse_plan(text, str(path), again=again)


def parse_plan(text: str, name: str, *, again: str) -> LockedPlan:
    """Parse the content of a file.

    Args:
        text: the content.
        name: what it is called in messages.
        again: how to make a new plan, as a hint.

    Raises:
        UsageError: it is not a plan; the message says where it is wrong.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is not a plan: not JSON", hint=again) from error
    if isinstance(data, dict) and data.get("format", _FORMAT) != _FORMAT:
        raise UsageError(f"{name} was created by another version of sitecrew", hint=again)
    try:
        entry = _PlanEntry.model_validate(data)
        return _locked(entry)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
        raise UsageError(f"{name}: {where.lstrip('.') or 'file'}: {first['msg']}", hint=again) from error


def _locked(entry: _PlanEntry) -> LockedPlan:
    return LockedPlan(
        playbook=entry.playbook,
        made=entry.made.astimezone(UTC),
        tags=tuple(entry.tags),
        skip_tags=tuple(entry.skip_tags),
        start_at=entry.start_at,
        variables=tuple(entry.variables),
        steps=tuple(entry.steps),
        sites={
            site.site: LockedSite(
                place=site.place,
                plan=SitePlan(
                    site=site.site,
                    client=site.client,
                    problems=tuple(site.problems),
                    changes=tuple(Change(**dict(change)) for change in site.changes),
                ),
            )
            for site in entry.sites
        },
    )
