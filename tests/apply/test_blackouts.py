"""Blackout days apply to each site at the time when it would be started."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.apply import site as site_module
from runner.apply.session import Session
from runner.apply.site import Ending, work_on
from runner.load import load_workspace
from runner.model import Outcome
from runner.workflows.orders import new_order
from runner.workflows.run import Works, begin
from tests.workflows.scheduling import at, scheduler, write

EVE = '  night: {playbook: hello, day: daily, at: "23:59", lasts: 3h, blackouts: [2026-12-24]}\n'


@pytest.mark.parametrize(
    ("zone", "own", "now", "expected"),
    [
        ("UTC", None, "2026-12-23 23:59", "ok"),
        ("UTC", None, "2026-12-24 00:00", "missed"),
        ("UTC", None, "2026-12-24 23:59", "missed"),
        ("UTC", None, "2026-12-25 00:00", "ok"),
        ("Europe/Berlin", None, "2026-12-23 22:59", "ok"),
        ("Europe/Berlin", None, "2026-12-23 23:00", "missed"),
        ("Pacific/Auckland", None, "2026-12-23 11:01", "missed"),
        ("America/New_York", None, "2026-12-24 04:59", "ok"),
        ("Europe/Berlin", "UTC", "2026-12-23 23:30", "missed"),
        ("Europe/Berlin", "UTC", "2026-12-24 23:30", "missed"),
        ("Europe/Berlin", "UTC", "2026-12-25 00:00", "ok"),
    ],
)
def test_no_site_starts_on_blackout_day_of_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, zone: str, own: str | None, now: str, expected: str
):
    folder = write(tmp_path, EVE, zone=zone)
    workspace = load_workspace(folder, environ={})
    blackouts = workspace.inventory.windows["night"].blackouts
    monkeypatch.setattr(site_module, "_run_site", lambda *_: Ending(Outcome.OK))
    session = Session(workspace)
    session.now = lambda: at(now)  # type: ignore[method-assign]
    site = workspace.inventory.sites["c0-site"]
    order = new_order(
        workspace,
        workspace.playbooks["hello"],
        [[site]],
        now=at(now),
        closes=at("2026-12-30 00:00"),
        blackouts=blackouts,
        timezone=own or zone,
    )
    begin(session, order, trigger="window")
    ending = work_on(session, order, site, 1)
    session.close()
    assert ending.outcome == expected
    assert ending.why == ("" if expected == "ok" else "2026-12-24 is a blackout day: no site is started")


def test_window_run_keeps_blackouts_until_manual_resume(tmp_path: Path):
    folder = write(tmp_path, EVE)
    with scheduler(folder) as one:
        (run,) = one.tick(at("2026-12-23 23:59"))
        for late, known in ((False, 1), (True, 0)):
            works = Works.__new__(Works)
            works._session, works._late, works._orders = one.session, late, {}
            assert len(works._order(run).blackouts) == known
