"""Before a run starts: settle the interrupted runs of its sites, which may still hold locks on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from runner.cli.errors import warn
from runner.cli.hints import retyped
from runner.cli.output import outcome_text, say
from runner.model import RESUMABLE, State, Trigger
from runner.units import ago

if TYPE_CHECKING:
    from runner.apply.session import Session
    from runner.model import RunEvent
    from runner.record import OpenRun
    from runner.workflows.run import Finished, Works

__all__ = ["settle_interrupted"]


def settle_interrupted(session: Session, works: Works, run: str, *, quiet: bool) -> None:
    """Settle the interrupted runs that started no job, and those that left one on a site of this run.

    Runs of windows are left to `serve` and `tick`, which continue them. Errors are printed: they do not
    concern this run. After Ctrl-C, the other runs stay interrupted.
    """
    from runner.errors import LockedError, SitecrewError
    from runner.hosts.boundary import within

    for one in tuple(_interrupted(session, run)):
        try:
            found = within(partial(_settle, session, works, one, quiet=quiet))
        except KeyboardInterrupt:
            return
        if isinstance(found, SitecrewError) and not isinstance(found, LockedError):
            warn(f"{one.run} was interrupted and could not be settled: {found.with_hint}")


def _settle(session: Session, works: Works, one: OpenRun, *, quiet: bool) -> None:
    """Settle a run.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    from runner.workflows.recovery import settle_run

    def check() -> None:
        if session.draining.is_set():
            raise KeyboardInterrupt

    last = session.ledger.runs.summary(one.run).interrupted
    settle_run(session, one.run, cancel=one.state is State.CANCELLING)
    if not quiet:
        when = f" {ago(last)}" if last else ""
        say(f"{one.run} was interrupted{when}: finishing its jobs, starting no others")
    finished = works.follow(one.run, _ignore, check)
    if not quiet:
        _print_end(finished)


def _interrupted(session: Session, run: str) -> Iterator[OpenRun]:
    found = [one for one in session.ledger.runs.list_open() if one.trigger != Trigger.WINDOW]
    living = session.living() if len(found) > 1 else frozenset({session.executor})
    dead = [one for one in found if one.executor not in living]
    sites = {row.site for row in session.ledger.sites.list(run)}
    for one in dead:
        left = session.ledger.jobs.sites_with_open(one.run)
        if not left or left & sites:
            yield one


def _ignore(_: RunEvent) -> None:
    """Print nothing."""


def _print_end(finished: Finished) -> None:
    counts = Counter(outcome for outcome in finished.sites.values() if outcome)
    say(f"{finished.run}: {', '.join(f'{number} {outcome_text(one)}' for one, number in counts.items())}")
    if finished.unconfirmed:
        say("  not every host has confirmed the end of its job; `serve` and the next run ask again")
    elif any(outcome in RESUMABLE for outcome in counts):
        say(f"  to resume it: {retyped('resume', finished.run)}")
