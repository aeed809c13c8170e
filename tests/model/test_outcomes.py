"""Outcomes, their order and the exit codes that follow from them."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

from runner.errors import ExitCode
from runner.model import RESUMABLE, Outcome, exit_code, first_code, is_failed, worst

ORDER = "lost failed unreachable cancelled missed undone held changed ok skipped".split()  # noqa: SIM905


def test_outcomes_are_ordered_from_worst_to_best() -> None:
    assert [outcome.value for outcome in Outcome] == ORDER


@pytest.mark.parametrize(("bad", "better"), list(combinations(ORDER, 2)))
def test_worst_returns_the_worse_of_two_outcomes(bad: str, better: str) -> None:
    assert worst([Outcome(better), Outcome(bad), Outcome(better)]) is Outcome(bad)


def test_worst_of_no_outcomes_is_skipped() -> None:
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
def test_exit_code_of_several_outcomes(outcomes: str, code: int) -> None:
    assert exit_code([Outcome(one) for one in outcomes.split()]) == code


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [("skipped", 11), ("undone", 11), ("missed", 11), ("unreachable", 4), ("failed", 3), ("lost", 6)],
)
def test_exit_code_with_a_locked_site(outcomes: str, code: int) -> None:
    assert exit_code([Outcome(one) for one in outcomes.split()], locked=True) == code


PAGE = (Path(__file__).parents[2] / "docs/exit-codes.md").read_text()
ROWS = re.findall(r"^\| `(\w+)` \| (\d+)(.*) \| (\d+).* \| (yes)? ?\|$", PAGE, re.MULTILINE)


def test_docs_list_every_outcome_and_exit_code() -> None:
    assert [row[0] for row in ROWS] == ORDER
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)} == {*ExitCode}


@pytest.mark.parametrize(("outcome", "code", "_more", "of_undo", "resumes"), ROWS, ids=[r[0] for r in ROWS])
def test_docs_are_right_for_each_outcome(
    outcome: str, code: str, _more: str, of_undo: str, resumes: str
) -> None:
    one = Outcome(outcome)
    assert exit_code([one]) == int(code)
    assert exit_code([one], undo=True) == int(of_undo)
    assert one.is_resumable is bool(resumes)
    locked = first_code([ExitCode(int(code)), ExitCode.LOCKED])
    assert exit_code([one], locked=True) is locked


def test_docs_give_the_precedence_of_exit_codes() -> None:
    [documented] = re.findall(r"the first in this order is used: ([\d, ]+)\.", PAGE)
    order = [ExitCode(int(code)) for code in documented.split(", ")]
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
def test_failed_selector_includes_outcome(outcome: str, undo: bool, failed: bool) -> None:  # noqa: FBT001
    assert is_failed(Outcome(outcome), undo=undo) is failed
    assert not is_failed(None, undo=undo)


@pytest.mark.parametrize(
    ("outcomes", "failure", "resumable"),
    [
        ("lost unreachable", True, True),
        ("failed undone", True, False),
        ("cancelled missed", False, True),
        ("held changed ok skipped", False, False),
    ],
)
def test_each_outcome_knows_its_groups(outcomes: str, failure: bool, resumable: bool) -> None:  # noqa: FBT001
    for outcome in map(Outcome, outcomes.split()):
        assert outcome.is_failure is failure
        assert outcome.is_resumable is resumable
        assert outcome.is_final is not resumable
        assert outcome.is_success is (not failure and not resumable)
        assert (outcome in RESUMABLE) is resumable


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
