from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from runner.errors import LedgerError
from runner.record import Ledger
from runner.record.database import FOR_WRITING
from runner.record.migrate import scripts, upgrade
from runner.record.schema import REVISIONS, metadata
from runner.record.sqlite import _engine


def test_migration_scripts_match_revisions():
    found = [script.revision for script in ScriptDirectory.from_config(scripts()).walk_revisions()]
    assert tuple(reversed(found)) == REVISIONS


@pytest.mark.parametrize("since", REVISIONS)
def test_every_revision_upgrades_to_current_tables(tmp_path: Path, since: str):
    file = tmp_path / "ledger.db"
    file.touch()
    engine = _engine(file, "mode=rw")
    with engine.connect().execution_options(**{FOR_WRITING: True}) as connection:
        with connection.begin():
            upgrade(connection, since)
        with connection.begin():
            upgrade(connection)
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []
    engine.dispose()
    Ledger.open(f"sqlite:///{file}", read_only=True).close()


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_tables_compile_for_postgresql(table: Table):
    assert table.name in str(CreateTable(table).compile(dialect=postgresql.dialect()))


def test_migrated_foreign_keys_match_the_code(tmp_path: Path):
    Ledger.open(f"sqlite:///{tmp_path}/migrated.db").close()
    migrated = _engine(tmp_path / "migrated.db", "mode=ro")
    (tmp_path / "created.db").touch()
    created = _engine(tmp_path / "created.db", "mode=rw")
    with created.begin() as connection:
        metadata.create_all(connection)
    for table in metadata.tables:
        keys = []
        for engine in (migrated, created):
            with engine.connect() as connection:
                rows = connection.exec_driver_sql(f"PRAGMA foreign_key_list({table})").fetchall()
                keys.append(sorted(tuple(row)[2:7] for row in rows))
        assert keys[0] == keys[1]
    migrated.dispose()
    created.dispose()


def test_failed_upgrade_leaves_no_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        original(*_)
        raise LedgerError("power cut")

    original = command.upgrade
    monkeypatch.setattr(command, "upgrade", fail)
    file = tmp_path / "ledger.db"
    with pytest.raises(LedgerError, match="power cut"):
        Ledger.open(f"sqlite:///{file}")
    monkeypatch.undo()
    engine = _engine(file, "mode=rw")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar() == 0
    engine.dispose()
