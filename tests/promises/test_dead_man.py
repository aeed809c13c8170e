"""Promise: the controller may vanish at any stage of a change; the host ends it alone, once, and clean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lab.gauntlet import CASES, SLUG, prepare
from lab.shell import until
from runner.execute import Timeouts
from runner.hosts.hosts import Hosts
from runner.model import Outcome
from runner.record import Ledger
from tests.crew import (
    Crew,
    at_work,
    check_host_is_clean,
    check_nobody_is_left,
    plugin_version,
    work,
)
from tests.promises.test_no_double_run import KILLED, on_all, run_dying

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITES = ("acme-blog", "acme-shop")
ONE = f"name: One\nsteps:\n  - wordpress.plugins: {{update: [{SLUG}]}}\n"
BAD = {case.name: case for case in CASES}["fatal on load"]


@pytest.mark.long
@pytest.mark.parametrize("every", [4, 1])
def test_killed_at_any_event_of_a_bad_update(fresh_fleet: Fleet, tmp_path: Path, every: int) -> None:
    """Nobody resumes, and yet the site is well soon; `resume` then tells what the host decided."""
    prepare(fresh_fleet, SITES[0], BAD)
    whole = Crew(fresh_fleet, tmp_path / "whole", ONE).say("run", "one", "-l", SITES[0], "--json")
    assert whole.code == 5, whole
    first = next(n for n, event in enumerate(whole.events, 1) if event["event"] == "site.started")

    def one(site: str, number: int) -> None:
        set_back(fresh_fleet, site)
        crew = Crew(fresh_fleet, tmp_path / f"{number}", ONE)
        assert run_dying(crew, number, "event", "run", "one", "-l", site) == KILLED
        host = fresh_fleet.sites[site].host
        until(lambda: not fresh_fleet.jobs(host), f"{host} to come to an end by itself", seconds=60)
        assert plugin_version(fresh_fleet, site, SLUG) == "1.0"
        check_well(fresh_fleet, site)
        said = crew.say("resume", "last", "--json")
        assert said.code == 5, said
        check_told(crew, site)
        check_well(fresh_fleet, site)
        check_host_is_clean(fresh_fleet, host)

    on_all(one, range(first, len(whole.events) + 1, every), SITES)
    check_nobody_is_left(fresh_fleet, "web1", "web2")


@pytest.mark.parametrize(
    "name",
    [
        "text gone",
        *(pytest.param(one, marks=pytest.mark.long) for one in ("fatal on the front only", "good")),
    ],
)
def test_cut_off_between_change_and_verdict(
    fresh_fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The controller lives and cannot reach its host: *lost*, which `resume` turns into the truth.

    A text that is gone is nothing that the host can see: it keeps it, and `resume` looks.
    """
    monkeypatch.setattr(Hosts, "limits", Timeouts(silence=1.0, reattach=1.0))
    monkeypatch.setattr("runner.apply.transaction.job.WAIT", 3)
    site, host = SITES[0], fresh_fleet.sites[SITES[0]].host
    prepare(fresh_fleet, site, {case.name: case for case in CASES}[name])
    crew = Crew(fresh_fleet, tmp_path / "w", ONE)
    with at_work(crew) as session:
        tell, endpoint = session.emit, session.hosts.endpoint(session.workspace.inventory.hosts[host])

        def emit(event: str, *arguments: Any, **data: Any) -> None:
            if data.get("phase") == "after":
                fresh_fleet.stop_host(host)
                link = session.hosts.pool.existing(endpoint)
                if link is not None:  # its other end may be gone before
                    link.close()
            tell(event, *arguments, **data)

        session.emit = emit  # type: ignore[method-assign]
        ending = work(session, "one", site)
    assert ending.outcome is Outcome.LOST, ending
    until(lambda: not fresh_fleet.jobs(host), f"{host} to come to an end by itself", seconds=60)
    if name != "text gone":
        check_well(fresh_fleet, site)
    fresh_fleet.start_host(host)
    said = crew.say("resume", "last", "--json")
    outcome, version, code = ("changed", "1.1", 0) if name == "good" else ("undone", "1.0", 5)
    assert said.code == code, said
    check_told(crew, site, outcome)
    assert plugin_version(fresh_fleet, site, SLUG) == version
    check_well(fresh_fleet, site)
    check_host_is_clean(fresh_fleet, host)


def set_back(fleet: Fleet, site: str) -> None:
    """1.0 is active; what is on offer stays."""
    fleet.reset(site)
    fleet.install(site, "plugins", SLUG, "1.0")
    fleet.wp(site, "plugin", "activate", SLUG)


def check_well(fleet: Fleet, site: str) -> None:
    """As visitors have it; and nothing of ours is in the way of anybody."""
    found = fleet.sites[site]
    page = httpx.get(found.url, timeout=20)
    assert (page.status_code, found.expect in page.text) == (200, True)
    assert not (found.path / ".maintenance").exists()
    assert not list((found.path / "wp-content").glob(".sitecrew-*/*.bad"))


def check_told(crew: Crew, site: str, outcome: str = "undone") -> None:
    """In the ledger; a culprit is held."""
    shown = crew.site(site)
    [change] = shown["steps"][0]["changes"]
    assert (shown["outcome"], change["outcome"]) == (outcome, outcome), shown
    with Ledger.open(f"sqlite:///{crew.folder}/.sitecrew/ledger.db", read_only=True) as ledger:
        assert [hold.item for hold in ledger.holds.list(site)] == ([SLUG] if outcome == "undone" else [])
