"""`scripts/test`: no failed test is retried into green unseen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.second_try import MAX_FLAKY, exit_status, summary

SCRIPT = Path(__file__).parents[1] / "scripts/second_try.py"
FLAKY = """\
from pathlib import Path

import pytest


@pytest.mark.parametrize("number", range({flaky}))
def test_flaky(number):
    seen = Path(__file__).with_name(f"seen-{{number}}")
    if not seen.exists():
        seen.touch()
        raise AssertionError("only the first time")


@pytest.mark.parametrize("number", range({broken}))
def test_broken(number):
    raise AssertionError("always")


def test_good():
    pass
"""


@pytest.mark.parametrize(
    ("flaky", "status", "expected"),
    [
        ([], 0, 0),
        (["a"] * MAX_FLAKY, 0, 0),
        (["a"] * (MAX_FLAKY + 1), 0, 1),
        (["a"], 1, 1),
        (["a"] * 9, 2, 2),
    ],
)
def test_exit_status_depends_on_number_of_flaky_tests(flaky: list[str], status: int, expected: int) -> None:
    assert exit_status(flaky, status) == expected


def test_summary_numbers_every_flaky_test() -> None:
    assert summary([]) == []
    assert summary(["tests/a.py::one", "tests/b.py::two"]) == [
        "passed only on the second try: 2 (at most 2 are accepted)",
        "  1. tests/a.py::one",
        "  2. tests/b.py::two",
    ]
    assert summary(["a", "b", "c"])[-1] == "FAILED: too many tests passed only on the second try"


@pytest.mark.parametrize(("flaky", "broken", "code"), [(1, 0, 0), (3, 0, 1), (1, 1, 1)])
def test_second_try_prints_what_passed_only_now(tmp_path: Path, flaky: int, broken: int, code: int) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(FLAKY.format(flaky=flaky, broken=broken))
    first, second = (tried(tmp_path, *command) for command in (("-m", "pytest", "-q"), (str(SCRIPT),)))
    assert first.returncode == 1, first.stdout
    assert second.returncode == code, second.stdout
    assert f"passed only on the second try: {flaky} (at most 2 are accepted)" in second.stdout
    assert all(
        f"  {number + 1}. test_it.py::test_flaky[{number}]" in second.stdout for number in range(flaky)
    )
    assert "test_good" not in second.stdout
    assert "test_broken[0]\n" not in second.stdout.partition("passed only")[2].partition("short test")[0]


def tried(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # they take most of the time
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
