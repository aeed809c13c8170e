"""Try the failed tests of the last run once more, and show which of them passed only now.

A busy machine can upset a test; a test that fails twice is broken. A pass at the second try is not hidden:
each such test is printed with its number, and more than `MAX_FLAKY` of them fail the run.

Usage: python scripts/second_try.py [arguments for pytest]
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_FLAKY = 2
"""Tests that may pass only on the second try."""
LAST_FAILED = ("-q", "--last-failed", "--last-failed-no-failures", "none")


class SecondTry:
    """Pytest plugin: collects the outcome of each test, and decides the exit status."""

    def __init__(self) -> None:
        self._passed: dict[str, bool] = {}
        """Test to whether all its phases that ended have passed."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note whether each phase of a test has passed."""
        self._passed[report.nodeid] = self._passed.get(report.nodeid, True) and not report.failed

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the session if too many tests passed only now."""
        session.exitstatus = exit_status(self.flaky, int(session.exitstatus))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the tests that passed only now."""
        for line in summary(self.flaky):
            terminalreporter.write_line(line, yellow=True, bold=True)

    @property
    def flaky(self) -> list[str]:
        """The tests that passed now, in order."""
        return [test for test, passed in self._passed.items() if passed]


def summary(flaky: Sequence[str]) -> list[str]:
    """Lines to print about tests that passed only on the second try."""
    if not flaky:
        return []
    lines = [f"passed only on the second try: {len(flaky)} (at most {MAX_FLAKY} are accepted)"]
    lines += [f"  {number}. {test}" for number, test in enumerate(flaky, 1)]
    if len(flaky) > MAX_FLAKY:
        lines.append("FAILED: too many tests passed only on the second try")
    return lines


def exit_status(flaky: Sequence[str], status: int) -> int:
    """The exit status of pytest, or 1 if it was 0 and too many tests needed a second try."""
    return 1 if status == 0 and len(flaky) > MAX_FLAKY else status


def main(arguments: Sequence[str]) -> int:
    """Run pytest over the tests that failed last. Return its exit status."""
    return int(pytest.main([*LAST_FAILED, *arguments], plugins=[SecondTry()]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
