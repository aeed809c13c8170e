"""Reasons of sites whose job is not started."""

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


def test_missing_folder_is_reported_as_missing(fleet: Fleet, tmp_path: Path) -> None:
    crew = Crew(fleet, tmp_path, HELLO)
    crew.edit("inventory.yaml", f"path: {fleet.sites[SITE].path}", "path: /srv/nothing")
    result = crew.say("run", "hello", "-l", SITE)
    assert result.code == 3, result
    assert "not started: the site's folder does not exist; correct `path` in the inventory" in result.err


def test_site_locked_by_lost_run_names_that_run(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = Crew(fresh_fleet, tmp_path, HELLO, LONG)
    process = crew.start("run", "long", "-l", SITE, "--json")
    run = read_until(process, "step.started")["run"]
    for number in fresh_fleet.jobs(HOST):
        with suppress(ProcessLookupError):
            os.kill(number, 9)
    lost = ended(process)
    assert lost.code == 6, lost
    result = crew.say("run", "hello", "-l", SITE)
    assert result.code == 11, result
    assert (
        f"skipped (how run {run} ended on this site is unknown; find out: sitecrew resume {run}" in result.err
    )
