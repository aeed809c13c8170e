"""Print a run for `show`: its sites, steps, changes and looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from runner.cli.choice import interrupted_text
from runner.cli.hints import for_workspace
from runner.cli.output import auto_update_text, out_wrapped, outcome_text
from runner.cli.reasons import print_reasons
from runner.cli.screen import out, style
from runner.model import Outcome, State, Trigger
from runner.units import clock, count, duration, local

if TYPE_CHECKING:
    from runner.record import (
        ChangeView,
        LookView,
        RunSummary,
        RunView,
        SiteRow,
        SiteView,
        StepOutput,
        StepView,
    )

__all__ = ["print_output", "print_run", "print_site", "pruned_text", "run_text"]

_WIDTH = max(map(len, Outcome))
"""Width of the column of outcomes."""


def run_text(run: RunSummary) -> str:
    """Return the outcome of a run, else its state."""
    if run.outcome is not None:
        return outcome_text(run.outcome)
    if run.interrupted and run.state is not State.CANCELLING:
        return style("interrupted", fg="magenta")
    return style(run.state.value, fg="magenta" if run.interrupted else "cyan")


def print_run(view: RunView) -> None:
    """Print the run and the acts of operators on it."""
    head = view.summary
    took = duration(head.finished - head.started) if head.finished else ""
    out_wrapped(
        f"{style(head.run, bold=True)}  {head.playbook}  {local(head.started, zone=True)}  "
        f"{took}  {run_text(head)}"
    )
    if head.trigger == Trigger.EXEC:
        out(f"  $ {head.title}")
    if head.interrupted:
        out_wrapped(f"  {for_workspace(interrupted_text(head))}")
    for act in view.acts:
        login = "" if act.login == act.operator else f" ({act.login})"
        out_wrapped(f"  {local(act.at)}  {act.act} by {act.operator}{login} on {act.host}", indent=4)


def print_site(site: SiteView, run: RunSummary, *, verbose: bool) -> None:
    """Print a site with its steps and changes; with `verbose`, also each skipped step and the looks at it."""
    row = site.row
    out()
    why = _why(_without_repeated_reason(site))
    out_wrapped(f"{style(row.site, bold=True)} ({row.client})  {_site_text(row, run)}{why}", indent=4)
    for problem in site.problems:
        if problem != row.why:
            out_wrapped(f"  ! {for_workspace(problem)}", indent=4)
    for auto in site.auto_updates:
        state = "off" if auto.run == run.run and auto.state != "forced" else auto.state
        out_wrapped(f"  ! {auto_update_text(auto.item, state, auto.forced)}", indent=4)
    for step, *others in _steps(site.steps, together=not verbose):
        _print_step(replace(step, step=count(len(others) + 1, "step")) if others else step, row)
    for look in site.looks if verbose else ():
        out_wrapped(style(f"  {_look_text(look)}", dim=True), indent=4)


def _without_repeated_reason(site: SiteView) -> str:
    """Return the reason of the site without that of a change, which is printed with the change."""
    why = site.row.why
    for change in (change for step in site.steps for change in step.changes if change.why):
        why = why.removesuffix(f": {change.why}")
    return why


def _steps(steps: Sequence[StepView], *, together: bool) -> Iterator[Sequence[StepView]]:
    """Yield each step; with `together`, consecutive steps that were skipped for the same reason as one."""

    def reason(step: StepView) -> str | None:
        return step.why if together and step.outcome is Outcome.SKIPPED and not step.changes else None

    for why, group in groupby(steps, key=reason):
        found = tuple(group)
        yield from ((one,) for one in found) if why is None else (found,)


def pruned_text(run: RunSummary) -> str:
    """Say that the details of a run were pruned."""
    when = f"{run.pruned:%Y-%m-%d}" if run.pruned else ""
    return f"output and details were pruned on {when}, see `retention.details` in sitecrew.yaml"


def print_output(step: StepOutput) -> None:
    """Print the outcome of a step and the output of its host."""
    state = outcome_text(step.outcome) if step.outcome else "not started"
    out(style(f"== {step.step}  ", bold=True) + f"{state}{_why(step.why)}")
    if step.output:
        out(step.output.rstrip("\n"))


def _site_text(site: SiteRow, run: RunSummary) -> str:
    if site.outcome is not None:
        return outcome_text(site.outcome)
    if run.interrupted and site.state is not State.WAITING:
        return style("interrupted", fg="magenta")
    return style(site.state.value, fg="cyan")


def _print_step(step: StepView, row: SiteRow) -> None:
    state = outcome_text(step.outcome) if step.outcome else ""
    state += " " * (_WIDTH - len(step.outcome or ""))
    line = f"  {step.step:<22} {state} {duration(step.seconds):>7}"
    repeated = any(change.why and step.why.endswith(change.why) for change in step.changes)
    out_wrapped((line if repeated or step.why == row.why else f"{line}{_why(step.why)}").rstrip(), indent=6)
    if step.trials and step.trials > 1:
        out(style(f"      {count(step.trials, 'trial')}, {count(step.looks or 0, 'look')}", dim=True))
    print_reasons([_change_cells(change) for change in step.changes], margin=6, below=8)


def _change_cells(change: ChangeView) -> tuple[str, str, str, str]:
    """Return the item, its versions, the outcome and everything that is to be known about it."""
    version = change.from_version or "its old version"
    about = (
        change.why,
        f"unverified: the site could not be checked: {change.unverified}" if change.unverified else "",
        f"uncertain: could not confirm that it is back at {version}" if change.uncertain else "",
    )
    arrow = f"{change.from_version} -> {change.to_version}"
    return change.item, arrow, outcome_text(change.outcome), for_workspace("; ".join(filter(None, about)))


def _look_text(look: LookView) -> str:
    verdict = {True: "healthy", False: "unhealthy", None: "no verdict"}[look.healthy]
    answer = f"{look.status or 'no answer'} in {duration(look.seconds) or 'unknown time'}"
    findings = "; ".join(map(str, look.findings))
    when = f"{clock(look.at)}  look {look.phase} ({look.signal})"
    return f"{when}  {look.url}  {answer}  {verdict}" + (f": {findings}" if findings else "")


def _why(why: str) -> str:
    return f"  {for_workspace(why)}" if why else ""
