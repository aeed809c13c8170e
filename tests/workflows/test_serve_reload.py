"""`serve` as a process: edited files apply to the next window. The test sets the clock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lab.shell import until
from runner.load import thaw
from runner.record import Ledger, WindowState, WindowView
from tests.workflows.scheduling import StillClock, at, rows, write

ROOT = Path(__file__).parents[2]
PATIENCE = 90
TUESDAY = at("2027-01-05 02:00")
MINUTE = timedelta(minutes=1)
RUN, MISSED = WindowState.RUN, WindowState.MISSED


class Serving:
    """A `serve` process whose clock only changes when the test sets it."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self.folder = folder
        self._clock = StillClock(folder / "clock", now)
        self._output = folder / "output.txt"
        self.set = self._clock.set
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "runner", "serve"],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), **self._clock.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=output,
            )

    def wait_for(self, text: str) -> None:
        """Wait until it has printed this."""
        until(lambda: text in self._output.read_text(), f"serve to print {text!r}", seconds=PATIENCE)

    def wait_for_rows(self, *wanted: tuple[str, str, WindowState]) -> list[WindowView]:
        """Wait until these windows of clients have these states."""
        until(lambda: set(wanted) <= self.decided(), f"{wanted}", seconds=PATIENCE)
        return self.rows()

    def wait_for_schedule(self, *wanted: tuple[str, str]) -> None:
        """Wait until exactly these windows of clients are in force."""
        until(lambda: self.in_force() == set(wanted), f"{wanted}", seconds=PATIENCE)

    def decided(self) -> set[tuple[str, str, WindowState]]:
        return {(row.window, row.client, row.state) for row in self.rows()}

    def rows(self) -> list[WindowView]:
        """Return all decided openings, whether or not the files have mistakes."""
        with Ledger.open(f"sqlite:///{self.folder}/.sitecrew/ledger.db", read_only=True) as ledger:
            return [*reversed(ledger.windows.list(limit=None))]

    def is_idle(self) -> bool:
        with Ledger.open(f"sqlite:///{self.folder}/.sitecrew/ledger.db", read_only=True) as ledger:
            return not ledger.runs.list_unfinished()

    def in_force(self) -> set[tuple[str, str]]:
        if not (self.folder / ".sitecrew/ledger.db").exists():
            return set()
        with Ledger.open(f"sqlite:///{self.folder}/.sitecrew/ledger.db", read_only=True) as ledger:
            return {(view.window, view.client) for view in ledger.windows.schedules().in_force}


def window(name: str, more: str = "") -> str:
    return f'  {name}: {{playbook: hello, day: tuesday, at: "02:00"{more}}}\n'


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    """A `serve` process, a minute before the window `keep` of acme and bolt."""
    served = Serving(write(tmp_path, window("keep"), ("acme", "bolt")), TUESDAY - MINUTE)
    served.wait_for_schedule(("keep", "acme"), ("keep", "bolt"))
    yield served
    if served.process.poll() is None:
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(PATIENCE) == 0


def test_added_window_is_started(serving: Serving):
    write(serving.folder, window("keep") + window("more"), ("acme", "bolt"))
    serving.wait_for_schedule(("keep", "acme"), ("keep", "bolt"), ("more", "acme"), ("more", "bolt"))
    serving.set(TUESDAY)
    serving.wait_for_rows(("keep", "acme", RUN), ("more", "acme", RUN), ("more", "bolt", RUN))


def test_removed_window_and_client_are_not_started(serving: Serving):
    write(serving.folder, window("other"), ("acme",))
    serving.wait_for_schedule(("other", "acme"))
    serving.set(TUESDAY)
    serving.wait_for_rows(("other", "acme", RUN))
    assert serving.decided() == {("other", "acme", RUN)}


