"""Promise: a host may kill all of a job, as a restart does, and no site stays half changed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from lab.hosts import end_jobs
from lab.shell import until
from tests.crew import Crew, check_host_is_clean, ended, plugin_version
from tests.promises.test_gauntlet import check_well

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "acme-blog"
SLUG = "slowpoke"
PLUGIN = f"name: Plugin\nsteps:\n  - wordpress.plugins: {{update: [{SLUG}]}}\n"
SHELL = """\
name: Shell
steps:
  - shell: {run: 'echo first >>"$HOME/marks"', changes: true}
  - shell: {run: 'echo slow >>"$HOME/marks"; [ $(wc -l <"$HOME/marks") = 3 ] || sleep 60', changes: true}
  - shell: {run: 'echo third >>"$HOME/marks"', changes: true}
"""
SLOW = "if ( PHP_SAPI === 'cli' ) { sleep( 2 ); }"


@pytest.fixture
def site(fleet: Fleet) -> Path:
    """With an update on offer that is good, and takes its time when it is read."""
    fleet.catalogue.reset()
    fleet.reset(SITE)
    fleet.clear_host("web2")
    fleet.catalogue.plugin(SLUG, "1.0")
    fleet.install(SITE, "plugins", SLUG, "1.0")
    fleet.wp(SITE, "plugin", "activate", SLUG)
    fleet.catalogue.plugin(SLUG, "1.1", php=SLOW)
    return fleet.sites[SITE].path


@pytest.mark.long
def test_a_change_that_was_under_way_is_taken_back_at_once(fleet: Fleet, site: Path, tmp_path: Path) -> None:
    crew = Crew(fleet, tmp_path / "crew", PLUGIN)
    process = crew.start("run", "plugin", "-l", SITE, "--json")
    kill_all(fleet, lambda: installed(fleet) == "1.1")
    said = ended(process)
    assert said.code == 3, said
    [change] = crew.site(SITE)["steps"][0]["changes"]
    assert (change["outcome"], change["why"]) == (
        "failed",
        "the processes on the host were killed during the change",
    )
    assert plugin_version(fleet, SITE, SLUG) == "1.0"
    check_well(fleet, crew, SITE)
    assert crew.say("run", "plugin", "-l", SITE).code == 0
    assert installed(fleet) == "1.1"
    check_host_is_clean(fleet, "web2")


@pytest.mark.long
def test_resume_takes_it_back_and_tries_again(fleet: Fleet, site: Path, tmp_path: Path) -> None:
    crew = Crew(fleet, tmp_path / "crew", PLUGIN)
    process = crew.start("run", "plugin", "-l", SITE, "--json")
    until(lambda: installed(fleet) == "1.1", "the update", seconds=60)
    process.kill()
    process.communicate()
    kill_all(fleet, lambda: True)
    said = crew.say("resume", "last", "--json")
    assert said.code == 0, said
    [change] = crew.site(SITE)["steps"][0]["changes"]
    assert change["outcome"] == "changed"
    assert plugin_version(fleet, SITE, SLUG) == "1.1"
    check_well(fleet, crew, SITE)
    check_host_is_clean(fleet, "web2")


def test_a_command_that_was_under_way_is_lost_until_somebody_resumes(
    fleet: Fleet, site: Path, tmp_path: Path
) -> None:
    crew = Crew(fleet, tmp_path / "crew", SHELL)
    marks = fleet.spec.home("web2") / "marks"
    process = crew.start("run", "shell", "-l", SITE, "--json")
    kill_all(fleet, lambda: marks.exists() and "slow" in marks.read_text())
    said = ended(process)
    assert said.code == 6, said
    assert [step["outcome"] for step in crew.site(SITE)["steps"]] == ["changed", "lost", "lost"]
    assert marks.read_text().split() == ["first", "slow"]
    assert crew.say("resume", "last").code == 0
    assert marks.read_text().split() == ["first", "slow", "slow", "third"]
    check_host_is_clean(fleet, site.owner().rpartition("-")[2])


def installed(fleet: Fleet) -> str:
    """Nothing while it is exchanged."""
    with suppress(OSError, IndexError):
        return plugin_version(fleet, SITE, SLUG)
    return ""


def kill_all(fleet: Fleet, moment: Callable[[], bool]) -> None:
    """`kill -9` for all that the account runs."""
    until(moment, "the moment", seconds=60)
    end_jobs(fleet.spec.user("web2"))
