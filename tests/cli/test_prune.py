"""`ledger prune`: what it prints and what it changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from runner.record import Ledger
from tests.cli.workspaces import sitecrew, write_workspace
from tests.record.book import change, work


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = write_workspace(tmp_path / "crew")
    with Ledger.open(f"sqlite:///{folder}/.sitecrew/ledger.db") as ledger:
        for name, age in (("old", 200), ("older", 300), ("new", 3)):
            when = datetime.now(UTC) - timedelta(days=age)
            with time_machine.travel(when, tick=False):
                work(ledger, name, when, change("forms", "1.0", "1.1"), on="acme-shop")
    return folder


def test_prune_prints_what_it_pruned(folder: Path) -> None:
    first = sitecrew(folder, "ledger", "prune", "--dry-run")
    assert first.stdout == "        2  looks summarised\n        2  runs without their details\n"
    assert first.stderr.startswith("this would be pruned; the ledger has ")
    assert sitecrew(folder, "ledger", "prune").stdout == first.stdout
    again = sitecrew(folder, "ledger", "prune")
    assert again.stdout == ""
    assert again.stderr.startswith("nothing is old enough; the ledger has ")
    assert sitecrew(folder, "ledger", "verify").returncode == 0


def test_prune_prints_json(folder: Path) -> None:
    found = json.loads(sitecrew(folder, "ledger", "prune", "--json").stdout)
    assert found["dry_run"] is False
    assert found["pruned"]["details"] == 2
    assert found["bytes"] > 0


def test_pruned_run_can_be_shown_but_not_undone(folder: Path) -> None:
    sitecrew(folder, "ledger", "prune")
    shown = sitecrew(folder, "show", "old")
    assert "forms" in shown.stdout
    assert "details were pruned on" in shown.stdout + shown.stderr
    for words in (("undo", "old", "-y"), ("resume", "old")):
        refused = sitecrew(folder, *words)
        assert refused.returncode == 2
        assert "the details of run old were pruned on" in refused.stderr
    assert "details were pruned on" in sitecrew(folder, "logs", "old").stderr


def test_own_retention_decides(folder: Path) -> None:
    (folder / "sitecrew.yaml").write_text("retention: {looks: 250d, details: 400d}\n")
    found = json.loads(sitecrew(folder, "ledger", "prune", "--dry-run", "--json").stdout)["pruned"]
    assert (found["looks"], found["details"]) == (1, 0)


def test_compact_rewrites_the_ledger(folder: Path) -> None:
    done = sitecrew(folder, "ledger", "prune", "--compact")
    assert done.returncode == 0, done.stderr
    assert sitecrew(folder, "ledger", "verify").returncode == 0
    refused = sitecrew(folder, "ledger", "prune", "--compact", "--dry-run")
    assert refused.returncode == 2
    assert "exclude each other" in refused.stderr


def test_tick_prunes_once_a_day(folder: Path) -> None:
    first, second = sitecrew(folder, "tick"), sitecrew(folder, "tick")
    assert (first.returncode, second.returncode) == (0, 0)
    assert "ledger pruned: 2 looks summarised, 2 runs without their details" in first.stderr
    assert "pruned" not in second.stderr
    with Ledger.open(f"sqlite:///{folder}/.sitecrew/ledger.db") as ledger:
        assert [act.operator for act in ledger.acts.list() if act.act == "prune"] == ["scheduler"]
