"""The content of an announcement, without language and layout. Only what was looked at is claimed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from runner.model import Action, Agency, Change, ItemKind, Site, SitePlan
from runner.report.data import NextWindow
from runner.report.labels import label
from runner.report.plain import plain_version
from runner.report.reasons import Cause, cause_of
from runner.untrusted import plain_name, sentence

__all__ = ["Announcement", "Message", "PlannedItem", "PlannedSite", "Work", "planned_site", "work_of"]

_WHY = 240
_CODE = frozenset({ItemKind.CORE, ItemKind.PLUGIN, ItemKind.THEME})


class Message(StrEnum):
    """What a client is notified of."""

    ANNOUNCED = "announced"
    MOVED = "moved"
    """An announced opening has another time."""
    CANCELLED = "cancelled"
    """An announced opening does not take place."""


class Work(StrEnum):
    """What the steps of a playbook do, in general."""

    UPDATES = "updates"
    SERVER = "server"
    BACKUP = "backup"
    RELEASE = "release"
    """A new version of a static site or of files is published."""


_WORK = {
    "backup": Work.BACKUP,
    "files.sync": Work.RELEASE,
    "static.release": Work.RELEASE,
    "system.packages": Work.SERVER,
    "wordpress.composer": Work.UPDATES,
    "wordpress.core": Work.UPDATES,
    "wordpress.languages": Work.UPDATES,
    "wordpress.plugins": Work.UPDATES,
    "wordpress.themes": Work.UPDATES,
}
"""By kind of step. Other steps are only called maintenance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedItem:
    """An item of a site: its name and versions are plain, the reason is as planned."""

    site: str
    item: str
    kind: ItemKind
    title: str
    from_version: str
    to_version: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSite:
    """What is planned on one site."""

    name: str
    label: str
    """Its address for clients."""
    url: str
    work: frozenset[Work]
    read: bool = False
    """Whether the site was read completely. If not, there may be more updates."""
    problem: str = ""
    """Why it was not, for the crew."""
    updates: tuple[PlannedItem, ...] = ()
    held: tuple[PlannedItem, ...] = ()
    unlicensed: tuple[PlannedItem, ...] = ()
    """Updates that the vendor offers without a package, since the licence is missing or has expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """Everything in a mail to a client about an opening of a window."""

    message: Message
    client: str
    client_name: str
    language: str
    timezone: str
    agency: Agency
    window: str
    reference: str
    """Id of the run, for questions."""
    starts: datetime
    closes: datetime
    made: datetime
    """When the sites were read."""
    sites: tuple[PlannedSite, ...] = ()
    before: tuple[datetime, datetime] | None = None
    """Start and end as announced before."""
    why: str = ""
    """Why it does not take place, as recorded."""
    next: NextWindow | None = None
    """The next opening of a cancelled window."""
    answer_to: str = ""
    """The address to reply to."""

    @property
    def work(self) -> frozenset[Work]:
        """What is done on any of the sites."""
        return frozenset().union(*(site.work for site in self.sites))

    @property
    def unlicensed(self) -> tuple[PlannedItem, ...]:
        """Items whose licence the client has to renew."""
        return tuple(item for site in self.sites for item in site.unlicensed)

    @property
    def held(self) -> tuple[PlannedItem, ...]:
        """Items on hold."""
        return tuple(item for site in self.sites for item in site.held)

    def label(self, name: str) -> str:
        """Return the name of a site for the client."""
        return next((site.label for site in self.sites if site.name == name), name)


def work_of(kinds: Iterable[str]) -> frozenset[Work]:
    """Return what steps of these kinds do."""
    return frozenset(_WORK[kind] for kind in kinds if kind in _WORK)


def planned_site(
    site: Site, work: frozenset[Work], plan: SitePlan | None, labels: Mapping[str, str]
) -> PlannedSite:
    """Return what is planned on a site. `plan` is None if none could be made."""
    changes = plan.changes if plan else ()
    unknown = any(one.action is Action.UNKNOWN and one.kind in _CODE for one in changes)
    held = [one for one in changes if one.action in {Action.HOLD, Action.SKIP} and one.kind in _CODE]
    unlicensed = [one for one in held if cause_of(one.why) is Cause.LICENCE]
    on_hold = [one for one in held if one.action is Action.HOLD and one not in unlicensed]
    updates = [one for one in changes if one.action is Action.CHANGE and one.kind is not ItemKind.FILE]
    problems = plan.problems if plan else ()
    return PlannedSite(
        name=site.name,
        label=labels.get(site.name) or label(site.name, site.url),
        url=site.url,
        work=work,
        read=plan is not None and not problems and not unknown,
        problem=sentence(
            "; ".join(problems or [one.why for one in changes if one.action is Action.UNKNOWN][:1])
        ),
        updates=tuple(_items(site, updates)),
        held=tuple(_items(site, on_hold)),
        unlicensed=tuple(_items(site, unlicensed)),
    )


def _items(site: Site, changes: Iterable[Change]) -> Iterator[PlannedItem]:
    for one in changes:
        name = plain_name(one.item)
        yield PlannedItem(
            site=site.name,
            item=name,
            kind=one.kind,
            title=plain_name(one.title) or name,
            from_version=plain_version(one.from_version),
            to_version=plain_version(one.to_version),
            why=sentence(one.why, _WHY) if one.action is not Action.CHANGE else "",
        )
