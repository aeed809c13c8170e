"""Promise: `exec` runs a command in the folder of each selected site, prints its output and records it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.crew import Crew, forget_marks, kill, marks, read_until

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet


@pytest.fixture
def crew(fleet: Fleet, tmp_path: Path) -> Crew:
    return Crew(fleet, tmp_path)


def test_output_is_grouped_by_site_and_recorded(crew: Crew) -> None:
    text = 'pwd; printf "\\033[31mred\\n"; echo "$TOKEN" | tr a-z A-Z; echo "$TOKEN"; exit 3'
    ended = crew.say("exec", "-l", "acme-blog,globex-docs", "-e", "TOKEN=quince", "--", text)
    assert ended.code == 3, ended
    blocks = ended.out.strip().split("\n\n")
    assert len(blocks) == 2
    for site in ("acme-blog", "globex-docs"):
        [block] = [one for one in blocks if one.startswith(f"== {site}  exit 3  ")]
        output = [str(crew.fleet.sites[site].path), "red", "QUINCE", "***"]
        assert block.splitlines()[1:] == output
        assert crew.say("logs", "last", site).out.splitlines()[1:] == output
    assert crew.show()["outcome"] == "failed"


@pytest.mark.long
def test_json_events_carry_output_and_status(crew: Crew) -> None:
    ended = crew.say("exec", "-l", "acme-blog", "--json", "--", "printf", "%s|", "a b", "$HOME")
    [finished] = [event for event in ended.events if event["event"] == "step.finished"]
    assert (finished["status"], finished["output"]) == (0, "a b|$HOME|")
    assert ended.events[-1]["sites"] == {"acme-blog": "ok"}
    ended = crew.say("exec", "-l", "acme-blog", "--json", "--timeout", "1s", "--", "echo begun; sleep 60")
    [finished] = [event for event in ended.events if event["event"] == "step.finished"]
    assert (finished["status"], finished["output"]) == (None, "begun\n")
    assert "time limit" in finished["why"]
    assert ended.code == 3


@pytest.mark.long
def test_command_of_killed_controller_runs_once(crew: Crew) -> None:
    forget_marks(crew.fleet, "web3")
    text = 'echo once >>"$HOME/marks"; sleep 3; echo finished'
    process = crew.start("exec", "-l", "globex-docs", "--json", "--", text)
    read_until(process, "step.started")
    kill(process)
    resumed = crew.say("resume")
    assert resumed.code == 0, resumed
    assert resumed.out.startswith("== globex-docs  exit 0  ")
    assert resumed.out.splitlines()[1:] == ["finished"]
    assert marks(crew.fleet, "web3") == Counter({"once": 1})
    forget_marks(crew.fleet, "web3")
