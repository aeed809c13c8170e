"""Promise: a trial that was left is settled at once; what did not happen is tried again where asked for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from lab.batch import prepare_batch, turn
from tests.crew import Crew, at_work, check_nobody_is_left, kill, read_until, upon, work

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "acme-blog"
PLAYBOOK = "name: Twenty\nsteps:\n  - wordpress.plugins: {update: [%s]}\n    retries: 1\n"
DEAD_MAN = 90


@pytest.mark.long
def test_resume_does_not_wait_for_the_dead_man(fleet: Fleet, tmp_path: Path) -> None:
    """What waits for a verdict is taken back, looked at and tried again."""
    slugs = prepare_batch(fleet, SITE, {}, count=2)
    crew = Crew(fleet, tmp_path / "crew", PLAYBOOK % ", ".join(slugs))
    process = crew.start("run", "twenty", "-l", SITE, "--json")
    read_until(process, "trial.started", SITE)
    kill(process)
    began = time.monotonic()
    said = crew.say("resume", "--json")
    assert time.monotonic() - began < DEAD_MAN
    assert said.code == 0, said
    (step,) = crew.site(SITE)["steps"]
    assert {c["item"]: c["outcome"] for c in step["changes"]} == dict.fromkeys(slugs, "changed")
    check_nobody_is_left(fleet, fleet.sites[SITE].host)


def test_a_download_that_failed_is_tried_again_and_what_was_done_is_not(fleet: Fleet, tmp_path: Path) -> None:
    slugs = prepare_batch(fleet, SITE, {}, count=2)
    crew = Crew(fleet, tmp_path / "crew", PLAYBOOK % ", ".join(slugs))
    fleet.catalogue.switch(cut={turn(1): 100})
    with at_work(crew) as session, upon(session, "step.retried", fleet.catalogue.switch):
        work(session, "twenty", SITE)
    (step,) = crew.site(SITE)["steps"]
    assert {c["item"]: c["outcome"] for c in step["changes"]} == dict.fromkeys(slugs, "changed")
    assert (step["trials"], step["why"]) == (2, "on try 2 of 2")
    assert len(fleet.catalogue.downloads(turn(0))) == 1
