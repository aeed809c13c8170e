"""Carry out a run in this process: open the session, print its events, handle Ctrl-C, print the result."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from runner.cli.hints import retyped
from runner.cli.output import outcome_text, say
from runner.cli.screen import when_closed
from runner.cli.settle import settle_interrupted
from runner.cli.signals import handle_signals
from runner.errors import ExitCode
from runner.model import RESUMABLE, Outcome, Trigger
from runner.shell import command
from runner.units import duration
from runner.untrusted import few

if TYPE_CHECKING:
    from runner.apply.session import Session
    from runner.cli.progress.base import Listener
    from runner.cli.progress.state import RunProgress
    from runner.load import Workspace
    from runner.workflows.run import Finished

__all__ = ["cancel_code", "follow_run", "open_session"]

_NAMED = 3
"""Sites that a line names."""


@contextmanager
def open_session(workspace: Workspace, forks: int | None = None) -> Iterator[Session]:
    """Open a session for one command, with at most `forks` sites at once."""
    from runner.apply.session import Session

    if forks:
        parallel = replace(workspace.settings.parallel, sites=forks)
        workspace = replace(workspace, settings=replace(workspace.settings, parallel=parallel))
    session = Session(workspace)
    for text in session.recognised:
        say(text)
    try:
        yield session
    finally:
        session.close()


def follow_run(
    session: Session, run: str, options: dict[str, Any], *, late: bool = False, cancelled: bool = False
) -> ExitCode:
    """Carry out a run, print its events and its result, and return the exit code.

    Args:
        session: of this command.
        run: id of the run.
        options: `json_`, `quiet` and `verbose`.
        late: continue after the window has closed.
        cancelled: only stop the run; the exit code is 0 unless a site is lost.
    """
    from runner.workflows.run import Works

    started = time.monotonic()
    print_event = _listener(session, run, options, cancelled=cancelled)
    works = Works(session, only=run, late=late)
    with when_closed(lambda: session.drain(run)) as is_closed:
        try:
            with _handle_interrupts(session, run):
                if not cancelled:
                    settle_interrupted(session, works, run, quiet=options["json_"] or options["quiet"])
                finished = works.follow(run, print_event, print_event.tick)
        finally:
            print_event.close()
        works.close()
        code = cancel_code(session, run) if cancelled else finished.exit_code
        if not options["json_"] and not (options["quiet"] and code is ExitCode.OK):
            _print_result(finished, time.monotonic() - started)
        return ExitCode.INTERRUPTED if is_closed() else code


def _listener(session: Session, run: str, options: dict[str, Any], *, cancelled: bool) -> Listener:
    """Return the listener for these options; for a run of `exec`, one that prints the output of its sites."""
    from runner.cli.progress.listener import listener

    executed = session.ledger.runs.summary(run).trigger == Trigger.EXEC and not options["quiet"]
    found = listener(
        json_=options["json_"],
        quiet=options["quiet"],
        verbose=options["verbose"],
        live=not session.ask and not executed,
        expected=_expected_outcomes(session, run, cancelled=cancelled),
        progress=lambda: _first_progress(session, run),
    )
    if not executed:
        return found
    from runner.cli.execview import CommandOutputs, EventsWithOutput

    return (EventsWithOutput if options["json_"] else CommandOutputs)(session.ledger, found)


def cancel_code(session: Session, run: str) -> ExitCode:
    """Return the exit code of a cancelled run: LOST if a host did not confirm that it stopped."""
    end = session.ledger.runs.summary(run)
    return ExitCode.LOST if Outcome.LOST in end.outcomes or end.outcome is None else ExitCode.OK


def _expected_outcomes(session: Session, run: str, *, cancelled: bool) -> frozenset[Outcome]:
    """Return the outcomes of sites that are no errors for this command."""
    from runner.load import thaw

    if cancelled:
        return frozenset(Outcome) - {Outcome.LOST}
    return frozenset({Outcome.UNDONE}) if thaw(session.ledger.runs.order_text(run)).undo else frozenset()


def _first_progress(session: Session, run: str) -> RunProgress:
    """Return what is known about the time that a run takes before it starts."""
    from runner.cli.progress.earlier import earlier_durations
    from runner.cli.progress.state import RunProgress
    from runner.load import thaw

    soak = thaw(session.ledger.runs.order_text(run)).policy.ring_soak
    return RunProgress(earlier=earlier_durations(session.ledger, run), soak_time=soak)


def _handle_interrupts(session: Session, run: str) -> AbstractContextManager[None]:
    """On the first Ctrl-C finish the sites in progress, on the second cancel them, on the third exit.

    A closed terminal counts as the first one, however many signals it causes.
    """

    def interrupted() -> None:
        if session.stop(run).cancelled:
            raise KeyboardInterrupt
        (session.cancel if session.draining.is_set() else session.drain)(run)

    def hung_up() -> None:
        if not session.stopping(run):
            session.drain(run)

    return handle_signals(interrupted, hung_up)


def _print_result(finished: Finished, seconds: float) -> None:
    counts: dict[Outcome, int] = {}
    for outcome in finished.sites.values():
        counts[outcome or Outcome.CANCELLED] = counts.get(outcome or Outcome.CANCELLED, 0) + 1
    totals = ", ".join(f"{count} {outcome_text(outcome)}" for outcome, count in counts.items())
    say(f"{finished.run}: {totals} in {duration(seconds)}")
    say(f"  for details: {command('show', finished.run)}")
    if finished.unconfirmed:
        names = few(finished.unconfirmed, _NAMED)
        say(f"  not every host has confirmed the end of its job ({names}); `serve` asks again")
        say(f"  to ask now: {retyped('cancel', finished.run)}")
    elif any(outcome in RESUMABLE for outcome in counts):
        say(f"  to resume it: {retyped('resume', finished.run)}")
