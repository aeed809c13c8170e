"""How long windows take, and which sites they are too short for, as `schedule next` and `plan` show it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.cli.main import _run
from runner.model import Outcome, Plan, SitePlan
from runner.record import Ledger
from tests.cli.workspaces import INVENTORY
from tests.record.book import at, create

WINDOWS = """\
windows:
  night: {playbook: nightly, day: daily, at: "02:00", lasts: 1h, timezone: UTC}
  other: {playbook: weekly, day: monday, at: "02:00", timezone: UTC}
"""
SITES = ("acme-shop", "acme-docs")


@pytest.fixture(autouse=True)
def _windows(workspace: Path) -> None:
    (workspace / "inventory.yaml").write_text(INVENTORY + WINDOWS)


def ran(ledger: Ledger, **minutes: int) -> None:
    """Record a run of the playbook, and how many minutes it took on each site."""
    sites = [(name, "acme", "web1", 0, number) for number, name in enumerate(SITES)]
    create(
        ledger,
        sites=sites,
        steps=[("shell", "shell", "Shell")],
        run="r1",
        playbook="nightly",
        title="Nightly",
        trigger="window",
        window="night",
        started=at(3),
    )
    for name, length in minutes.items():
        site = name.replace("_", "-")
        ledger.sites.started("r1", site, at(3))
        ledger.sites.finished("r1", site, Outcome.OK, "", at(3) + timedelta(minutes=length))


def next_night(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert _run(["schedule", "next", "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return next(one for one in found if one["window"] == "night")


def test_time_of_unknown_sites_is_unknown(capsys: pytest.CaptureFixture[str]):
    found = next_night(capsys)
    assert (found["seconds"], found["late"]) == (None, [])
    _run(["schedule", "next", "--count", "1"])
    head, line = capsys.readouterr().out.splitlines()
    assert head.split()[-1] == "takes"
    assert line.split()[-1] == "unknown"


def test_next_names_sites_that_do_not_fit(capsys: pytest.CaptureFixture[str], ledger: Ledger):
    ran(ledger, acme_shop=20, acme_docs=70)
    found = next_night(capsys)
    assert (found["seconds"], found["late"]) == (20 * 60, ["acme-docs"])
    _run(["schedule", "next", "--count", "1"])
    head, line = capsys.readouterr().out.splitlines()
    assert head.split()[-2:] == ["takes", "late"]
    assert line.split()[-3:] == ["20", "min", "acme-docs"]


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_plan_shows_the_windows_of_its_playbook(
    option: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
):
    ran(ledger, acme_shop=20, acme_docs=70)
    made = Plan(playbook="nightly", sites=tuple(SitePlan(site=name, client="acme") for name in SITES))
    monkeypatch.setattr("runner.inspect.plan.make_plan", lambda *_, **__: made)
    assert _run(["plan", "nightly", *option]) == 0
    out, err = capsys.readouterr()
    if not option:
        assert err.splitlines()[-1] == (
            "window night of acme takes about 20 min of 1 h; likely to be late: acme-docs"
        )
        return
    assert json.loads(out)["windows"] == [
        {"window": "night", "client": "acme", "seconds": 1200, "lasts": 3600, "late": ["acme-docs"]}
    ]
