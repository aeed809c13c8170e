from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from runner.errors import LedgerError
from runner.record import Ledger, sqlite
from runner.record.database import FOR_WRITING, create_tables
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


def _tables(file: Path) -> dict[str, dict[str, object]]:
    """What the database says of each table, without the order of columns."""
    engine = _engine(file, "mode=ro")
    inspector = inspect(engine)
    found = {
        name: {
            "columns": sorted(
                (column["name"], str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(name)
            ),
            "key": inspector.get_pk_constraint(name)["constrained_columns"],
            "unique": sorted(map(str, inspector.get_unique_constraints(name))),
            "indexes": sorted(map(str, inspector.get_indexes(name))),
            "foreign": sorted(map(str, inspector.get_foreign_keys(name))),
            "checks": sorted(map(str, inspector.get_check_constraints(name))),
        }
        for name in inspector.get_table_names()
    }
    engine.dispose()
    return found


def test_new_ledger_has_the_tables_of_a_migrated_one(tmp_path: Path):
    Ledger.open(f"sqlite:///{tmp_path}/created.db").close()
    (tmp_path / "migrated.db").touch()
    engine = _engine(tmp_path / "migrated.db", "mode=rw")
    with engine.connect().execution_options(**{FOR_WRITING: True}) as connection, connection.begin():
        upgrade(connection)
    engine.dispose()
    created, migrated = _tables(tmp_path / "created.db"), _tables(tmp_path / "migrated.db")
    assert created == migrated
    assert set(created) == {*metadata.tables, "alembic_version"}


def test_failed_creation_leaves_no_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(connection: Connection) -> None:
        create_tables(connection)
        raise LedgerError("power cut")

    monkeypatch.setattr(sqlite, "create_tables", fail)
    file = tmp_path / "ledger.db"
    with pytest.raises(LedgerError, match="power cut"):
        Ledger.open(f"sqlite:///{file}")
    monkeypatch.undo()
    engine = _engine(file, "mode=rw")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar() == 0
    engine.dispose()


def test_failed_upgrade_leaves_the_old_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*arguments: Any) -> None:
        original(*arguments)
        raise LedgerError("power cut")

    file = tmp_path / "ledger.db"
    file.touch()
    engine = _engine(file, "mode=rw")
    with engine.connect().execution_options(**{FOR_WRITING: True}) as connection, connection.begin():
        upgrade(connection, REVISIONS[0])
    engine.dispose()
    before, original = _tables(file), command.upgrade
    monkeypatch.setattr(command, "upgrade", fail)
    with pytest.raises(LedgerError, match="power cut"):
        Ledger.open(f"sqlite:///{file}")
    assert _tables(file) == before
