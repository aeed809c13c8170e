"""The stage in which the controller looks at a site as a visitor does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from runner.model import Look, Outcome, Step, StepOutcome
from runner.steps.probe import ProbeHttpOptions
from runner.verify import Expectation, look

if TYPE_CHECKING:
    from runner.workflows.site import Task

__all__ = ["take_look"]


def take_look(task: Task, step: Step) -> StepOutcome:
    """Look at the pages, write down what each said, and judge."""
    options = step.options
    assert isinstance(options, ProbeHttpOptions)  # noqa: S101  # the loader made it so
    began = time.monotonic()
    seen = look(
        task.site,
        Expectation(status=options.status, text=options.expect or task.site.expect),
        pages=options.pages,
        limit=task.order.limits.look.total_seconds(),
    )
    seconds = round(time.monotonic() - began, 3)
    _record(task, seen)
    task.session.emit(
        "look.taken", task.run, task.site.name, step.id, healthy=seen.healthy, findings=list(seen.findings)
    )
    if seen.healthy:
        return StepOutcome(step=step.id, outcome=Outcome.OK, seconds=seconds, output=_lines(seen))
    return StepOutcome(
        step=step.id,
        outcome=Outcome.FAILED,
        why="; ".join(seen.findings),
        seconds=seconds,
        output=_lines(seen),
    )


def _record(task: Task, seen: Look) -> None:
    for page in seen.pages:
        task.session.ledger.record_look(
            site=task.site.name,
            run=task.run,
            at=seen.at,
            phase="after",
            signal="page",
            url=page.url,
            healthy=page.healthy,
            status=page.status,
            seconds=page.seconds,
            size=page.size,
            findings=page.findings,
        )


def _lines(seen: Look) -> str:
    return "\n".join(
        f"{page.page}  {page.status or 'no answer'}  {page.seconds:.2f} s  {page.size} bytes"
        f"{''.join(f'  {finding}' for finding in page.findings)}"
        for page in seen.pages
    )
