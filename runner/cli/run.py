"""Commands that work: run, resume, cancel."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from runner.cli.choice import run_to_cancel, run_to_resume, say_interrupted
from runner.cli.hints import retyped
from runner.cli.options import as_json, operated, selecting, verbosity, with_variables, with_workspace
from runner.cli.output import closest_hint, outcome_text, say, seconds_text
from runner.cli.screen import when_closed
from runner.errors import ExitCode, UnknownNameError, UsageError
from runner.model import RESUMABLE, Outcome, Playbook, RunEvent, Site, State, is_failed
from runner.shell import command

if TYPE_CHECKING:
    from runner.apply.session import Session
    from runner.load import Workspace
    from runner.workflows.run import Finished

__all__ = [
    "cancel",
    "failed_sites",
    "find_playbook",
    "follow",
    "resume",
    "run",
    "select_sites",
    "working",
]


_LAST_WORDS = 15.0
"""Seconds in which another process writes down how its run ended."""


def find_playbook(
    workspace: Workspace, name: str, *, tags: tuple[str, ...] = (), start_at: str | None = None
) -> Playbook:
    """The playbook of that name, as far as it is to be done; `.yaml` and a folder before it are forgiven."""
    from dataclasses import replace
    from pathlib import PurePath

    stem = PurePath(name).stem if name.endswith((".yaml", ".yml")) else name
    if stem not in workspace.playbooks:
        raise UnknownNameError(f"there is no playbook {name!r}", hint=closest_hint(stem, workspace.playbooks))
    book = workspace.playbooks[stem]
    carried = sorted({tag for step in book.steps for tag in step.tags})
    for tag in tags:
        if tag not in carried:
            hint = (
                closest_hint(tag, carried)
                or "its steps have no tags; sites are chosen by theirs with -l tag:NAME"
            )
            raise UnknownNameError(f"no step of {book.name} has the tag {tag!r}", hint=hint)
    return replace(book, start_at=_step_of(book, start_at)) if start_at else book


def _step_of(book: Playbook, name: str) -> str:
    """The id of a step, which may be called by its name too."""
    for step in book.steps:
        if name in {step.id, step.name}:
            return step.id
    raise UnknownNameError(
        f"{book.name} has no step {name!r}", hint=closest_hint(name, [step.id for step in book.steps])
    )


@click.command()
@with_workspace
@operated
@with_variables
@click.argument("playbook", required=False)
@click.option("--plan", metavar="FILE", help="Do exactly what `plan --out FILE` wrote, or nothing.")
@selecting
@click.option("-t", "--tags", multiple=True, metavar="TAG", help="Only steps with one of these tags.")
@click.option("--start-at", metavar="STEP", help="Skip the steps before this one, named by id or name.")
@click.option(
    "--rings",
    metavar="SELECTORS",
    help="One after the other, like tag:ring-0,tag:ring-1,all. Default: policy.rings.order.",
)
@click.option("--confirm", is_flag=True, help="Ask before each step.")
@click.option(
    "--unverified",
    is_flag=True,
    help="Also do what `policy.unverified: ask` holds: changes that nobody can check.",
)
@click.option("-C", "--check", "--dry-run", is_flag=True, help="Say what would be done; as `plan`.")
@click.option("-D", "--diff", is_flag=True, help="With --check: also what is held or up to date, and why.")
@click.option(
    "-f", "--forks", type=click.IntRange(1), metavar="N", help="Sites at once. Default: parallel.sites."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask, also with --confirm.")
@verbosity
@as_json
def run(workspace: Workspace, playbook: str | None, **options: Any) -> int:
    """Run PLAYBOOK on every site, or on those that --limit names.

    Ctrl-C once: the sites in hand are finished, no more are begun. Twice: they are cancelled.
    """
    from runner.cli.locked import fitting, read_locked

    locked, given = None, playbook
    if options["plan"]:
        locked = read_locked(workspace, options["plan"], playbook, options)
        playbook = locked.playbook
        options = {**options, "tags": locked.tags, "start_at": locked.start_at}
    if playbook is None:
        raise click.UsageError("Missing argument 'PLAYBOOK', or --plan FILE.")
    if options["diff"] and not options["check"]:
        raise UsageError("--diff has no effect without --check", hint="add --check")
    if options["check"] and locked is None:
        from runner.cli.plan import show_plan

        keys = ("limit", "exclude", "tags", "start_at", "diff", "json_")
        return show_plan(workspace, playbook, detailed_exitcode=False, **{k: options[k] for k in keys})
    from dataclasses import replace

    from runner.cli.confirm import Questions, require_terminal
    from runner.workflows.run import begin, new_order, with_unseen

    book = find_playbook(workspace, playbook, tags=options["tags"], start_at=options["start_at"])
    if not book.steps:
        raise UsageError(f"playbook {book.name} has no steps")
    ask = options["confirm"] and not options["yes"]
    if ask:
        require_terminal()
        book = replace(book, stepwise=True)
    sites = select_sites(workspace, options["limit"], options["exclude"])
    if locked is not None:
        sites, planned = fitting(workspace, locked, book, sites, options["plan"])
        if options["check"]:
            from runner.cli.plan import CHECK, as_planned

            return as_planned(planned, options, again=retyped("run", *filter(None, [given]), without=CHECK))
    with working(workspace, options["forks"]) as session:
        order = new_order(
            session.workspace,
            book,
            in_rings(workspace, sites, options["rings"]),
            now=session.now(),
            tags=options["tags"],
            locked=locked,
        )
        if options["unverified"]:
            order = with_unseen(order)
        say_interrupted(session.ledger, sites)
        begin(session, order, trigger="manual")
        session.ask = Questions(session, order.run) if ask else None
        return follow(session, order.run, options)


@click.command()
@with_workspace
@operated
@with_variables
@click.argument("run", required=False)
@verbosity
@as_json
def resume(workspace: Workspace, run: str | None, **options: Any) -> int:
    """Resume RUN: every site of it that is lost, unreachable, cancelled, missed or was never finished.

    Without RUN: the one that was interrupted, else the one that left something to do. Where there are
    several, they are listed.

    A window that has closed meanwhile does not stop it: you asked. Values that the run was given with -e are
    not kept: give them again.
    """
    from runner.workflows.run import reopen

    with working(workspace, None) as session:
        found = run_to_resume(session.ledger) if run is None else session.ledger.find_run(run)
        if not reopen(session, found):
            if not options["quiet"]:
                say(f"nothing is left to do in {found}")
            options = {**options, "quiet": True}
        return follow(session, found, options, late=True)


@click.command()
@with_workspace
@operated
@click.argument("run", required=False)
@verbosity
@as_json
def cancel(workspace: Workspace, run: str | None, **options: Any) -> int:
    """Stop RUN and wait until its hosts have confirmed that they stopped.

    Without RUN: the one that is in progress. Where there are several, they are listed.

    A host that has not confirmed after `limits.step` and three times `limits.driver_silence` is not waited
    for any longer: its site is lost.
    """
    from runner.errors import LockedError
    from runner.workflows.run import reopen

    with working(workspace, None) as session:
        found = run_to_cancel(session.ledger) if run is None else session.ledger.find_run(run)
        if session.ledger.run_state(found) is State.ENDED:
            raise UsageError(
                f"{found} has ended; there is nothing to cancel", hint=f"see: {command('show', found)}"
            )
        try:
            reopen(session, found, act="cancel")
        except LockedError:
            session.ledger.record_act("cancel", found, run=found)
            session.ledger.set_state(found, State.CANCELLING)
            tell = say if not options["quiet"] else _silent
            tell(f"{found}: asked the process that works on it; waiting for its hosts")
            if _ended_elsewhere(session, found):
                return _show_end(session, found, options)
            tell(f"{found}: that process has died; its hosts are asked from here")
        session.cancel(found)
        return follow(session, found, options, cancelled=True)


def _silent(text: str) -> None:
    """Print nothing."""


def _show_end(session: Session, run: str, options: dict[str, Any]) -> ExitCode:
    """Print how a run ended that another process worked on."""
    code, end = _stopped(session, run), session.ledger.summary(run)
    sites = {row.site: row.outcome for row in session.ledger.site_rows(run)}
    if options["json_"]:
        from runner.cli.progress import JsonLines

        JsonLines()(
            RunEvent(
                event="run.finished",
                at=end.finished or session.now(),
                run=run,
                data={"outcome": end.outcome, "sites": sites},
            )
        )
    elif not (options["quiet"] and code is ExitCode.OK):
        say(f"{run}: {outcome_text(end.outcome)}")
        say(f"  what happened: {command('show', run)}")
    return code


def _stopped(session: Session, run: str) -> ExitCode:
    """Whether every host has confirmed."""
    return ExitCode.LOST if Outcome.LOST in session.ledger.summary(run).outcomes else ExitCode.OK


def _ended_elsewhere(session: Session, run: str) -> bool:
    """Wait for another process to end a run; False when that process died and the run is ours.

    Raises:
        LostError: it does not end in time.
    """
    from runner.errors import LockedError, LostError
    from runner.workflows.run import reopen, stopping_limit

    limit = stopping_limit(session.workspace.settings.limits) + _LAST_WORDS
    end = time.monotonic() + limit
    while session.ledger.run_state(run) is not State.ENDED:
        if time.monotonic() > end:
            raise LostError(
                f"run {run} did not stop within {limit:.0f} s",
                hint=f"see which hosts did not confirm: {command('show', run)}",
            )
        time.sleep(0.5)
        if session.ledger.run_state(run) is State.ENDED:
            break
        with suppress(LockedError):
            reopen(session, run, act="cancel")
            return False
    return True


def select_sites(workspace: Workspace, limit: tuple[str, ...], exclude: tuple[str, ...]) -> tuple[Site, ...]:
    """The sites that the selectors name; all without any. `@failed` asks the ledger."""
    from runner.plan import select

    failed: tuple[str, ...] = ()
    if "@failed" in {*limit, *exclude}:
        from runner.cli.show import reading

        failed = failed_sites(reading(workspace))
    if limit and not any(term.strip(" ,") for term in limit):
        raise UsageError("-l names no site", hint="leave it out for all of them; see: sitecrew list sites")
    sites = select(workspace.inventory, limit, exclude, failed=failed)
    if not sites and "@failed" in limit and not failed:
        raise UsageError(
            "the last run left no site failed, unreachable, lost or undone", hint="see: sitecrew show"
        )
    if not sites:
        raise UsageError("no site is selected", hint="see: sitecrew list sites")
    return sites


def in_rings(
    workspace: Workspace, sites: tuple[Site, ...], asked: str | None
) -> tuple[tuple[Site, ...], ...]:
    """The sites ring by ring: as asked for, else as the settings have it, else in one."""
    from runner.plan import rings, select

    if asked is None:
        return rings(sites, workspace.settings.policy.ring_order)
    selectors = [selector.strip() for selector in asked.split(",") if selector.strip()]
    if not selectors:
        raise UsageError("--rings names no ring", hint="like --rings tag:ring-0,tag:ring-1,all")
    select(workspace.inventory, selectors)
    return rings(sites, selectors)


def failed_sites(ledger: Any) -> tuple[str, ...]:
    """The sites that the last run left failed, lost, unreachable or undone."""
    last = ledger.find_run("last")
    undo = any(act.act == "undo" for act in ledger.list_acts(last, limit=1))
    return tuple(row.site for row in ledger.site_rows(last) if is_failed(row.outcome, undo=undo))


@contextmanager
def working(workspace: Workspace, forks: int | None) -> Iterator[Session]:
    """A session for one command, with so many sites at once."""
    from dataclasses import replace

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


def follow(
    session: Session, run: str, options: dict[str, Any], *, late: bool = False, cancelled: bool = False
) -> ExitCode:
    """Work through a run and print its events; returns the exit code.

    With `cancelled`, the run is only stopped, which is what was asked for: code OK once no site is lost.
    """
    from runner.cli.progress import listener
    from runner.workflows.run import Works

    began = time.monotonic()
    tell = listener(
        json_=options["json_"],
        quiet=options["quiet"],
        verbose=options["verbose"],
        live=not session.ask,
        expected=_expected(session, run, cancelled=cancelled),
    )
    works = Works(session, only=run, late=late)
    with when_closed(lambda: session.drain(run)) as is_closed:
        try:
            with _interrupts(session, run):
                finished = works.follow(run, tell)
        finally:
            tell.close()
        works.close()
        code = _stopped(session, run) if cancelled else finished.exit_code
        if not options["json_"] and not (options["quiet"] and code is ExitCode.OK):
            _recap(finished, time.monotonic() - began)
        return ExitCode.INTERRUPTED if is_closed() else code


def _expected(session: Session, run: str, *, cancelled: bool) -> frozenset[Outcome]:
    """Outcomes of sites that are what was asked for."""
    from runner.load import thaw

    if cancelled:
        return frozenset(Outcome) - {Outcome.LOST}
    return frozenset({Outcome.UNDONE}) if thaw(session.ledger.order_text(run)).undo else frozenset()


@contextmanager
def _interrupts(session: Session, run: str) -> Iterator[None]:
    """First Ctrl-C: finish what is in hand. Second: cancel it. Third: leave at once; resume finds out."""

    def interrupted(number: int, frame: object) -> None:  # noqa: ARG001
        if session.stop(run).asked.is_set():
            raise KeyboardInterrupt
        (session.cancel if session.draining.is_set() else session.drain)(run)

    before: dict[int, Callable[..., Any] | int | None] = {
        number: signal.signal(number, interrupted) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _recap(finished: Finished, seconds: float) -> None:
    counts: dict[Outcome, int] = {}
    for outcome in finished.sites.values():
        counts[outcome or Outcome.CANCELLED] = counts.get(outcome or Outcome.CANCELLED, 0) + 1
    said = ", ".join(f"{count} {outcome_text(outcome)}" for outcome, count in counts.items())
    say(f"{finished.run}: {said} in {seconds_text(seconds)}")
    what = "changed" if set(counts) == {Outcome.CHANGED} else "happened"
    say(f"  what {what}: {command('show', finished.run)}")
    if any((outcome or Outcome.CANCELLED) in RESUMABLE for outcome in finished.sites.values()):
        say(f"  go on with it: {retyped('resume', finished.run)}")
