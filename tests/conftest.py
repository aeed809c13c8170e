"""The fleet that tests run on: real hosts and sites, one fleet for each test process."""

from __future__ import annotations

import fcntl
import os
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from lab import Fleet, FleetSpec, LabError
from runner import crashlog

if TYPE_CHECKING:
    from collections.abc import Iterator

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a third of a short command's CPU is compiling
sys.dont_write_bytecode = False
settings.register_profile("fast", max_examples=10)
settings.register_profile("short", max_examples=40)
settings.load_profile("short")

SLOTS = Path("/var/tmp/sitecrew-tests")


HOSTS = {"fleet", "another_fleet", "hosts", "host", "apt_host", "dnf_host", "apt", "either"}
"""Fixtures that start something to speak to."""


LONGEST = (
    "test_bad_world",
    "test_gauntlet",
    "test_static_release",
    "test_packages",
    "test_database_undo",
    "test_core_transaction",
    "test_not_let_in",
    "test_failing_ledger",
    "test_json_shapes",
    "test_other_layouts",
    "test_undo_by_hand",
    "test_twenty_updates",
    "test_auto_updates",
    "test_locked_plan",
    "test_become",
)
"""Files that take more than half a minute, the longest first."""


STARTING = ("lab", "subprocess", "socket", "http.server", "tests.crew")
"""Modules with which a test starts processes or servers."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that ask for a fleet or a host, and those that start processes.

    Let several workers begin with the longest files.
    """
    for item in items:
        if HOSTS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.fleet)
        if isinstance(item, pytest.Function) and any(map(starts_processes, modules_of(item))):
            item.add_marker(pytest.mark.process)
    if hasattr(config, "workerinput"):
        ranks = {name: rank for rank, name in enumerate(LONGEST)}
        items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))


def modules_of(item: pytest.Function) -> set[ModuleType]:
    """Return the modules of a test and of the fixtures that it uses, without this one."""
    fixtures = [each.func for found in item._fixtureinfo.name2fixturedefs.values() for each in found]
    modules = {item.module, *(sys.modules.get(function.__module__) for function in fixtures)}
    return {module for module in modules if module and module.__name__ != __name__}


@cache
def starts_processes(module: ModuleType) -> bool:
    """Return whether a module of tests uses one of `STARTING`."""
    for value in vars(module).values():
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        if isinstance(name, str) and (name in STARTING or name.startswith("lab.")):
            return True
    return False


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    """The command line, called in this process, sets a umask: the next test has its own again."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture
def unexpected_errors() -> None:
    """For tests that bring about errors which no code foresaw; in all others one is a failure."""


@pytest.fixture(autouse=True)
def _no_unexpected_error(request: pytest.FixtureRequest) -> Iterator[None]:
    crashlog.unreported()
    yield
    traces = [entry.trace for entry in crashlog.unreported()]
    assert not traces or "unexpected_errors" in request.fixturenames, "\n".join(traces)


@pytest.fixture(scope="session")
def fleet() -> Iterator[Fleet]:
    """A running fleet in its first state, for tests that change nothing on it."""
    with a_free_number() as number:
        fleet = Fleet(FleetSpec.numbered(number))
        renew(fleet)
        yield fleet
        fleet.down()


@pytest.fixture
def fresh_fleet(fleet: Fleet) -> Iterator[Fleet]:
    """The fleet for a test that changes it: everything runs and is in its first state before and after."""
    renew(fleet)
    yield fleet
    renew(fleet)


def renew(fleet: Fleet) -> None:
    """Everything runs and is in its first state."""
    try:
        fleet.up()
        fleet.reset()
    except LabError as error:
        pytest.fail(f"these tests need the lab's fleet, which cannot be had: {error}", pytrace=False)
    fleet.mailbox.clear()


@contextmanager
def a_free_number() -> Iterator[int]:
    """The lowest number that no other test process of this machine has: they run side by side."""
    SLOTS.mkdir(parents=True, exist_ok=True)
    for number in range(100):
        with (SLOTS / f"fleet-{number}.in-use").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield number
            return
    pytest.fail("a hundred test sessions run on this machine already", pytrace=False)
