from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from runner.errors import LedgerError
from runner.model import Outcome, StepOutcome
from runner.record import Ledger
from tests.record.book import step_outcomes

MINUTE = timedelta(minutes=1)


def test_recording_job_twice_changes_nothing(
    ledger: Ledger, create_run, start: datetime, plugins: StepOutcome
):
    create_run(ledger)
    ledger.jobs.started("r1", "shop", 1, "job")
    assert ledger.jobs.ended("r1", "shop", 1, "job", status="ok", outcomes=[plugins], at=start)
    before = ledger.runs.show("r1"), ledger.jobs.list("r1", "shop")
    for _ in range(2):
        assert not ledger.jobs.ended(
            "r1", "shop", 1, "job", status="ok", outcomes=[plugins], at=start + MINUTE
        )
        assert not ledger.jobs.started("r1", "shop", 1, "job")
    assert (ledger.runs.show("r1"), ledger.jobs.list("r1", "shop")) == before


def test_started_job_keeps_its_time_limits(ledger: Ledger, create_run):
    create_run(ledger)
    ledger.jobs.started("r1", "shop", 1, "job", span=(60.0, 30.0, 5.0))
    ledger.jobs.started("r1", "shop", 2, "of before")
    assert [segment.span for segment in ledger.jobs.list("r1", "shop")] == [[60.0, 30.0, 5.0], None]


def test_recording_job_again_keeps_later_undo(
    ledger: Ledger, create_run, start: datetime, plugins: StepOutcome
):
    create_run(ledger)
    changed = replace(plugins, outcome=Outcome.CHANGED, why="")
    ledger.jobs.ended("r1", "shop", 1, "job", status="ok", outcomes=[changed], at=start)
    ledger.steps.finished("r1", "shop", plugins, start + MINUTE)
    ledger.jobs.ended("r1", "shop", 1, "job", status="ok", outcomes=[changed], at=start + 2 * MINUTE)
    assert step_outcomes(ledger, "shop") == [None, Outcome.UNDONE, None]


def test_job_states_in_order(ledger: Ledger, create_run, start: datetime):
    create_run(ledger)

    def states() -> list[tuple[int, str, str, str | None]]:
        return [(s.number, s.job, s.state, s.status) for s in ledger.jobs.list("r1", "shop")]

    assert ledger.jobs.started("r1", "shop", 1, "a", start)
    assert states() == [(1, "a", "started", None)]
    assert ledger.jobs.list_ended("r1", "shop") == ()
    ledger.jobs.acknowledged("r1", "shop", 1)
    assert states() == [(1, "a", "started", None)]
    ledger.jobs.ended("r1", "shop", 1, "a", status="cancelled", outcomes=[], at=start)
    ledger.jobs.acknowledged("r1", "shop", 1)
    assert states() == [(1, "a", "acked", "cancelled")]
    assert ledger.jobs.started("r1", "shop", 1, "b", start)
    assert states() == [(1, "b", "started", None)]


def test_job_with_unknown_step_is_refused(ledger: Ledger, create_run, start: datetime, plugins: StepOutcome):
    create_run(ledger)
    stranger = StepOutcome(step="stranger", outcome=Outcome.OK)
    with pytest.raises(LedgerError, match="stranger"):
        ledger.jobs.ended("r1", "shop", 1, "job", status="ok", outcomes=[plugins, stranger], at=start)
    assert step_outcomes(ledger, "shop") == [None, None, None]
    assert ledger.jobs.list("r1", "shop") == ()
