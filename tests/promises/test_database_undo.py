"""Promise: an update that changes data one way and then breaks is taken back, and loses nothing."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lab import LabError
from lab.gauntlet import CASES, prepare
from lab.migrations import MIGRATIONS
from lab.shell import until
from runner.execute import Timeouts
from runner.hosts.hosts import Hosts
from runner.model import Outcome
from tests.crew import Crew, at_work, work
from tests.promises.test_dead_man import ONE
from tests.promises.test_gauntlet import SITE, change_of, check_well

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet
    from lab.gauntlet import Case
    from runner.apply.site import Ending

pytestmark = pytest.mark.fleet

NAMED = {case.name: case for case in MIGRATIONS}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            marks=[] if case.name == "data rewritten one way" else [pytest.mark.long],
            id=case.name.replace(" ", "-"),
        )
        for case in MIGRATIONS
    ],
)
def test_data_goes_back_too_where_the_old_files_do_not_suffice(
    fleet: Fleet, tmp_path: Path, case: Case
) -> None:
    prepare(fleet, SITE, case)
    before = data(fleet, case)
    crew = Crew(fleet, tmp_path / "crew", ONE)
    said = crew.say("run", "one", "-l", SITE, "--json")
    assert (said.code, change_of(crew)["outcome"]) == (5, "undone"), said
    assert "in the database" in change_of(crew)["why"]
    check_well(fleet, crew)
    assert data(fleet, case) == before
    point = next(p for p in crew.site(SITE)["restore_points"] if p["path"].endswith("/database"))
    assert point["items"][0]["state"] == "put back"
    assert point["items"][0]["lost"] == {}
    assert {look["phase"] for look in crew.site(SITE)["looks"]} == {"before", "after", "undo"}


def test_where_the_old_files_suffice_they_come_at_once_and_the_data_is_left(
    fleet: Fleet, tmp_path: Path
) -> None:
    """From the verdict to a page in less than ten seconds, `wp` failing all the while."""
    prepare(fleet, SITE, {case.name: case for case in CASES}["fatal on load"])
    crew = Crew(fleet, tmp_path / "crew", ONE)
    judged: list[float] = []
    well: list[float] = []

    def watch() -> None:
        with pytest.raises(LabError):
            fleet.wp(SITE, "eval", "echo 1;")
        judged.append(time.monotonic())
        thread.start()

    def ask() -> None:
        while httpx.get(fleet.sites[SITE].url, timeout=20).status_code != 200:
            time.sleep(0.05)
        well.append(time.monotonic())

    thread = threading.Thread(target=ask)
    ending = run_with(crew, watch, event="trial.judged")
    thread.join(60)
    assert ending.outcome is Outcome.UNDONE, ending
    assert well[0] - judged[0] < 10
    point = next(p for p in crew.site(SITE)["restore_points"] if p["path"].endswith("/database"))
    assert point["items"][0]["state"] == "not needed"


@pytest.mark.long
def test_what_visitors_write_meanwhile_is_kept(fleet: Fleet, tmp_path: Path) -> None:
    """Only the tables of the plugin go back."""
    ending, crew = run_while_a_visitor_comments(fleet, tmp_path, NAMED["schema migrated one way"])
    assert ending.outcome is Outcome.UNDONE, ending
    assert "Lovely crumb" in comments(fleet)
    check_well(fleet, crew)


@pytest.mark.long
def test_nothing_is_lost_without_being_asked_for(fleet: Fleet, tmp_path: Path) -> None:
    """The site stays broken, and the message says what would be lost and what to type."""
    ending, crew = run_while_a_visitor_comments(fleet, tmp_path, NAMED["posts rewritten"])
    assert ending.outcome is Outcome.FAILED, ending
    assert "1 comment would be lost" in ending.why
    run = crew.show()["run"]
    assert f"sitecrew undo {run} -l {SITE} --database" in ending.why
    assert "Lovely crumb" in comments(fleet)


@pytest.mark.long
def test_never_is_never(fleet: Fleet, tmp_path: Path) -> None:
    prepare(fleet, SITE, NAMED["an option changed for ever"])
    crew = Crew(fleet, tmp_path / "crew", ONE)
    crew.settings("policy: {undo: {database: never}}\n")
    said = crew.say("run", "one", "-l", SITE)
    assert said.code == 3, said
    assert "policy.undo.database is never" in change_of(crew)["why"]
    assert not any(p["path"].endswith("/database") for p in crew.site(SITE)["restore_points"])


@pytest.mark.long
def test_asking_is_left_to_people(fleet: Fleet, tmp_path: Path) -> None:
    prepare(fleet, SITE, NAMED["an option changed for ever"])
    crew = Crew(fleet, tmp_path / "crew", ONE)
    crew.settings("policy: {undo: {database: ask}}\n")
    said = crew.say("run", "one", "-l", SITE)
    assert said.code == 3, said
    assert "--database" in change_of(crew)["why"]
    assert "nothing would be lost" in change_of(crew)["why"]


@pytest.mark.long
def test_the_host_does_it_alone_when_nobody_is_there(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hosts, "limits", Timeouts(silence=1.0, reattach=1.0))
    monkeypatch.setattr("runner.apply.transaction.job.WAIT", 3)
    case = NAMED["schema migrated one way"]
    prepare(fleet, SITE, case)
    before, host = data(fleet, case), fleet.sites[SITE].host
    crew = Crew(fleet, tmp_path / "crew", ONE)
    ending = run_with(crew, lambda: fleet.stop_host(host))
    assert ending.outcome is Outcome.LOST, ending
    until(lambda: not fleet.jobs(host), f"{host} to come to an end by itself", seconds=60)
    fleet.start_host(host)
    check_well(fleet, crew)
    assert data(fleet, case) == before


def run_while_a_visitor_comments(fleet: Fleet, folder: Path, case: Case) -> tuple[Ending, Crew]:
    prepare(fleet, SITE, case)
    crew = Crew(fleet, folder / "crew", ONE)
    post = fleet.sql(SITE, "SELECT ID FROM wp_posts WHERE post_type = 'post' LIMIT 1").strip()
    comment = f"--comment_post_ID={post}", "--comment_content=Lovely crumb", "--skip-plugins"
    return run_with(crew, lambda: fleet.wp(SITE, "comment", "create", *comment)), crew


def run_with(crew: Crew, act: Any, *, event: str = "look.taken") -> Ending:
    """A run in which something happens between the change and its verdict."""
    wanted = event
    with at_work(crew) as session:
        tell = session.emit

        def emit(event: str, *arguments: Any, **more: Any) -> None:
            if event == wanted and more.get("phase", "after") == "after":
                act()
            tell(event, *arguments, **more)

        session.emit = emit  # type: ignore[method-assign]
        return work(session, "one", SITE)


def comments(fleet: Fleet) -> str:
    return fleet.sql(SITE, "SELECT comment_content FROM wp_comments")


def data(fleet: Fleet, case: Case) -> str:
    """All that was there before an update, but for what changes by itself.

    PHP may still have the code of the case before: what only that code writes does not count.
    """
    keeps_table = "CREATE TABLE" in case.old
    option = "weathervane_version" if keeps_table else "weathervane_mode"
    queries = [
        f"SHOW TABLES WHERE `Tables_in_{fleet.spec.site(SITE).database}` <> 'wp_weathervane'",
        f"SELECT option_value FROM wp_options WHERE option_name = '{option}'",  # noqa: S608
        "SELECT ID, post_status, post_content FROM wp_posts ORDER BY ID",
        "SELECT * FROM wp_comments ORDER BY comment_ID",
        *(["SELECT * FROM wp_weathervane"] if keeps_table else []),
    ]
    return "\n".join(fleet.sql(SITE, query) for query in queries)
