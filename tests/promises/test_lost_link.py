"""Promise: a link may break or fall silent at any byte; the run ends with the truth, everything once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pytest

from lab.proxy import Proxy
from runner.execute import Timeouts
from runner.hosts.hosts import Hosts
from runner.model import Outcome
from tests.crew import (
    Crew,
    at_work,
    check_host_is_clean,
    check_nobody_is_left,
    forget_marks,
    marks,
    names,
    plugin_version,
    upon,
    work,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lab import Fleet
    from runner.apply.site import Ending

pytestmark = pytest.mark.fleet

CHANGING = """\
name: Changing
steps:
  - shell: {run: 'echo before; echo before >>"$HOME/marks"', changes: true}
  - wordpress.plugins: {update: [harbour-forms]}
  - shell: {run: 'echo after; echo after >>"$HOME/marks"', changes: true}
"""
PLAIN = """\
name: Plain
steps:
  - shell: {run: 'echo before; echo before >>"$HOME/marks"', changes: true}
  - shell: {run: 'head -c 3000 /dev/zero | tr "\\0" x'}
  - shell: {run: 'echo after; echo after >>"$HOME/marks"', changes: true}
"""
ONCE = Counter({"before": 1, "after": 1})
STATIC = "globex-docs"


@dataclass
class Ran:
    """A run through a proxy: its ending, and how many bytes had come when each event was told."""

    ending: Ending
    links: int
    at: list[tuple[str, int]] = field(default_factory=list)


def through_proxy(
    fleet: Fleet,
    folder: Path,
    playbook: str,
    site: str,
    *,
    cut_after: int | None = None,
    how: Literal["rst", "fin", "stall"] = "rst",
    settings: str = "",
) -> Ran:
    """The site in its first state, worked on over a link that is cut after so many bytes from the server."""
    host = fleet.hosts[fleet.sites[site].host]
    fleet.reset(site)
    forget_marks(fleet, host.name)
    crew = Crew(fleet, folder, CHANGING, PLAIN)
    crew.settings(settings)
    with Proxy((host.address, host.port), cut_after=cut_after, how=how) as proxy:
        crew.move_host(host.name, proxy.port)
        with at_work(crew) as session:
            told: list[tuple[str, int]] = []
            session.emit = lambda event, *_, **__: told.append(
                (event, proxy.links[0].down if proxy.links else 0)
            )  # type: ignore[method-assign]
            ending = work(session, playbook, site)
            check(fleet, crew, playbook, site, ending)
        return Ran(ending, len(proxy.links), told)


def check(fleet: Fleet, crew: Crew, playbook: str, site: str, ending: Ending) -> None:
    """Everything was done, once, and the ledger says so."""
    host = fleet.sites[site].host
    assert ending.outcome is Outcome.CHANGED, ending
    assert marks(fleet, host) == ONCE
    assert {step["outcome"] for step in crew.site(site)["steps"]} <= {"changed", "ok"}
    assert crew.site(site)["outcome"] == "changed"
    if playbook == "changing":
        assert plugin_version(fleet, site, "harbour-forms") == "1.8.3"
        assert crew.site(site)["steps"][1]["changes"][0]["outcome"] == "changed"
    for job in (fleet.spec.home(host) / ".sitecrew/jobs").iterdir():
        assert "done" in names(job)


def cut_at(fleet: Fleet, folder: Path, playbook: str, sites: tuple[str, ...], places: Iterable[int]) -> int:
    """Cut at each of these bytes, RST and FIN in turn, on all sites at once. How many were cut."""
    places = list(places)

    def lane(number: int) -> int:
        count = 0
        for turn, place in enumerate(places[number :: len(sites)]):
            how: Literal["rst", "fin"] = "fin" if turn % 2 else "rst"
            try:
                where = folder / f"{number}-{place}"
                ran = through_proxy(fleet, where, playbook, sites[number], cut_after=place, how=how)
            except BaseException as error:
                error.add_note(f"on {sites[number]}, cut by {how} after {place} bytes")
                raise
            count += ran.links > 1
        return count

    with ThreadPoolExecutor(len(sites)) as pool:
        return sum(pool.map(lane, range(len(sites))))


def changing_bytes(ran: Ran) -> tuple[int, int]:
    """From where the segment begins to where its end is on record, in bytes from the server."""
    return next(at for event, at in ran.at if event == "segment.started"), ran.at[-1][1]


@pytest.mark.parametrize("every", [30, pytest.param(1, marks=pytest.mark.long)])
def test_a_cut_around_every_event_of_a_changing_segment(
    fresh_fleet: Fleet, tmp_path: Path, every: int
) -> None:
    """A plugin update on a real site: cut at every event's byte, shortly after it, and in between."""
    ran = through_proxy(fresh_fleet, tmp_path / "whole", "changing", "acme-blog")
    assert ran.links == 1
    begins, ends = changing_bytes(ran)
    at_events = {at + by for _, at in ran.at if at >= begins for by in (0, 40)}
    places = sorted(at_events | set(range(begins, ends, 1000)))[::every]
    cut = cut_at(fresh_fleet, tmp_path, "changing", ("acme-blog", "acme-shop"), places)
    assert cut > len(places) / 2
    check_nobody_is_left(fresh_fleet, "web1", "web2")


