"""The driver's time limits follow from `limits.step` and `limits.driver_silence`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from runner.execute import Command, Job, Pool, Timeouts
from runner.hosts.hosts import Hosts
from runner.load import Redactor, Workspace
from runner.model import Inventory
from runner.model.settings import Limits as Waits
from runner.model.settings import Settings


@pytest.fixture
def limits(tmp_path):
    def of(*timeouts, **settings):
        steps = [SimpleNamespace(timeout=timedelta(seconds=seconds)) for seconds in timeouts]
        workspace = Workspace(
            folder=tmp_path,
            inventory=Inventory(hosts={}, clients={}, sites={}),
            settings=Settings(limits=Waits(**settings)),
            playbooks={"night": SimpleNamespace(steps=steps)},
        )
        return Hosts(workspace, Pool(), Redactor()).limits

    return of


def test_default_settings_give_default_limits(limits):
    found = limits()
    assert replace(found, output=Timeouts().output) == Timeouts()


def test_short_settings_give_short_limits(limits):
    found = limits(step=timedelta(seconds=4), driver_silence=timedelta(seconds=2))
    assert (found.silence, found.hello, found.reattach, found.margin) == (2, 10, 10, 10)
    assert (found.job, found.ending, found.tidying) == (64, 8, 4)


def test_longer_step_timeout_extends_limits(limits):
    found = limits(7200, 60, step=timedelta(seconds=4))
    assert (found.job, found.ending) == (14400, 7200)


def test_span_of_simple_job_covers_its_commands():
    job = Job("0" * 32, (Command("a", "true", timeout=4),))
    assert (job.span().tasks, job.span().rest) == (19, 0)


def test_span_of_waiting_job_covers_verdict_and_rest():
    job = Job(
        "0" * 32,
        (Command("a", "true", timeout=4),),
        cleanup="true",
        cleanup_limit=5,
        wait=90,
        check_limit=6,
        keep=(Command("k", "true", timeout=7),),
        undo=(Command("u", "true", timeout=8),),
    )
    assert (job.span().wait, job.span().rest) == (90 + 6 + 15, (8 + 15) + (5 + 15))
