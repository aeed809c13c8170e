"""Outcomes decide for a whole run, and for what the process says."""

from __future__ import annotations

from itertools import combinations

import pytest

from runner.errors import ExitCode
from runner.model import Outcome, exit_code, worst

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
