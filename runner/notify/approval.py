"""The notice that plans of a window wait for approval, or could not be made. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from runner.model import Action, Change, SitePlan
from runner.notify.notice import Item, Notice, topic, when
from runner.record import ApprovalState, ApprovalView
from runner.shell import command
from runner.units import count
from runner.untrusted import few, sentence

__all__ = ["Planned", "approval_notice"]

_NAMED = 5
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The plan of an opening for one client."""

    view: ApprovalView
    playbook: str
    sites: Mapping[str, SitePlan]
    """The plans of the sites that wait."""

    @property
    def changes(self) -> int:
        """The number of changes that wait."""
        return sum(len(_changes(site)) for site in self.sites.values())


def approval_notice(found: Sequence[Planned]) -> Notice:
    """Return the notice of the plans of one opening of a window, which are not noticed yet."""
    window, starts = found[0].view.window, found[0].view.starts
    waiting = [one for one in found if one.view.state is ApprovalState.WAITING]
    failed = [one for one in found if one.view.state is ApprovalState.FAILED]
    parts = []
    if waiting:
        sites = count(sum(len(one.view.sites) for one in waiting), "site")
        changes = count(sum(one.changes for one in waiting), "change")
        until = when(min(one.view.until for one in waiting))
        parts.append(f"{changes} on {sites} to approve until {until}")
    if failed:
        parts.append(f"{count(len(failed), 'client')} could not be planned")
    about = topic("approve" if waiting else "unplanned", window, max(one.view.made for one in found))
    items = (*(item for one in waiting for item in _waiting(one)), *map(_failed, failed))
    subject = f"{window}, {when(starts)}: {', '.join(parts)}" if parts else f"{window}: nothing to approve"
    return Notice.of(f"{about} for {starts:%Y-%m-%dT%H:%MZ}", subject, items, good=not parts)


def _waiting(one: Planned) -> Iterator[Item]:
    """Yield what to type for a client, then what is planned for each of its sites."""
    view = one.view
    sites, changes = count(len(view.sites), "site"), count(one.changes, "change")
    decline = command("decline", view.run, "--why", "TEXT")
    text = f"{changes} on {sites}; to refuse: {decline}"
    yield Item.of(view.client, text, command("approve", view.run))
    for site in one.sites.values():
        yield Item.of(f"{site.site} ({view.client})", _summary(site))
    if view.why:
        yield Item.of(view.client, f"not planned, and not started: {view.why}")


def _failed(one: Planned) -> Item:
    text = f"could not be planned: {one.view.why}"
    return Item.of(one.view.client, text, command("plan", one.playbook, "-l", f"client:{one.view.client}"))


def _summary(site: SitePlan) -> str:
    found = [_arrow(change) for change in _changes(site)]
    return few(found, _NAMED) if found else "no updates; the other steps of the playbook run"


def _changes(site: SitePlan) -> list[Change]:
    return [change for change in site.changes if change.action is Action.CHANGE]


def _arrow(change: Change) -> str:
    versions = " -> ".join(filter(None, (change.from_version, change.to_version)))
    return f"{sentence(change.title or change.item, _LONGEST_NAME)} {sentence(versions, _LONGEST_NAME)}"
