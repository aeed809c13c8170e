"""A run as `show` prints it, and the words for how far runs and sites are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.cli.choice import interrupted_text
from runner.cli.hints import for_workspace
from runner.cli.output import auto_update_text, outcome_text, seconds_text
from runner.cli.screen import out, style
from runner.model import Outcome, State

if TYPE_CHECKING:
    from runner.record import LookView, RunSummary, RunView, SiteRow, SiteView, StepOutput, StepView

__all__ = ["print_output", "print_run", "print_site", "run_text"]

_WIDEST = max(map(len, Outcome))


def run_text(run: RunSummary) -> str:
    """How a run ended, else its state."""
    if run.outcome is not None:
        return outcome_text(run.outcome)
    return style("interrupted", fg="magenta") if run.interrupted else style(run.state.value, fg="cyan")


def print_run(view: RunView) -> None:
    """The run itself, and what operators did to it."""
    head = view.summary
    took = seconds_text((head.finished - head.started).total_seconds()) if head.finished else ""
    out(
        f"{style(head.run, bold=True)}  {head.playbook}  {head.started.astimezone():%Y-%m-%d %H:%M}  "
        f"{took}  {run_text(head)}"
    )
    if head.interrupted:
        out(f"  {for_workspace(interrupted_text(head))}")
    for act in view.acts:
        login = "" if act.login == act.operator else f" ({act.login})"
        out(f"  {act.at.astimezone():%Y-%m-%d %H:%M}  {act.act} by {act.operator}{login} on {act.host}")


def print_site(site: SiteView, run: RunSummary, *, verbose: bool) -> None:
    """A site with its steps and changes; `verbose`: with how it looked from outside, too."""
    row = site.row
    out(f"\n{style(row.site, bold=True)} ({row.client})  {_site_text(row, run)}{_why(row.why)}")
    for problem in site.problems:
        out(f"  ! {for_workspace(problem)}")
    for auto in site.auto_updates:
        state = "off" if auto.run == run.run and auto.state != "forced" else auto.state
        out(f"  ! {auto_update_text(auto.item, state, auto.forced)}")
    for step in site.steps:
        _print_step(step, row)
    for look in site.looks if verbose else ():
        out(style(f"  {_look_text(look)}", dim=True))


def print_output(step: StepOutput) -> None:
    """How a step ended, and what its host printed."""
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
    state += " " * (_WIDEST - len(step.outcome or ""))
    line = f"  {step.step:<22} {state} {seconds_text(step.seconds):>7}"
    repeated = any(change.why and step.why.endswith(change.why) for change in step.changes)
    out((line if repeated or step.why == row.why else f"{line}{_why(step.why)}").rstrip())
    if step.trials and step.trials > 1:
        out(style(f"      tried {step.trials} times, with {step.looks} looks", dim=True))
    for change in step.changes:
        arrow = f"{change.from_version} -> {change.to_version}"
        out(f"      {change.item:<26} {arrow:<20} {outcome_text(change.outcome)}{_why(change.why)}")
        if change.unverified:
            out(f"        unverified: nobody could check the site: {change.unverified}")
        if change.uncertain:
            out(f"        uncertain: not read to be at {change.from_version or 'its old version'} afterwards")


def _look_text(look: LookView) -> str:
    verdict = {True: "healthy", False: "unhealthy", None: "no verdict"}[look.healthy]
    answer = f"{look.status or 'no answer'} in {seconds_text(look.seconds) or 'unknown time'}"
    findings = "; ".join(map(str, look.findings))
    when = f"{look.at.astimezone():%H:%M:%S}  look {look.phase} ({look.signal})"
    return f"{when}  {look.url}  {answer}  {verdict}" + (f": {findings}" if findings else "")


def _why(why: str) -> str:
    return f"  {for_workspace(why)}" if why else ""
