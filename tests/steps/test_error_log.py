"""A log is read from its mark on, even if the file was rotated; only fatal errors of this site count."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from runner.model import LogMark, SiteFacts
from runner.steps.wordpress.errorlog import Reading, parse_log, read_log

if TYPE_CHECKING:
    from pathlib import Path

MARK = "f00d"


@pytest.fixture
def facts(tmp_path: Path) -> SiteFacts:
    (tmp_path / "wp-content").mkdir()
    logs = (LogMark(str(tmp_path / "it's a log"), 0, 0),)
    root = f"{tmp_path}/"
    return SiteFacts(wordpress="7.1", php="8.2", home="", siteurl="", root=root, content="", logs=logs)


def reading(facts: SiteFacts, logs: tuple[LogMark, ...] | None = None, shell: str = "sh") -> Reading:
    logs = facts.logs if logs is None else logs
    script = read_log(facts, MARK, logs).text
    ran = subprocess.run(shell.split(), input=script, capture_output=True, text=True, check=True)
    assert not ran.stderr
    return parse_log(ran.stdout, MARK, logs, facts)


def fatal(facts: SiteFacts, what: str = "Uncaught Error: no", where: str = "wp-content/a.php") -> str:
    return f"[25-Nov-2026 02:00:00 UTC] PHP Fatal error:  {what} in {facts.root}{where}:12\nStack trace:\n"


def add(facts: SiteFacts, text: str) -> None:
    with open(facts.logs[0].path, "a") as file:  # noqa: PTH123
        file.write(text)


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox ash"])
def test_only_new_lines_are_read(facts: SiteFacts, shell: str) -> None:
    add(facts, fatal(facts, "old"))
    first = reading(facts, shell=shell)
    assert [one.text for one in first.fatals] == ["old in wp-content/a.php"]
    assert reading(facts, first.marks).fatals == ()
    add(facts, fatal(facts, "new") + "[x] PHP Warning:  nothing in /srv/a.php on line 3\n")
    second = reading(facts, first.marks, shell)
    assert [one.text for one in second.fatals] == ["new in wp-content/a.php"]
    assert reading(facts, second.marks).fatals == ()


def test_errors_that_differ_in_numbers_are_equal(facts: SiteFacts) -> None:
    add(facts, fatal(facts, "Allowed memory size of 1 bytes exhausted (tried to allocate 20 bytes)"))
    first = reading(facts)
    add(facts, fatal(facts, "Allowed memory size of 1 bytes exhausted (tried to allocate 4096 bytes)"))
    assert set(reading(facts, first.marks).fatals) == set(first.fatals)


def test_new_log_is_read_from_its_start(facts: SiteFacts) -> None:
    first = reading(facts)
    assert first == Reading(first.marks)
    add(facts, fatal(facts))
    assert len(reading(facts, first.marks).fatals) == 1


@pytest.mark.parametrize("turned", [".1", "-20261125"])
def test_rotated_log_is_read_to_its_end(facts: SiteFacts, tmp_path: Path, turned: str) -> None:
    add(facts, fatal(facts, "old"))
    first = reading(facts)
    add(facts, fatal(facts, "last of the old file"))
    (tmp_path / "it's a log").rename(tmp_path / f"it's a log{turned}")
    add(facts, fatal(facts, "first of the new"))
    assert [one.what for one in reading(facts, first.marks).fatals] == [
        "last of the old file",
        "first of the new",
    ]


def test_emptied_log_is_read_from_its_start(facts: SiteFacts, tmp_path: Path) -> None:
    add(facts, fatal(facts, "old and long " * 9))
    first = reading(facts)
    (tmp_path / "it's a log").write_text(fatal(facts, "new"))
    assert [one.what for one in reading(facts, first.marks).fatals] == ["new"]


def test_other_sites_and_other_errors_are_ignored(facts: SiteFacts) -> None:
    first = reading(facts)
    add(facts, "PHP Fatal error:  Uncaught Error: no in /srv/other/wp-content/a.php:12\n")
    add(facts, f"PHP Fatal error:  Uncaught Error: no in {facts.root.rstrip('/')}-old/a.php:12\n")
    add(facts, f"PHP Warning:  is no Fatal error in {facts.root}a.php on line 3\n")
    assert reading(facts, first.marks).fatals == ()
    add(facts, f"NOTICE: PHP message: PHP Parse error:  syntax error in {facts.root}a.php on line 3\n")
    assert [one.text for one in reading(facts, first.marks).fatals] == [f"syntax error in {facts.root}a.php"]


def test_unreadable_log_is_left_out(facts: SiteFacts, tmp_path: Path) -> None:
    (tmp_path / "it's a log").mkdir()
    assert reading(facts) == Reading()
