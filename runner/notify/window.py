"""What the crew has to know about one opening of a window, over all its clients. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from runner.model import Outcome
from runner.notify.notice import Item, Notice, topic, when
from runner.record import WhyNot, WindowState
from runner.shell import command
from runner.units import count
from runner.untrusted import few

__all__ = ["Opening", "SiteEnd", "WindowEnd", "urgent_notice", "window_notice"]

_WORDS = {
    Outcome.LOST: "lost",
    Outcome.FAILED: "failed",
    Outcome.UNREACHABLE: "unreachable",
    Outcome.CANCELLED: "cancelled",
    Outcome.MISSED: "missed",
    Outcome.UNDONE: "rolled back",
}
"""Outcomes that the crew is notified of, the worst first."""
_HELD = "held for a decision"
_UNFINISHED = "not finished"
_NOT_APPROVED = "not approved"
_OK = frozenset({Outcome.OK, Outcome.CHANGED, Outcome.HELD})
_WITHHELD = (WhyNot.UNAPPROVED, WhyNot.DECLINED, WhyNot.UNPLANNED, WhyNot.OUTDATED)
"""Starts of reasons because of which a site is not started."""
_AGREED = (WhyNot.BLACKOUT, WhyNot.CLOSED, WhyNot.PAUSED)
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteEnd:
    """How a run ended for one site; `outcome` is None if it has not ended."""

    site: str
    client: str
    run: str
    outcome: Outcome | None
    why: str = ""
    finished: datetime | None = None
    broken: bool = False
    """Whether it failed and the last health check found it unhealthy."""
    held: tuple[str, ...] = ()
    """Items that are held until the crew decides, each with the reason."""

    @property
    def urgent(self) -> bool:
        """Whether the crew is notified before the window has ended."""
        return self.outcome is Outcome.LOST or self.broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """An opening of a window for one client."""

    client: str
    state: WindowState
    why: str = ""
    run: str | None = None
    stuck: str = ""
    """Why its run, whose process has died, cannot be resumed."""
    sites: tuple[SiteEnd, ...] = ()

    @property
    def unstarted(self) -> bool:
        """Whether it was missed, or skipped for another reason than a blackout or a pause."""
        agreed = self.state is WindowState.SKIPPED and self.why.startswith(_AGREED)
        return self.run is None and self.state is not WindowState.RUN and not agreed


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowEnd:
    """One opening of a window, for all its clients."""

    window: str
    starts: datetime
    openings: tuple[Opening, ...]

    @property
    def sites(self) -> tuple[SiteEnd, ...]:
        """The sites of all its runs."""
        return tuple(site for opening in self.openings for site in opening.sites)


def window_notice(end: WindowEnd, *, quiet: bool) -> Notice | None:
    """Return the summary of an opening that has ended; None if there is nothing to notify of.

    Args:
        end: the opening, in which no run is in progress.
        quiet: whether a notice is sent only if something needs attention.
    """
    items = (*_stuck(end.openings), *_sites(end.sites), *_unstarted(end.openings))
    if not items and (quiet or not end.sites):
        return None
    subject = f"{end.window}, {when(end.starts)}: {_counts(end)}"
    return Notice.of(topic("window", end.window, end.starts), subject, items, good=not items)


def urgent_notice(end: WindowEnd, since: datetime | None) -> Notice | None:
    """Return a notice of the sites that were lost or broken after `since`; None if there are none."""
    found = [
        site
        for site in end.sites
        if site.urgent and site.finished and (since is None or site.finished > since)
    ]
    if not found:
        return None
    lost = sum(site.outcome is Outcome.LOST for site in found)
    broken = len(found) - lost
    counts = [f"{count(lost, 'site')} lost"] if lost else []
    counts += [f"{count(broken, 'site')} broken"] if broken else []
    latest = max(site.finished for site in found if site.finished)
    return Notice.of(
        topic("urgent", end.window, latest),
        f"{end.window}, {when(end.starts)}: {', '.join(counts)}; the window is still in progress",
        tuple(_sites(found)),
    )


def _counts(end: WindowEnd) -> str:
    """Return `34 of 36 sites OK, 1 rolled back, 1 unreachable, 1 client not started`."""
    total = len(end.sites)
    words = Counter(_word(site) for site in end.sites)
    parts = [f"{words['']} of {count(total, 'site')} OK"] if total else []
    order = (*_WORDS.values(), _UNFINISHED, _HELD, _NOT_APPROVED, "skipped")
    parts += [f"{words[word]} {word}" for word in order if words[word]]
    if missed := sum(opening.unstarted for opening in end.openings):
        parts.append(f"{count(missed, 'client')} not started")
    return ", ".join(parts)


def _word(site: SiteEnd) -> str:
    """Return what happened to a site; empty if all went well."""
    if site.outcome is None:
        return _UNFINISHED
    if site.outcome in _WORDS:
        return _WORDS[site.outcome]
    if site.held:
        return _HELD
    if site.outcome is Outcome.SKIPPED and site.why.startswith(_WITHHELD):
        return _NOT_APPROVED
    return "" if site.outcome in _OK else "skipped"


def _sites(sites: Iterable[SiteEnd]) -> Iterator[Item]:
    order = [*_WORDS.values(), _UNFINISHED, _HELD, _NOT_APPROVED]
    found = [(order.index(word), site) for site in sites if (word := _word(site)) in order]
    for _, site in sorted(found, key=lambda one: (not one[1].urgent, one[0], one[1].site)):
        why = few(site.held, 3) if _word(site) == _HELD else site.why
        word = f"{_word(site)}, the site is unhealthy" if site.broken else _word(site)
        text = f"skipped: {why}" if word == _NOT_APPROVED else f"{word}: {why}".removesuffix(": ")
        yield Item.of(f"{site.site} ({site.client})", text, _command(site))


def _command(site: SiteEnd) -> str:
    """Return what to type next about a site."""
    if site.outcome is None or site.outcome.is_resumable:
        return command("resume", site.run)
    if _word(site) == _HELD:
        return command("list", "holds", "-l", site.site)
    if _word(site) == _NOT_APPROVED:
        return command("list", "approvals")
    return command("logs", site.run, site.site)


def _stuck(openings: Iterable[Opening]) -> Iterator[Item]:
    for opening in openings:
        if opening.stuck and opening.run:
            text = f"its process has died, and it cannot be resumed automatically: {opening.stuck}"
            yield Item.of(f"run {opening.run}", text, command("resume", opening.run))


def _unstarted(openings: Iterable[Opening]) -> Iterator[Item]:
    """Yield an item for each reason why clients were not started."""
    clients: dict[tuple[WindowState, str], list[str]] = {}
    for opening in openings:
        if opening.unstarted:
            clients.setdefault((opening.state, opening.why), []).append(opening.client)
    for (state, why), names in clients.items():
        words = ("list", "approvals") if why.startswith(_WITHHELD) else ("schedule", "list")
        yield Item.of(few(sorted(names), _NAMED), f"{state}: {why}", command(*words))
