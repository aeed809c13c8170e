"""The end of `show`: the sites that need attention, whether they work, and what to type."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from runner.cli.hints import retyped
from runner.cli.output import outcome_text, say, say_commands, table
from runner.cli.screen import out, style
from runner.model import Outcome
from runner.shell import command
from runner.units import clock, count
from runner.untrusted import few, sentence

if TYPE_CHECKING:
    from runner.record import RunView, SiteRow, SiteView

__all__ = ["print_attention"]

_NAMED = 3
"""Items that the state of a site names."""
_TYPED = 5
"""Sites that a command names."""
_TOUCHED = {Outcome.CHANGED, Outcome.UNDONE, Outcome.FAILED, Outcome.LOST}
"""Outcomes of changes that were started."""


def print_attention(view: RunView, *, playbooks: Collection[str], is_last: bool) -> None:
    """Print the number of sites by outcome, those that need attention, and commands for them.

    Args:
        view: the run.
        playbooks: those of the workspace; a run of another one is not run again.
        is_last: whether it is the last run, to which the selector `@failed` refers.
    """
    head = view.summary
    is_undo = head.playbook == "undo"
    bad = [site for site in view.sites if _needs_attention(site.row, is_undo=is_undo)]
    if len(view.sites) > 1 and head.outcomes:
        ordered = [f"{head.outcomes[one]} {one}" for one in Outcome if head.outcomes.get(one)]
        out(f"\n{count(len(view.sites), 'site')}: {', '.join(ordered)}")
    elif bad:
        out()
    rows = [(one.row.site, outcome_text(one.row.outcome), _state_text(one)) for one in bad]
    table((), rows, indent=2)
    known = view.summary.playbook in playbooks
    say()
    say_commands(dict(_commands(view, bad, is_known=known, is_last=is_last)))


def _needs_attention(site: SiteRow, *, is_undo: bool) -> bool:
    """Whether the site failed, is to be resumed, or was skipped for a reason of its own."""
    if site.outcome is None or (is_undo and site.outcome is Outcome.UNDONE):
        return False
    skipped = site.outcome is Outcome.SKIPPED and bool(site.why)
    return skipped or site.outcome.is_failure or site.outcome.is_resumable


def _state_text(site: SiteView) -> str:
    """Describe the site as it was left: what was done, and the result of the last health check."""
    healthy = _last_check(site)
    changes = [change for step in site.steps for change in step.changes]
    parts = []
    if undone := [sentence(one.item) for one in changes if one.outcome is Outcome.UNDONE]:
        parts.append(f"{few(undone, _NAMED)} rolled back")
    elif not any(change.outcome in _TOUCHED for change in changes):
        parts.append("nothing was changed")
    if healthy is not None:
        word = style("healthy", fg="green") if healthy else style("unhealthy", fg="red", bold=True)
        parts.append(f"{word} at {clock(max(look.at for look in site.looks))}")
    elif not parts:
        parts.append("not checked since")
    return ", ".join(parts)


def _last_check(site: SiteView) -> bool | None:
    """Whether the last health check found the site healthy; None if there was none or it gave no verdict."""
    last = max((look.at for look in site.looks), default=None)
    verdicts = {look.healthy for look in site.looks if look.at == last}
    return False if False in verdicts else True if True in verdicts else None


def _commands(
    view: RunView, bad: Sequence[SiteView], *, is_known: bool, is_last: bool
) -> Iterator[tuple[str, str]]:
    """Yield the purpose of each command and the command, in the order in which to type them."""
    run = view.summary.run

    def limit(sites: Sequence[SiteView]) -> tuple[str, str]:
        many = is_last and len(sites) > _TYPED
        return "-l", "@failed" if many else ",".join(site.row.site for site in sites)

    by_hand = [one for one in bad if one.row.outcome in {Outcome.FAILED, Outcome.SKIPPED}]
    broken = [one for one in bad if _last_check(one) is False]
    if view.summary.interrupted or any(one.row.outcome and one.row.outcome.is_resumable for one in bad):
        yield "to continue the run", command("resume", run)
    if broken and is_known:
        yield "to undo its changes", command("undo", run, *limit(broken))
    if by_hand and is_known:
        yield "to find the cause", command("doctor", *limit(by_hand))
        yield "to run it again", command("run", view.summary.playbook, *limit(by_hand))
    if undone := [one for one in bad if one.row.outcome is Outcome.UNDONE]:
        yield "to list what is held", command("list", "holds", *limit(undone))
    yield "for the output of the hosts", retyped("logs", run)
