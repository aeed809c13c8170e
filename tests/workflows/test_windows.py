"""A due window is started once, however many processes run `tick` or `serve`."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from lab.shell import until
from tests.crew import Crew, check_nobody_is_left, ended, forget_marks, marks, read_until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

MARK = 'name: Mark\nsteps:\n  - shell: {run: \'basename "$PWD" >>"$HOME/marks"\', changes: true}\n'
WAITING = """\
name: Mark
steps:
  - shell:
      run: basename "$PWD" >>"$HOME/marks"; until [ -e "$HOME/go" ]; do sleep 0.05; done
      changes: true
"""
STATIC = "globex-docs"
CLOCKED = "tests.workflows.clocked"


@pytest.fixture
def crew(fresh_fleet: Fleet, tmp_path: Path, ledger_setting: str) -> Crew:
    forget_marks(fresh_fleet, "web3")
    made = Crew(fresh_fleet, tmp_path / "w", MARK)
    made.settings(ledger_setting)
    return made


def due(
    crew: Crew, ago: timedelta = timedelta(seconds=20), more: str = "", sites: Sequence[str] = (STATIC,)
) -> str:
    """Write a window that opened a moment ago; return its start as in the ledger."""
    start = (datetime.now(UTC) - ago).replace(second=0, microsecond=0)
    text = (crew.folder / "inventory.yaml").read_text().partition("windows:")[0]
    (crew.folder / "inventory.yaml").write_text(
        f"""{text}windows:
  now:
    playbook: mark
    day: {start:%A}
    at: "{start:%H:%M}"
    lasts: 2h
    timezone: UTC
    sites: [{", ".join(sites)}]
{more}""".replace(f"{start:%A}", f"{start:%A}".lower())
    )
    return start.isoformat().replace("+00:00", "Z")


def decided(crew: Crew) -> list[dict[str, str]]:
    result = crew.say("schedule", "list", "--json")
    found: list[dict[str, str]] = result.json
    return found


def test_two_concurrent_ticks_start_window_once(crew: Crew) -> None:
    start = due(crew)
    both = [ended(process) for process in [crew.start("tick", "--json") for _ in range(2)]]
    assert [result.code for result in both] == [0, 0], both
    assert marks(crew.fleet, "web3")[STATIC] == 1
    [window] = decided(crew)
    assert (window["starts"], window["state"]) == (start, "run")
    assert crew.show(window["run"])["outcome"] == "changed"
    assert crew.say("tick").code == 0
    assert marks(crew.fleet, "web3")[STATIC] == 1


def test_serve_and_tick_start_window_once(crew: Crew) -> None:
    due(crew)
    serving = crew.start("serve", "--json")
    ticking = crew.start("tick", "--json")
    assert ended(ticking).code == 0
    again = crew.start("tick")
    assert ended(again).code == 0
    serving.send_signal(signal.SIGTERM)
    assert ended(serving).code == 0
    assert marks(crew.fleet, "web3")[STATIC] == 1
    assert len(crew.say("list", "runs", "--json").json) == 1


def test_cancel_stops_only_one_run_of_serve(crew: Crew) -> None:
    for host in ("web2", "web3"):
        forget_marks(crew.fleet, host)
    crew.playbook("mark", WAITING)
    due(crew, sites=(STATIC, "acme-blog"))
    serving = crew.start("serve", "--json")
    until(lambda: marks(crew.fleet, "web2") and marks(crew.fleet, "web3"), "both to start")
    acme, globex = sorted(run["run"] for run in crew.say("list", "runs", "--json").json)
    result = crew.say("cancel", globex)
    assert result.code == 0
    assert "cancelled" in result.err
    assert crew.show(acme)["outcome"] is None
    (crew.fleet.spec.home("web2") / "go").touch()
    until(lambda: crew.show(acme)["outcome"], "the other to end")
    assert (crew.show(acme)["outcome"], crew.show(globex)["outcome"]) == ("changed", "cancelled")
    serving.send_signal(signal.SIGTERM)
    assert ended(serving).code == 0
    check_nobody_is_left(crew.fleet, "web3")


def test_window_skips_locked_site(crew: Crew, tmp_path: Path) -> None:
    other = Crew(crew.fleet, tmp_path / "other", WAITING)
    working = other.start("run", "mark", "-l", STATIC)
    until(lambda: bool(marks(crew.fleet, "web3")), "the other to start")
    due(crew)
    result = crew.say("tick")
    assert result.code == 11, result
    (crew.fleet.spec.home("web3") / "go").touch()
    assert ended(working).code == 0
    assert marks(crew.fleet, "web3")[STATIC] == 1


def test_next_tick_resumes_window_of_killed_process(crew: Crew) -> None:
    due(crew)
    process = crew.start("tick", "--json")
    read_until(process, "step.started")
    process.kill()
    process.communicate()
    result = crew.say("tick", "--json")
    assert result.code == 0, result
    assert "run.finished" in [event["event"] for event in result.events]
    assert marks(crew.fleet, "web3")[STATIC] == 1
    assert crew.show()["outcome"] == "changed"
    assert crew.show()["run"].startswith("now-")


@pytest.mark.parametrize(
    ("ago", "more", "states"),
    [
        (timedelta(minutes=30), "    catch_up: none\n", []),
        (timedelta(minutes=30), "    deadline: 10m\n", []),
        (timedelta(minutes=30), "", ["run"]),
        (timedelta(minutes=1), "    blackouts: [{day}]\n", ["skipped"]),
    ],
    ids=["not caught up", "too late for a first launch", "caught up", "blacked out"],
)
def test_due_window_follows_inventory_settings(
    crew: Crew, ago: timedelta, more: str, states: list[str]
) -> None:
    due(crew, ago, more.replace("{day}", (datetime.now(UTC) - ago).date().isoformat()))
    assert crew.say("tick", "--json").code in {0, 7}
    assert [window["state"] for window in decided(crew)] == states
    assert marks(crew.fleet, "web3")[STATIC] == states.count("run")


@pytest.mark.long
def test_no_site_starts_after_blackout_day_began(crew: Crew) -> None:
    forget_marks(crew.fleet, "web2")
    crew.playbook("mark", WAITING)
    crew.settings("parallel:\n  sites: 1\n")
    text = (crew.folder / "inventory.yaml").read_text().partition("windows:")[0]
    (crew.folder / "inventory.yaml").write_text(
        f"""{text}windows:
  night:
    playbook: mark
    day: daily
    at: "23:59"
    sites: [acme-shop, acme-blog]
    blackouts: [2026-12-24]
"""
    )
    midnight = datetime.now(UTC) + timedelta(seconds=20)
    ahead = {"AHEAD": str((datetime(2026, 12, 23, 23, tzinfo=UTC) - midnight).total_seconds())}
    ticking = crew.start("tick", "--json", module=CLOCKED, env=ahead)
    started = read_until(ticking, "step.started")["site"]
    until(lambda: datetime.now(UTC) > midnight, "midnight in Berlin", seconds=60)
    (crew.fleet.spec.home("web1") / "go").touch()
    (crew.fleet.spec.home("web2") / "go").touch()
    assert ended(ticking).code == 7
    sites = {site["site"]: site for site in crew.show()["sites"]}
    assert {name: site["outcome"] for name, site in sites.items()} == {
        "acme-shop": "changed" if started == "acme-shop" else "missed",
        "acme-blog": "changed" if started == "acme-blog" else "missed",
    }
    [left] = [site for name, site in sites.items() if name != started]
    assert left["why"] == "2026-12-24 is a blackout day: no site is started"
    assert crew.say("resume", crew.show()["run"], module=CLOCKED, env=ahead).code == 0
    assert {site["outcome"] for site in crew.show()["sites"]} == {"changed"}
