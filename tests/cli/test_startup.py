"""What commands import: modules that load slowly are only imported by commands that use them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runner.record import Ledger
from tests.cli.open_runs import start_run
from tests.cli.workspaces import INVENTORY, ROOT, write_workspace

PROGRAM = """if True:
    import sys
    from runner.cli.main import run
    code = run(sys.argv[2:])
    print(code, *sorted(set(sys.argv[1].split()) & set(sys.modules)))
"""
WINDOW = "windows:\n  nightly: {playbook: nightly, sites: all, day: daily, at: '02:00'}\n"
LEDGER = "runner.record sqlalchemy sqlite3"
HOSTS = "runner.execute paramiko fabric invoke cryptography asyncio ssl httpx httpcore"
ENGINE = "runner.workflows dbos psycopg alembic sqlalchemy.orm sqlalchemy.dialects.postgresql"
VIEWS = "rich jinja2 babel css_inline concurrent.futures logging unittest"
WITH_LEDGER = f"{ENGINE} runner.execute paramiko httpx rich jinja2 babel cryptography"
ALL = f"{LEDGER} {HOSTS} {ENGINE} {VIEWS}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a window and a ledger with a run."""
    folder = write_workspace(tmp_path_factory.mktemp("startup") / "w", INVENTORY + WINDOW)
    (folder / ".sitecrew").mkdir()
    with Ledger.open(f"sqlite:///{folder}/.sitecrew/ledger.db") as ledger:
        start_run(ledger, "nightly-1")
    return folder


@pytest.mark.parametrize(
    ("command", "slow"),
    [
        ("--help", f"{ALL} runner.model runner.load runner.plan pydantic yaml"),
        ("list --help", f"{ALL} runner.load runner.plan pydantic yaml"),
        ("validate", ALL),
        ("list sites", ALL),
        ("list windows", ALL),
        ("schedule next", WITH_LEDGER),
        ("list runs", f"{WITH_LEDGER} runner.plan"),
    ],
)
def test_command_imports_nothing_slow(folder: Path, command: str, slow: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, slow, *command.split()],
        cwd=folder, env={"PYTHONPATH": str(ROOT), "HOME": str(folder)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "0"
