"""Promise: a reason names what happened: PHP's own error, a cancel that did no harm, an undo by hand."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lab.gauntlet import CASES, SLUG, Case, prepare
from lab.shell import until
from lab.web import php_log
from tests.crew import Crew, ended, plugin_version, read_until
from tests.promises.test_dead_man import ONE
from tests.promises.test_gauntlet import SITE, check_well

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

FINE = {case.name: case for case in CASES}["good"]
IN_FRONT = Case(
    name="fatal in front",
    expected="undone",
    php="add_action( 'template_redirect', function () { weathervane_is_missing(); } );",
)
ELSEWHERE = Case(
    name="fatal after what visitors do",
    expected="undone",
    php="""add_action( 'wp_footer', function () { throw new TypeError( "two\\nlines, \\x1b[31mred" ); } );""",
)
WAITS = Case(
    name="waits on the command line",
    expected="undone",
    php="if ( 'cli' === PHP_SAPI ) { @touch( getenv( 'HOME' ) . '/hangs' ); sleep( 600 ); }",
)


def crew_for(fleet: Fleet, tmp_path: Path, case: Case) -> Crew:
    prepare(fleet, SITE, case)
    fleet.clear_host(fleet.sites[SITE].host)
    return Crew(fleet, tmp_path / "crew", ONE)


def change(crew: Crew) -> dict[str, Any]:
    [found] = [one for step in crew.site(SITE)["steps"] for one in step["changes"] if one["to"]]
    return dict(found)


@pytest.mark.parametrize(
    "readable",
    [pytest.param(True, id="by its log"), pytest.param(False, id="by its host", marks=pytest.mark.long)],
)
def test_a_rollback_names_phps_error(
    fresh_fleet: Fleet,
    tmp_path: Path,
    readable: bool,  # noqa: FBT001
) -> None:
    crew = crew_for(fresh_fleet, tmp_path, IN_FRONT)
    log = php_log(fresh_fleet.spec, fresh_fleet.sites[SITE].host)
    log.touch()
    before = log.stat()
    if not readable:
        log.chmod(0o600)
        os.chown(log, 0, 0)
    try:
        assert crew.say("run", "one", "-l", SITE).code == 5
    finally:
        log.chmod(before.st_mode & 0o7777)
    why = change(crew)["why"]
    assert "answers 500" in why
    error = "Call to undefined function weathervane_is_missing()"
    assert f"PHP's error: Uncaught Error: {error} in wp-content/plugins/{SLUG}/{SLUG}.php:" in why, why
    assert error in crew.say("logs", "last", SITE).out
    shown = crew.say("show", "-v").out
    assert f"{SLUG}: PHP's error: Uncaught Error: {error}" in shown
    assert "look after (page)" in shown
    check_well(fresh_fleet, crew)


def test_phps_error_is_a_strangers_text_in_one_line(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = crew_for(fresh_fleet, tmp_path, ELSEWHERE)
    assert crew.say("run", "one", "-l", SITE).code == 5
    why = change(crew)["why"]
    assert "PHP's error: Uncaught TypeError: two" in why, why
    assert "\x1b" not in why
    assert "\n" not in why
    assert len(why) < 2100


@pytest.mark.long
def test_a_cancelled_trial_says_that_it_was_cancelled(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = crew_for(fresh_fleet, tmp_path, WAITS)
    home = fresh_fleet.spec.home(fresh_fleet.sites[SITE].host)
    process = crew.start("run", "one", "-l", SITE, "--json")
    read_until(process, "trial.started")
    until((home / "hangs").exists, "the new code to run")
    said = crew.say("cancel", "--json")
    assert (said.code, said.events[-1]["event"], said.events[-1]["sites"]) == (
        0,
        "run.finished",
        {SITE: "cancelled"},
    ), said
    assert ended(process).code == 130
    assert (change(crew)["outcome"], change(crew)["why"]) == ("cancelled", "the run was cancelled")
    assert "does not start" not in crew.say("show", "-v").out
    assert httpx.get(fresh_fleet.sites[SITE].url, timeout=20).status_code == 200
    assert plugin_version(fresh_fleet, SITE, SLUG) == "1.0"


@pytest.mark.long
def test_a_trial_that_ctrl_c_cancels_says_so_too(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = crew_for(fresh_fleet, tmp_path, WAITS)
    home = fresh_fleet.spec.home(fresh_fleet.sites[SITE].host)
    process = crew.start("run", "one", "-l", SITE, "--json")
    read_until(process, "trial.started")
    until((home / "hangs").exists, "the new code to run")
    for event in ("run.draining", "run.finished"):
        process.send_signal(signal.SIGINT)
        read_until(process, event)
    assert ended(process).code == 130
    assert change(crew)["why"] == "the run was cancelled"
    check_well(fresh_fleet, crew)


def test_what_was_undone_by_hand_is_not_said_to_have_broken_the_site(
    fresh_fleet: Fleet, tmp_path: Path
) -> None:
    crew = crew_for(fresh_fleet, tmp_path, FINE)
    assert crew.say("run", "one", "-l", SITE, "-q").err == ""
    undone = crew.say("undo", crew.show()["run"], "-y", "-q", "--as", "Bob")
    assert (undone.code, undone.err) == (0, "")
    undo = crew.show()["run"]
    planned = crew.say("plan", "one", "-l", SITE, "--json").json["sites"][0]["changes"]
    why = f"undone by hand (Bob, {undo}) (to allow it again: sitecrew unhold {SLUG} -l {SITE})"
    assert [c["why"] for c in planned if c["to"] == "1.1"] == [f"held because 1.1 was {why}"]
