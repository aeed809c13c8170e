from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import runner
from lab.shell import mounted
from runner.errors import LedgerError
from runner.record import Ledger

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
ROOT = str(Path(runner.__file__).parents[1])


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": ROOT}
    )


def test_new_ledger_is_private(file: Path, url: str):
    Ledger.open(url).close()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_six_processes_create_one_ledger(url: str):
    code = """if True:
        import sys
        from runner.record import Ledger
        with Ledger.open(sys.argv[1]) as ledger:
            ledger.leases.acquire(sys.argv[2], host="here", pid=1, process_start="0")
    """
    processes = [python(code, url, str(number)) for number in range(6)]
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0] * 6
    with Ledger.open(url) as ledger:
        assert {lease.executor for lease in ledger.leases.list_valid()} == set("012345")


def test_creating_and_opening_a_ledger_do_not_import_alembic(url: str):
    code = """if True:
        import sys
        from runner.record import Ledger
        Ledger.open(sys.argv[1]).close()
        Ledger.open(sys.argv[1])
        print("alembic" in sys.modules)
    """
    assert python(code, url).communicate(timeout=60)[0] == "False\n"


def test_importing_record_does_not_import_sqlalchemy():
    code = "import sys, runner.record; print('sqlalchemy' in sys.modules)"
    assert python(code).communicate(timeout=60)[0] == "False\n"


def test_empty_file_becomes_a_ledger(file: Path, url: str):
    file.parent.mkdir(parents=True)
    file.touch()
    with Ledger.open(url) as ledger:
        assert ledger.runs.list() == ()


def test_ledger_of_newer_sitecrew_is_refused(file: Path, url: str):
    Ledger.open(url).close()
    connection = sqlite3.connect(file)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    for read_only in (False, True):
        with pytest.raises(LedgerError, match="newer Sitecrew") as caught:
            Ledger.open(url, read_only=read_only)
        assert "upgrade" in caught.value.hint


def test_foreign_database_is_refused_unchanged(file: Path, url: str):
    file.parent.mkdir(parents=True)
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE songs (name TEXT)")
    connection.commit()
    connection.close()
    before = file.read_bytes()
    with pytest.raises(LedgerError, match="not a ledger"):
        Ledger.open(url)
    assert file.read_bytes() == before


def test_text_file_is_refused_unchanged(file: Path, url: str):
    file.parent.mkdir(parents=True)
    file.write_text("dear diary\n" * 100)
    with pytest.raises(LedgerError, match="not a database") as caught:
        Ledger.open(url)
    assert "sitecrew.yaml" in caught.value.hint
    assert file.read_text() == "dear diary\n" * 100


@pytest.mark.parametrize("bad", ["sqlite://", "sqlite:///:memory:", "mysql://u:secret@db/x", "ledger.db"])
def test_other_urls_are_refused_without_password(bad: str):
    with pytest.raises(LedgerError) as caught:
        Ledger.open(bad)
    assert "secret" not in str(caught.value)
    assert "sqlite:///" in caught.value.hint


def test_reading_missing_ledger_creates_nothing(tmp_path: Path):
    with pytest.raises(LedgerError, match="there is no ledger"):
        Ledger.open(f"sqlite:///{tmp_path}/none/ledger.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_read_only_ledger_refuses_writes(url: str):
    Ledger.open(url).close()
    with Ledger.open(url, read_only=True) as ledger, pytest.raises(LedgerError, match="read-only"):
        ledger.leases.release("e")


def test_reading_read_only_file_creates_no_files(file: Path, url: str, create_run):
    with Ledger.open(url) as ledger:
        create_run(ledger)
    file.chmod(0o400)
    before = file.read_bytes()
    with Ledger.open(url, read_only=True) as ledger:
        assert ledger.runs.find("last") == "r1"
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


@needs_root
def test_ledger_in_read_only_folder_is_readable(file: Path, url: str, create_run, tmp_path: Path):
    with Ledger.open(url) as ledger:
        create_run(ledger)
    with (
        mounted(tmp_path / "frozen", "--bind", "-o", "ro", str(file.parent)) as frozen,
        Ledger.open(f"sqlite:///{frozen}/{file.name}", read_only=True) as ledger,
    ):
        assert ledger.runs.find("last") == "r1"
    assert list(file.parent.iterdir()) == [file]


@needs_root
def test_user_with_read_permission_can_only_read(create_run):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ledger.db"
        with Ledger.open(f"sqlite:///{file}") as ledger:
            create_run(ledger)
        Path(folder).chmod(0o755)
        file.chmod(0o644)
        os.seteuid(65534)
        try:
            with Ledger.open(f"sqlite:///{file}", read_only=True) as ledger:
                assert ledger.runs.find("last") == "r1"
            with pytest.raises(LedgerError, match="Permission denied"):
                Ledger.open(f"sqlite:///{file}")
        finally:
            os.seteuid(0)
        assert list(file.parent.iterdir()) == [file]


def test_reader_sees_committed_rows(url: str, create_run):
    with Ledger.open(url) as writer, Ledger.open(url, read_only=True) as reader:
        create_run(writer)
        assert reader.runs.find("last") == "r1"


@needs_root
def test_unwritable_folder_gives_error_with_hint(tmp_path: Path):
    (tmp_path / "real").mkdir()
    with (
        mounted(tmp_path / "frozen", "--bind", "-o", "ro", str(tmp_path / "real")) as frozen,
        pytest.raises(LedgerError, match="Read-only") as caught,
    ):
        Ledger.open(f"sqlite:///{frozen}/ledger.db")
    assert "writable" in caught.value.hint


def test_deleted_ledger_is_detected_on_write(file: Path, ledger: Ledger, create_run):
    file.unlink()
    with pytest.raises(LedgerError, match="deleted or replaced"):
        create_run(ledger)


@needs_root
def test_full_disk_loses_no_recorded_rows(tmp_path: Path, create_run, start, plugins):
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs") as small:
        with Ledger.open(f"sqlite:///{small}/ledger.db") as ledger:
            create_run(ledger)
            reserve = small / "reserve"
            reserve.write_bytes(b"0" * 100_000)
            recorded = 0

            def record_for_ever() -> None:
                nonlocal recorded
                while True:
                    job = f"job{recorded}"
                    ledger.jobs.ended("r1", "shop", recorded, job, status="ok", outcomes=[plugins], at=start)
                    recorded += 1

            with pytest.raises(LedgerError, match=r"full|I/O") as caught:
                record_for_ever()
            assert caught.value.hint
            assert recorded > 0
            assert len(ledger.jobs.list_ended("r1", "shop")) == recorded
            reserve.unlink()
            assert ledger.jobs.ended("r1", "shop", recorded, "again", status="ok", outcomes=[], at=start)
        with Ledger.open(f"sqlite:///{small}/ledger.db", read_only=True) as ledger:
            assert len(ledger.jobs.list_ended("r1", "shop")) == recorded + 1


def test_reader_waits_for_ledger_creation(file: Path, url: str):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(0o600)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(lambda: Ledger.open(url, read_only=True))
        Ledger.open(url).close()
        with reading.result() as ledger:
            assert ledger.runs.list() == ()


def test_ledger_that_stays_empty_is_refused(file: Path, url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("runner.record.sqlite._CREATION_SECONDS", 0.1)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(0o600)
    with pytest.raises(LedgerError, match="is empty"):
        Ledger.open(url, read_only=True)
