"""Outcomes decide for a whole run, and for what the process says."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

from runner.errors import ExitCode
from runner.model import RESUMABLE, Outcome, exit_code, first_code, is_failed, worst

ORDER = "lost failed unreachable cancelled missed undone held changed ok skipped".split()  # noqa: SIM905


def test_the_set_of_outcomes_is_closed() -> None:
    assert [outcome.value for outcome in Outcome] == ORDER


@pytest.mark.parametrize(("bad", "better"), list(combinations(ORDER, 2)))
def test_the_worse_of_two_outcomes_decides(bad: str, better: str) -> None:
    assert worst([Outcome(better), Outcome(bad), Outcome(better)]) is Outcome(bad)


def test_nothing_done_counts_as_skipped() -> None:
    assert worst([]) is Outcome.SKIPPED


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ("", 0),
        ("ok", 0),
        ("changed", 0),
        ("held skipped", 0),
        ("undone", 5),
        ("missed", 7),
        ("missed undone", 7),
        ("unreachable", 4),
        ("unreachable missed undone changed", 4),
        ("failed", 3),
        ("failed unreachable", 3),
        ("lost", 6),
        ("lost failed unreachable missed", 6),
        ("cancelled", 130),
        ("cancelled lost failed", 130),
    ],
)
def test_the_exit_code_is_the_first_that_applies(outcomes: str, code: int) -> None:
    assert exit_code([Outcome(one) for one in outcomes.split()]) == code


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [("skipped", 11), ("undone", 11), ("missed", 11), ("unreachable", 4), ("failed", 3), ("lost", 6)],
)
def test_a_site_left_to_another_run_exits_with_11_unless_something_is_worse(outcomes: str, code: int) -> None:
    assert exit_code([Outcome(one) for one in outcomes.split()], locked=True) == code


PAGE = (Path(__file__).parents[2] / "docs/exit-codes.md").read_text()
ROWS = re.findall(r"^\| `(\w+)` \| (\d+)(.*) \| (\d+).* \| (yes)? ?\|$", PAGE, re.MULTILINE)


def test_the_page_names_every_outcome_and_every_code() -> None:
    assert [row[0] for row in ROWS] == ORDER
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)} == {*ExitCode}


@pytest.mark.parametrize(("outcome", "code", "_more", "of_undo", "resumes"), ROWS, ids=[r[0] for r in ROWS])
def test_each_row_of_the_page_holds(outcome: str, code: str, _more: str, of_undo: str, resumes: str) -> None:
    one = Outcome(outcome)
    assert exit_code([one]) == int(code)
    assert exit_code([one], undo=True) == int(of_undo)
    assert (one in RESUMABLE) is bool(resumes)
    locked = first_code([ExitCode(int(code)), ExitCode.LOCKED])
    assert exit_code([one], locked=True) is locked


def test_the_page_gives_the_order_in_which_codes_apply() -> None:
    [said] = re.findall(r"the first of these applies: ([\d, ]+)\.", PAGE)
    order = [ExitCode(int(code)) for code in said.split(", ")]
    assert {*order} == {*ExitCode}
    for number, code in enumerate(order):
        assert first_code(reversed(order[number:])) is code
    assert first_code([]) is ExitCode.OK


@pytest.mark.parametrize(
    ("outcome", "undo", "failed"),
    [
        ("undone", False, True),
        ("undone", True, False),
        ("failed", True, True),
        ("cancelled", False, False),
        ("missed", False, False),
        ("held", False, False),
    ],
)
def test_what_the_selector_for_failed_sites_means(outcome: str, undo: bool, failed: bool) -> None:  # noqa: FBT001
    assert is_failed(Outcome(outcome), undo=undo) is failed
    assert not is_failed(None, undo=undo)


def test_exit_codes_are_frozen() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "OK": 0,
        "UNEXPECTED": 1,
        "USAGE": 2,
        "FAILED": 3,
        "UNREACHABLE": 4,
        "UNDONE": 5,
        "LOST": 6,
        "MISSED": 7,
        "LOCKED": 11,
        "PENDING": 20,
        "INTERRUPTED": 130,
    }
