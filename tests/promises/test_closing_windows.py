"""Promise: a window ends before it closes, and no site stays half changed."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from lab.shell import until
from tests.crew import Crew, at_work, check_host_is_clean, ended, forget_marks, marks, plugin_version, work
from tests.promises.test_gauntlet import check_well

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE, STATIC = "acme-blog", "globex-docs"
SLUG = "slowpoke"
PLUGIN = f"name: Plugin\nsteps:\n  - wordpress.plugins: {{update: [{SLUG}]}}\n  - wordpress.languages\n"
SLOW = "if ( PHP_SAPI === 'cli' ) { sleep( 2 ); }"
STEPS = """\
name: Steps
steps:
  - shell: {run: 'basename "$PWD" >>"$HOME/marks"; sleep 60', changes: true}
  - shell: {run: 'echo after >>"$HOME/marks"', changes: true}
"""
CLOCKED = "tests.workflows.clocked"


def test_update_in_progress_is_rolled_back_before_the_close(fleet: Fleet, tmp_path: Path) -> None:
    fleet.catalogue.reset()
    fleet.reset(SITE)
    fleet.clear_host("web2")
    fleet.catalogue.plugin(SLUG, "1.0")
    fleet.install(SITE, "plugins", SLUG, "1.0")
    fleet.wp(SITE, "plugin", "activate", SLUG)
    fleet.catalogue.plugin(SLUG, "1.1", php=SLOW)
    crew = Crew(fleet, tmp_path / "crew", PLUGIN)
    closes = datetime.now(UTC) + timedelta(hours=1)
    with at_work(crew) as session:

        def close() -> None:
            until(lambda: plugin_version(fleet, SITE, SLUG) == "1.1", "the update", seconds=60)
            session.stop("closing").close(closes)

        closing = threading.Thread(target=close)
        closing.start()
        ending = work(session, "plugin", SITE, run="closing", closes=closes)
        closing.join()
    why = f"the window closes at {closes:%Y-%m-%d %H:%M} UTC"
    assert (ending.outcome, ending.why) == ("missed", why)
    plugins, languages = crew.site(SITE)["steps"]
    [change] = plugins["changes"]
    assert (change["outcome"], change["why"]) == ("cancelled", why)
    assert (languages["outcome"], languages["why"]) == ("missed", why)
    assert plugin_version(fleet, SITE, SLUG) == "1.0"
    check_well(fleet, crew, SITE)
    check_host_is_clean(fleet, "web2")
    assert crew.say("resume", "closing").code == 0, "a person may run it after the close"
    assert plugin_version(fleet, SITE, SLUG) == "1.1"


@pytest.mark.long
def test_window_stops_a_step_and_misses_the_rest_as_it_closes(fresh_fleet: Fleet, tmp_path: Path) -> None:
    forget_marks(fresh_fleet, "web3")
    crew = Crew(fresh_fleet, tmp_path / "crew", STEPS)
    text = (crew.folder / "inventory.yaml").read_text().partition("windows:")[0]
    window = f'{{playbook: steps, day: daily, at: "02:00", lasts: 20s, timezone: UTC, sites: [{STATIC}]}}'
    (crew.folder / "inventory.yaml").write_text(f"{text}windows:\n  night: {window}\n")
    night = datetime(2026, 12, 1, 2, tzinfo=UTC)
    ahead = {"AHEAD": str((night - datetime.now(UTC)).total_seconds())}
    result = ended(crew.start("tick", "--json", module=CLOCKED, env=ahead))
    assert result.code == 7, result
    assert dict(marks(fresh_fleet, "web3")) == {STATIC: 1}
    site = crew.site(STATIC)
    assert (site["outcome"], site["why"]) == ("missed", "the window closes at 2026-12-01 02:00 UTC")
    assert [step["outcome"] for step in site["steps"]] == ["cancelled", "missed"]
    check_host_is_clean(fresh_fleet, "web3")
    [opening] = crew.say("schedule", "list", "--json").json
    assert opening["state"] == "run", "it was started"
