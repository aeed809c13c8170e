"""Why a site is left alone: the sentence must be the true one."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.crew import Crew, ended, read_until

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE, HOST = "globex-docs", "web3"
HELLO = "name: Hello\nsteps:\n  - shell: 'true'\n"
LONG = "name: Long\nsteps:\n  - shell: sleep 30\n"


def test_a_folder_that_is_not_there_is_no_other_run(fleet: Fleet, tmp_path: Path) -> None:
    crew = Crew(fleet, tmp_path, HELLO)
    crew.edit("inventory.yaml", f"path: {fleet.sites[SITE].path}", "path: /srv/nothing")
    said = crew.say("run", "hello", "-l", SITE)
    assert said.code == 3, said
    assert "not begun, since the site's folder is not there; correct `path` in inventory.yaml" in said.err


def test_a_site_that_a_lost_run_holds_names_that_run(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = Crew(fresh_fleet, tmp_path, HELLO, LONG)
    process = crew.start("run", "long", "-l", SITE, "--json")
    run = read_until(process, "step.started")["run"]
    for number in fresh_fleet.jobs(HOST):
        with suppress(ProcessLookupError):
            os.kill(number, 9)
    lost = ended(process)
    assert lost.code == 6, lost
    said = crew.say("run", "hello", "-l", SITE)
    assert said.code == 11, said
    assert (
        f"skipped (how run {run} ended on this site is not known; find out: sitecrew resume {run}" in said.err
    )
