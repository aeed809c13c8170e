"""Output of a site is checked for its form: nothing that it prints breaks the reader."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from runner.errors import HostError
from runner.model import Host, Site
from runner.steps.wordpress import facts_script, parse_facts
from runner.steps.wordpress.program_output import marked

MARK = "f" * 32
GOOD = {
    "wordpress": "7.1.2",
    "php": "8.2.1",
    "home": "http://x",
    "siteurl": "http://x",
    "database_version": 7,
}
HOSTILE = (
    '{"wordpress":' + "[" * 200_000,
    '{"wordpress": NaN, "php": "8", "home": "", "siteurl": ""}',
    json.dumps({**GOOD, "database_version": 10**400}).replace("e+", ""),
    json.dumps({**GOOD, "database_version": "7"}),
    json.dumps({**GOOD, "plugins": 7}),
    json.dumps({**GOOD, "plugins": {"slug": "x"}}),
    json.dumps({**GOOD, "plugins": [None]}),
    json.dumps({**GOOD, "plugins": [{"slug": [], "title": "", "version": ""}]}),
    json.dumps({**GOOD, "multisite": "yes"}),
    json.dumps({**GOOD, "unwritable": "root"}),
    json.dumps({**GOOD, "disk_free": 1e308}),
    json.dumps({"wordpress": "7.1.2"}),
    "{",
    "{}",
    '{"a": ' + "9" * 6000 + "}",
)


@pytest.mark.parametrize("line", HOSTILE, ids=range(len(HOSTILE)))
def test_malformed_facts_are_rejected(line: str) -> None:
    with pytest.raises(HostError) as caught:
        parse_facts(f"\n{MARK} {line}\n", MARK)
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("line", HOSTILE, ids=range(len(HOSTILE)))
def test_facts_are_found_after_other_output(line: str) -> None:
    output = f"noise\n{MARK} {line}\n{MARK} {json.dumps(GOOD)}\n{MARK} {line}\n"
    assert parse_facts(output, MARK).database_version == 7


def test_only_complete_marked_objects_are_read() -> None:
    output = f'x {MARK} {{"a": 1}}\n{MARK} [1]\n{MARK} {{"a": 2}}\n{MARK[:-1]} {{"a": 3}}\n{MARK} {{"a": 4}}'
    assert [line["a"] for line in marked(output, MARK)] == [2, 4]


def test_escape_sequences_are_removed() -> None:
    plugin = {"slug": "red", "title": "\x1b]0;owned\x07Red\u202e", "version": "1.0\r"}
    facts = parse_facts(f"{MARK} {json.dumps({**GOOD, 'plugins': [plugin]})}", MARK)
    assert (facts.plugins[0].slug, facts.plugins[0].title, facts.plugins[0].version) == ("red", "Red", "1.0")


def flooded(folder: Path, megabytes: int) -> str:
    """The output of the real script, with a wp-cli that prints a lot before the facts."""
    wp = folder / "wp"
    said = f"printf '\\n%s %s\\n' {MARK} '{json.dumps(GOOD)}'"
    wp.write_text(f"#!/bin/sh\nhead -c {megabytes}000000 /dev/zero | tr '\\0' x\necho\n{said}\n")
    wp.chmod(0o755)
    site = Site(name="s", client="c", host="h", url="http://x", path=str(folder))
    host = Host(name="h", address="x", php="/bin/true", wp=str(wp))
    text = facts_script(site, host, MARK, check_updates=False).text
    done = subprocess.run(["/bin/sh"], input=text, capture_output=True, text=True, check=True)
    assert len(done.stdout) < 100_000
    return done.stdout


def test_facts_are_found_after_a_flood(tmp_path: Path) -> None:
    assert parse_facts(flooded(tmp_path, 4), MARK).wordpress == "7.1.2"


def test_endless_output_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="prints output without end"):
        parse_facts(flooded(tmp_path, 60), MARK)
