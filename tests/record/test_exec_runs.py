"""Commands of `exec` are recorded, but are no maintenance: reports, `@failed` and `resume` leave them out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from runner.cli.choice import run_to_resume
from runner.cli.selection import failed_sites
from runner.errors import UnknownNameError, UsageError
from runner.model import Outcome, Period, StepOutcome, Trigger

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from runner.record import Ledger

NOVEMBER = Period.parse("2026-11").instants("Europe/Berlin")


@pytest.fixture
def execute(
    ledger: Ledger, create_run: Callable[..., bool], start: datetime
) -> Callable[[Outcome, Trigger], str]:
    """Record a finished run of one shell step on one site; each is a day after the one before."""
    count = 0

    def execute(outcome: Outcome, trigger: Trigger = Trigger.EXEC) -> str:
        nonlocal count
        count += 1
        run, at = f"r{count}", start + timedelta(days=count)
        site, step = [("shop", "acme", "web1", 0, 0)], [("shell", "shell", "uptime")]
        create_run(ledger, run, at, playbook="exec", sites=site, steps=step, trigger=trigger.value)
        ledger.sites.started(run, "shop", at)
        ledger.steps.finished(run, "shop", StepOutcome(step="shell", outcome=outcome, seconds=1.0), at)
        ledger.sites.finished(run, "shop", outcome, "", at)
        ledger.runs.finished(run, outcome, at)
        return run

    return execute


@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.FAILED, Outcome.UNREACHABLE])
@pytest.mark.parametrize("trigger", [Trigger.EXEC, Trigger.MANUAL])
def test_history_has_no_command_of_exec(
    ledger: Ledger, execute: Callable[..., str], outcome: Outcome, trigger: Trigger
) -> None:
    execute(outcome, trigger)
    history = ledger.reports.history(["shop"], *NOVEMBER, client="acme")
    recorded = trigger is Trigger.MANUAL
    assert bool(history.runs) is recorded
    assert (history.first is not None) is recorded
    assert bool(history.failures) is (recorded and outcome is not Outcome.OK)
    assert [run.run for run in ledger.runs.list()] == ["r1"]
    assert len(ledger.clients.export("acme", ["shop"])["runs"]) == 1


def test_failed_command_does_not_outdate_last_look(ledger: Ledger, execute: Callable[..., str]) -> None:
    from tests.record.book import at, work

    work(ledger, "weekly", at(3))
    execute(Outcome.FAILED)
    [look] = ledger.reports.history(["shop"], *NOVEMBER, client="acme").last_looks
    assert look.healthy is True
    execute(Outcome.FAILED, Trigger.MANUAL)
    [look] = ledger.reports.history(["shop"], *NOVEMBER, client="acme").last_looks
    assert look.healthy is None


def test_failed_selects_sites_of_last_playbook(ledger: Ledger, execute: Callable[..., str]) -> None:
    with pytest.raises(UnknownNameError, match="no runs yet"):
        failed_sites(ledger)
    execute(Outcome.FAILED, Trigger.MANUAL)
    execute(Outcome.OK)
    assert failed_sites(ledger) == ("shop",)
    assert ledger.runs.find("last") == "r2"


def test_resume_without_run_ignores_commands(ledger: Ledger, execute: Callable[..., str]) -> None:
    execute(Outcome.UNREACHABLE)
    with pytest.raises(UsageError, match="no run was interrupted"):
        run_to_resume(ledger)
    playbook = execute(Outcome.UNREACHABLE, Trigger.MANUAL)
    execute(Outcome.OK)
    assert run_to_resume(ledger) == playbook
