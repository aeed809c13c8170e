"""`ledger backup` and `ledger restore`."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from runner.load import load_workspace
from runner.record import Ledger
from runner.record.sqlite_copy import back_up
from tests.cli.workspaces import ROOT, sitecrew, write_workspace
from tests.postgresql import Databases, postgresql
from tests.record.book import at, work

__all__ = ["postgresql"]


def open_ledger(folder: Path) -> Ledger:
    return Ledger.open(load_workspace(folder, environ={}).settings.ledger)


def runs(folder: Path) -> set[str]:
    with open_ledger(folder) as ledger:
        return {run.run for run in ledger.runs.list()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = write_workspace(tmp_path / "crew")
    with open_ledger(folder) as ledger:
        work(ledger, "first", at(1))
    return folder


def test_restored_ledger_is_the_one_of_the_copy(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    made = sitecrew(folder, "ledger", "backup", str(copy))
    assert made.returncode == 0, made.stderr
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "crew"]
    with open_ledger(folder) as ledger:
        work(ledger, "second", at(2))
    (folder / ".sitecrew/engine.db").write_bytes(b"rows of the second run")
    done = sitecrew(folder, "ledger", "restore", str(copy), "-y", "--as", "Ada")
    assert done.returncode == 0, done.stderr
    assert "an older ledger was put back" in done.stderr
    assert "sitecrew ledger gap --accept" in done.stderr
    assert runs(folder) == {"first"}
    assert not (folder / ".sitecrew/engine.db").exists()
    (kept,) = (folder / ".sitecrew").glob("ledger-replaced-*.db")
    assert str(kept) in done.stderr
    with Ledger.open(f"sqlite:///{kept}") as ledger:
        assert {run.run for run in ledger.runs.list()} == {"first", "second"}
    with open_ledger(folder) as ledger:
        last = ledger.acts.list()[-1]
        assert (last.act, last.operator) == ("restore", "Ada")
        assert ledger.acts.verify().problem == ""


def test_restore_is_refused_while_a_process_works(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    sitecrew(folder, "ledger", "backup", str(copy))
    from runner.apply.session import Session

    session = Session(load_workspace(folder, environ={}))
    try:
        refused = sitecrew(folder, "ledger", "restore", str(copy), "-y")
    finally:
        session.close()
    assert refused.returncode == 11
    assert "works with the ledger" in refused.stderr
    assert not list((folder / ".sitecrew").glob("*replaced*"))


def test_restore_asks_and_changes_nothing_without_an_answer(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    sitecrew(folder, "ledger", "backup", str(copy))
    before = (folder / ".sitecrew/ledger.db").read_bytes()
    refused = sitecrew(folder, "ledger", "restore", str(copy))
    assert refused.returncode == 2
    assert "answer with -y" in refused.stderr
    assert (folder / ".sitecrew/ledger.db").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no database" * 1000, b"SQLite format 3\0" + bytes(5000), None])
def test_what_is_no_copy_is_refused(content: bytes | None, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    if content is not None:
        copy.write_bytes(content)
    refused = sitecrew(folder, "ledger", "restore", str(copy), "-y")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert runs(folder) == {"first"}


def test_copy_is_never_overwritten(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("mine")
    refused = sitecrew(folder, "ledger", "backup", str(copy))
    assert refused.returncode == 1
    assert "exists already" in refused.stderr
    assert copy.read_text() == "mine"


def test_damaged_ledger_is_replaced(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    assert json.loads(sitecrew(folder, "ledger", "backup", str(copy), "--json").stdout)["bytes"] > 0
    (folder / ".sitecrew/ledger.db").write_bytes(b"damaged" * 10_000)
    done = sitecrew(folder, "ledger", "restore", str(copy), "-y")
    assert done.returncode == 0, done.stderr
    assert "cannot be read" in done.stderr
    assert runs(folder) == {"first"}


def test_copy_during_writes_is_whole(folder: Path, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        with open_ledger(folder) as ledger:
            number = 0
            while not stop.is_set():
                work(ledger, f"r{number}", at(2))
                number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(5):
            back_up(folder / ".sitecrew/ledger.db", tmp_path / f"{number}.db")
    finally:
        stop.set()
        thread.join()
    for number in range(5):
        with Ledger.open(f"sqlite:///{tmp_path}/{number}.db") as ledger:
            assert ledger.acts.verify().problem == ""
    with closing(sqlite3.connect(tmp_path / "4.db")) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.skipif(shutil.which("pg_dump") is None, reason="no client programs of PostgreSQL")
def test_ledger_in_postgresql_is_dumped_and_restored(tmp_path: Path, postgresql: Databases) -> None:
    folder = write_workspace(tmp_path / "crew")
    (folder / "sitecrew.yaml").write_text(f"ledger: {postgresql.ledger()}\n")
    with open_ledger(folder) as ledger:
        work(ledger, "first", at(1))
    copy = tmp_path / "copy.dump"
    refused = sitecrew(folder, "ledger", "backup", str(copy), PATH=str(tmp_path))
    assert refused.returncode == 1
    assert "apt install postgresql-client" in refused.stderr
    made = sitecrew(folder, "ledger", "backup", str(copy))
    assert made.returncode == 0, made.stderr
    with open_ledger(folder) as ledger:
        work(ledger, "second", at(2))
    done = sitecrew(folder, "ledger", "restore", str(copy), "-y")
    assert done.returncode == 0, done.stderr
    assert runs(folder) == {"first"}
    (kept,) = (folder / ".sitecrew").glob("ledger-replaced-*.dump")
    assert sitecrew(folder, "ledger", "restore", str(kept), "-y").returncode == 0
    assert runs(folder) == {"first", "second"}
    with open_ledger(folder) as ledger:
        work(ledger, "third", at(3))
        assert ledger.acts.verify().problem == ""


def test_restore_names_the_gap(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    sitecrew(folder, "ledger", "backup", str(copy))
    from runner.apply.session import Session

    session = Session(load_workspace(folder, environ={}))
    session.ledger.acts.record("hold", "acme-shop: forms")
    session.close()
    done = sitecrew(folder, "ledger", "restore", str(copy), "-y")
    assert "an older ledger was put back" in done.stderr
    assert "sitecrew ledger gap --accept" in done.stderr
    assert sitecrew(folder, "ledger", "gap").returncode == 3
    assert sitecrew(folder, "ledger", "gap", "--accept", "-y").returncode == 0
    assert sitecrew(folder, "ledger", "verify").returncode == 0


def test_copy_of_an_earlier_version_is_upgraded(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(copy)) as connection:
        connection.executescript((ROOT / "tests/record/fixtures/0013.sql").read_text())
    done = sitecrew(folder, "ledger", "restore", str(copy), "-y")
    assert done.returncode == 0, done.stderr
    assert "first" not in runs(folder)
    assert runs(folder)