def test_files_of_the_inventory_that_appear_and_go_are_read(serving: Serving):
    folder = serving.folder / "inventory"
    folder.mkdir()
    (folder / "more.yaml").write_text("windows:\n" + window("more"))
    serving.wait_for_schedule(("keep", "acme"), ("keep", "bolt"), ("more", "acme"), ("more", "bolt"))
    (folder / "more.yaml").write_text("windows:\n" + window("keep"))
    serving.wait_for("inventory/more.yaml:2:3: windows.keep: duplicate window")
    (folder / "more.yaml").unlink()
    serving.wait_for("the scheduler is working again")
    serving.wait_for_schedule(("keep", "acme"), ("keep", "bolt"))


def test_moved_site_runs_once_for_new_client(serving: Serving):
    inventory = serving.folder / "inventory.yaml"
    text = inventory.read_text()
    site = "acme-site: {url: 'http://127.0.0.1:9', host: web1, path: /srv/acme, kind: static}"
    assert site in text
    moved = text.replace(site, "").replace("sites: {bolt-site", f"sites: {{{site}, bolt-site")
    new = serving.folder / "new"
    new.write_text(moved)
    new.rename(inventory)
    serving.wait_for_schedule(("keep", "bolt"))
    serving.set(TUESDAY)
    [row] = serving.wait_for_rows(("keep", "bolt", RUN))
    assert row.run is not None
    with Ledger.open(f"sqlite:///{serving.folder}/.sitecrew/ledger.db", read_only=True) as ledger:
        found = {(site.site, site.client) for site in ledger.sites.list(row.run)}
    assert found == {("acme-site", "bolt"), ("bolt-site", "bolt")}


def test_rename_while_serving_is_printed(serving: Serving):
    inventory = serving.folder / "inventory.yaml"
    text = inventory.read_text()
    inventory.write_text(text.replace("acme-site: {", "acme-home: {was: acme-site, "))
    serving.wait_for("site acme-site is now acme-home; its history is kept")


def test_hold_added_while_serving_applies(serving: Serving):
    inventory = serving.folder / "inventory.yaml"
    hold = "path: /srv/acme, hold: {forms: {why: until we have talked}}, "
    inventory.write_text(inventory.read_text().replace("path: /srv/acme, ", hold))
    serving.set(TUESDAY)
    found = {row.client: row for row in serving.wait_for_rows(("keep", "acme", RUN), ("keep", "bolt", RUN))}
    with Ledger.open(f"sqlite:///{serving.folder}/.sitecrew/ledger.db", read_only=True) as ledger:
        order = thaw(ledger.runs.order_text(str(found["acme"].run)))
    assert {site.name: tuple(site.hold) for site in order.sites} == {"acme-site": ("forms",)}


@pytest.mark.parametrize("name", ["inventory.yaml", "playbooks/hello.yaml"])
def test_last_good_version_is_in_force_while_files_have_mistakes(serving: Serving, name: str):
    file = serving.folder / name
    good = file.read_text()
    file.write_text("name: [")
    serving.wait_for(f"the last version without mistakes stays in force: {name}:")
    serving.set(TUESDAY)
    found = serving.wait_for_rows(("keep", "acme", RUN), ("keep", "bolt", RUN))
    assert len(found) == 2
    file.write_text(good)
    serving.wait_for("the scheduler is working again")


def test_serve_started_with_mistakes_exits(tmp_path: Path):
    folder = write(tmp_path, window("keep", ", lasts: never"))
    command = [sys.executable, "-m", "runner", "serve"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 2
    assert "inventory.yaml:" in done.stderr


def test_window_after_sleep_starts_late_or_is_missed(serving: Serving):
    serving.set(TUESDAY + 30 * MINUTE)
    serving.wait_for_rows(("keep", "acme", RUN), ("keep", "bolt", RUN))
    until(serving.is_idle, "the runs to end", seconds=PATIENCE)
    serving.set(TUESDAY + timedelta(days=22))
    serving.wait_for_rows(("keep", "acme", MISSED), ("keep", "bolt", MISSED))
    assert [row.state for row in rows(serving.folder, client="acme")] == [RUN] + [MISSED] * 3
