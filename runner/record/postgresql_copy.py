"""Copies of a ledger in PostgreSQL, by its own programs pg_dump and pg_restore."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import LedgerError
from runner.record.postgresql import connection_parameters, name_of
from runner.record.schema import metadata

if TYPE_CHECKING:
    from runner.model import LedgerAddress

__all__ = ["back_up", "check", "replace"]

_ENGINE = "sitecrew_engine"
"""The schema of the workflow engine, whose rows a restored ledger does not need."""
_MAGIC = b"PGDMP"


def back_up(address: LedgerAddress, target: Path) -> None:
    """Dump the ledger to a new file, readable only by this user."""
    if target.exists():
        raise LedgerError(f"{target} exists already", hint="choose another name, or delete it first")
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        _run(address, "pg_dump", "--format=custom", f"--exclude-schema={_ENGINE}", f"--file={part}")
        part.rename(target)
    except OSError as error:
        raise LedgerError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def check(copy: Path) -> None:
    """Check that a file is a dump of pg_dump."""
    try:
        with copy.open("rb") as file:
            found = file.read(len(_MAGIC))
    except OSError as error:
        raise LedgerError(f"{copy} cannot be read: {error.strerror or error}") from error
    if found != _MAGIC:
        raise LedgerError(
            f"{copy} is not a dump of a ledger in PostgreSQL",
            hint="a dump is made by `sitecrew ledger backup FILE`",
        )


def replace(address: LedgerAddress, copy: Path, kept: Path) -> Path:
    """Restore a dump in one transaction; return the dump of the previous ledger."""
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    back_up(address, kept)
    names = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
    old = f'DROP SCHEMA IF EXISTS "{_ENGINE}" CASCADE; DROP TABLE IF EXISTS {names}, alembic_version CASCADE'
    with tempfile.TemporaryDirectory() as folder:
        script = f"{folder}/ledger.sql"
        options = ("--no-owner", "--no-privileges", f"--file={script}")
        _run(address, "pg_restore", *options, str(copy), connects=False)
        words = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1")
        _run(address, "psql", *words, f"--command={old}", f"--file={script}")
    return kept


def _run(address: LedgerAddress, program: str, *words: str, connects: bool = True) -> None:
    """Run a program of PostgreSQL. The password is in its environment, not on its command line."""
    from psycopg.conninfo import make_conninfo

    if shutil.which(program) is None:
        raise LedgerError(
            f"the program {program} is not installed",
            hint="install PostgreSQL's client programs: `apt install postgresql-client`",
        )
    given = connection_parameters(address)
    password = given.pop("password", None)
    environment = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
    target = [f"--dbname={make_conninfo(**given)}"] if connects else []
    done = subprocess.run(  # noqa: S603
        [program, *target, *words],
        env=environment,
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"exit status {done.returncode}"
        raise LedgerError(f"{program} of {name_of(address)} failed: {reason}")