@pytest.mark.parametrize("every", [700, pytest.param(200, marks=pytest.mark.long)])
def test_a_cut_at_every_so_many_bytes_of_a_link(fresh_fleet: Fleet, tmp_path: Path, every: int) -> None:
    """From the greeting of sshd to the last frame, on a static site."""
    ran = through_proxy(fresh_fleet, tmp_path / "whole", "plain", STATIC)
    places = range(1, ran.at[-1][1], every)
    cut = cut_at(fresh_fleet, tmp_path, "plain", (STATIC,), places)
    assert cut > len(places) / 2
    check_nobody_is_left(fresh_fleet, "web3")


@pytest.mark.long
def test_a_cut_at_every_twentieth_byte_of_a_link(fresh_fleet: Fleet, tmp_path: Path) -> None:
    """As above, finer, and over the whole link of a WordPress site too."""
    ran = through_proxy(fresh_fleet, tmp_path / "plain", "plain", STATIC)
    cut_at(fresh_fleet, tmp_path / "p", "plain", (STATIC,), range(1, ran.at[-1][1], 20))
    ran = through_proxy(fresh_fleet, tmp_path / "changing", "changing", "acme-blog")
    places = range(1, ran.at[-1][1], 60)
    cut_at(fresh_fleet, tmp_path / "c", "changing", ("acme-blog", "acme-shop"), places)


def test_a_link_that_falls_silent_is_left_for_a_new_one(fresh_fleet: Fleet, tmp_path: Path) -> None:
    """After `limits.driver_silence`, and the job is attached to where it was."""
    whole = through_proxy(fresh_fleet, tmp_path / "whole", "plain", STATIC)
    begun = next(at for event, at in whole.at if event == "step.started")
    settings = "limits: {driver_silence: 2s}\n"
    ran = through_proxy(
        fresh_fleet, tmp_path / "w", "plain", STATIC, cut_after=begun + 500, how="stall", settings=settings
    )
    assert ran.links == 2


def test_a_host_that_stays_away_is_lost_and_resume_finds_the_truth(
    fresh_fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost is not failed and not ok, and nothing is done twice afterwards."""
    monkeypatch.setattr(Hosts, "limits", Timeouts(silence=1.0, reattach=1.0))
    go = fresh_fleet.spec.home("web3") / "go"
    crew = Crew(fresh_fleet, tmp_path / "w", PLAIN)
    crew.edit("playbooks/plain.yaml", "head -c", f"until [ -e {go} ]; do sleep 0.05; done; head -c")
    forget_marks(fresh_fleet, "web3")
    with at_work(crew) as session, upon(session, "step.started", lambda: fresh_fleet.stop_host("web3")):
        ending = work(session, "plain", STATIC)
        go.touch()
    assert ending.outcome is Outcome.LOST, ending
    assert {step["outcome"] for step in crew.site(STATIC)["steps"]} == {"lost"}
    fresh_fleet.start_host("web3")
    said = crew.say("resume", "last", "--json")
    assert said.code == 0, said
    assert marks(fresh_fleet, "web3") == ONCE
    assert [step["outcome"] for step in crew.site(STATIC)["steps"]] == ["changed", "ok", "changed"]
    check_host_is_clean(fresh_fleet, "web3")


def test_a_host_that_cannot_be_reached_is_done_by_resume(fresh_fleet: Fleet, tmp_path: Path) -> None:
    """Exit 4, nothing begun; later 0, everything once."""
    crew = Crew(fresh_fleet, tmp_path / "w", PLAIN)
    fresh_fleet.stop_host("web3")
    said = crew.say("run", "plain", "-l", STATIC, "--json")
    assert said.code == 4, said
    assert said.events[-1]["sites"] == {STATIC: "unreachable"}
    assert {step["outcome"] for step in crew.site(STATIC)["steps"]} == {"unreachable"}
    assert not marks(fresh_fleet, "web3")
    fresh_fleet.start_host("web3")
    assert crew.say("resume", "--json").code == 0
    assert marks(fresh_fleet, "web3") == ONCE


def test_a_link_that_breaks_before_the_host_is_told_to_forget_spoils_nothing(
    fresh_fleet: Fleet, tmp_path: Path
) -> None:
    """The end is on record by then; what comes after it makes it neither lost nor unreachable."""
    crew = Crew(fresh_fleet, tmp_path / "w", PLAIN)
    forget_marks(fresh_fleet, "web3")
    with at_work(crew) as session:

        def unplug() -> None:
            fresh_fleet.stop_host("web3")
            link = session.hosts.pool.existing(endpoint)
            assert link is not None
            link.close()

        endpoint = session.hosts.endpoint(session.workspace.inventory.hosts["web3"])
        with upon(session, "segment.recorded", unplug):
            ending = work(session, "plain", STATIC)
    assert ending.outcome is Outcome.CHANGED, ending
    assert marks(fresh_fleet, "web3") == ONCE
