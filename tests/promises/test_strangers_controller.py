"""Strangers' words and files meet the controller: its screen, its ledger, its folders, its workspace."""

from __future__ import annotations

import ast
import grp
import json
import os
import shutil
import sqlite3
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import JSON, Text

import runner
from runner.cli.screen import cell, fit, json_text, style
from runner.record.prose import Document, Prose, clean_json
from runner.record.schema import metadata
from tests.crew import sitecrew
from tests.fuzz import endure, hostile
from tests.ledgers import create_run, record_backup, record_look

EVIL = "shop\x1b]0;title\x07\x1b[2J\x1b[31m\x9b31m\u202egnp.exe\u2066\x00\x7f\ue000\udc80\u2028x"
SOURCES = sorted(Path(runner.__file__).parent.rglob("*.py"))


def harmless(text: str) -> bool:
    return not any(
        unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} for c in text if c not in "\n\t"
    )


# The screen


def test_a_strangers_words_reach_the_screen_without_what_a_terminal_obeys():
    assert harmless(fit(EVIL))
    assert harmless(cell(EVIL))


def test_our_own_colours_reach_the_screen_and_a_strangers_do_not():
    shown = fit(style(f"a{EVIL}", fg="green") + "\x1b[8mhidden\x1b[0m")
    assert shown.startswith("\x1b[32ma")
    assert shown.count("\x1b") == 2
    assert "hidden" in shown


def test_json_escapes_what_a_terminal_obeys_and_stays_equal():
    document = {"why": EVIL, "name": "Müller 日本"}
    text = json_text(document, indent=2)
    assert harmless(text)
    assert json.loads(text) == document
    assert "Müller 日本" in text


def test_everything_that_is_printed_passes_the_one_function():
    others = []
    for path in SOURCES:
        if path.name == "screen.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called in {"print", "click.echo", "click.secho", "click.style", "sys.stderr.write"}:
                others.append(f"{path.name}:{node.lineno} {called}")
            if called == "sys.stdout.write" and "json_text(" not in ast.unparse(node):
                others.append(f"{path.name}:{node.lineno} {called}")
    assert others == []


def test_hostile_text_is_made_fit_in_little_time():
    endure(
        lambda raw: fit(raw.decode("utf-8", "surrogateescape")),
        hostile([EVIL.encode("utf-8", "surrogateescape"), style("x", bold=True).encode()], 10_000),
        refusals=(),
    )


# The ledger

OURS = {
    "runs.order_text": "read back as an order; its digest is in the chain",
    "segments.trial": "read back by a later attempt",
    "calendars.periods": "dates and instants, read from a calendar and read back",
}
WORDS_OF_OURS = {
    "announcements.message_id", "announcements.state", "approvals.state",
    "acts.act", "auto_updates.state", "looks.seen", "acts.hash", "acts.previous", "acts.salt", "acts.seal",
    "backups.manifest_sha256", "calendars.digest", "changes.outcome", "deliveries.channel", "deliveries.kind",
    "deliveries.state", "leases.process_start",
    "reports.html_sha256", "reports.status", "run_sites.outcome", "run_sites.state", "runs.executor",
    "runs.outcome", "runs.state", "segments.job", "segments.state", "steps.outcome", "windows.run",
    "windows.state",
}  # fmt: skip


def test_every_column_that_can_hold_a_strangers_words_cleans_them():
    unclean = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, (Text, JSON))
    }
    assert unclean - {f"{t}.{c}" for t, c in (name.split(".") for name in OURS)} - WORDS_OF_OURS <= {
        f"{table.name}.run" for table in metadata.sorted_tables
    }


def test_a_column_cleans_and_cuts_what_it_is_given():
    assert harmless(Prose().process_bind_param(EVIL, None) or "")
    assert len(Prose().process_bind_param("x" * 10_000_000, None) or "") < 21_000
    kept = Document().process_bind_param({EVIL: [EVIL, {"a": EVIL}], "n": 1}, None)
    assert harmless(json.dumps(kept, ensure_ascii=False))


def test_a_document_that_is_nested_without_end_is_cut():
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert len(json.dumps(clean_json(deep))) < 200
    while deep:  # taken apart here: a garbage collector may recurse
        deep = deep[0]  # type: ignore[assignment]


@pytest.mark.parametrize("word", [EVIL, EVIL * 10_000])
def test_the_ledger_holds_no_word_that_a_terminal_obeys(tmp_path: Path, word: str):
    from runner.model import ChangeOutcome, ItemKind, Outcome, StepOutcome
    from runner.record import Ledger

    at = datetime(2026, 11, 24, 1, tzinfo=UTC)
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        create_run(
            ledger,
            "{}",
            run="r",
            playbook="weekly",
            title=word,
            sites=[("shop", "acme", "web1", 0, 0)],
            steps=[("shell", "shell", word)],
            started=at,
            trigger="manual",
        )
        change = ChangeOutcome(
            kind=ItemKind.PLUGIN,
            item=word[:200],
            from_version=word[:50],
            to_version=word[:50],
            outcome=Outcome.FAILED,
            why=word,
        )
        outcome = StepOutcome(step="shell", outcome=Outcome.FAILED, why=word, output=word, changes=(change,))
        ledger.steps.finished("r", "shop", outcome, at)
        record_look(ledger,
            site="shop", at=at, phase="after", signal="page", healthy=None, run="r", url=word,
            findings=[{word: word}], note=word,
        )  # fmt: skip
        ledger.sites.finished("r", "shop", Outcome.FAILED, word, at)
        assert harmless(json.dumps(ledger.runs.show("r").as_json(), ensure_ascii=False))
        assert all(harmless(step.output + step.why + step.title) for step in ledger.steps.output("r", "shop"))


# Modes


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose ledger was begun under a umask that keeps nothing private."""
    folder = tmp_path_factory.mktemp("made") / "crew"
    for command in (["init", str(folder)], ["-w", str(folder), "unhold", "akismet", "-l", "acme-shop"]):
        sitecrew(*command, umask=0)
    return folder


@pytest.fixture
def made(made_once: Path, tmp_path: Path) -> Path:
    """A copy of it, with the same modes."""
    return Path(shutil.copytree(made_once, tmp_path / "crew", symlinks=True))


def test_what_is_ours_is_private_from_the_start_under_any_umask(made: Path):
    ours = [made / ".sitecrew", *(made / ".sitecrew").rglob("*")]
    assert {path.name for path in ours} >= {".sitecrew", "ledger.db", "schema"}
    assert [path for path in ours if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize("mode", [pytest.param(0o020, marks=pytest.mark.long), 0o002])
@pytest.mark.parametrize(
    "name", [".", "inventory.yaml", "sitecrew.yaml", "playbooks", "playbooks/weekly.yaml", ".sitecrew",
             ".sitecrew/ledger.db"],
)  # fmt: skip
def test_what_others_can_write_is_refused_with_what_to_type(made: Path, name: str, mode: int):
    path = (made / name).resolve()
    path.chmod(path.stat().st_mode | mode)
    os.chown(path, -1, grp.getgrnam("nogroup").gr_gid)
    done = sitecrew("-w", str(made), "list", "runs")
    assert done.code == 2
    assert f"chmod go-w {path}" in done.err


def test_what_another_user_owns_is_refused(made: Path):
    os.chown(made / "inventory.yaml", 65534, 65534)
    done = sitecrew("-w", str(made), "validate")
    assert done.code == 2
    assert f"chown root {made}/inventory.yaml" in done.err


def test_a_linked_sitecrew_folder_is_judged_by_where_it_leads(made: Path, tmp_path: Path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    (made / ".sitecrew").rename(shared / "state")
    (made / ".sitecrew").symlink_to(shared / "state")
    done = sitecrew("-w", str(made), "list", "runs")
    assert done.code == 2
    assert f"chmod go-w {shared}" in done.err
    shared.chmod(0o755)
    assert sitecrew("-w", str(made), "list", "runs").code == 0


# The acts, on the command line


def begun(folder: Path, client: str = "acme") -> None:
    from runner.record import Ledger
    from runner.record.operators import operator_here

    at = datetime(2026, 11, 24, 1, tzinfo=UTC)
    with Ledger.open(f"sqlite:///{folder}/.sitecrew/ledger.db", operator=operator_here("Ada")) as ledger:
        create_run(ledger,
            '{"sites": []}', run="r1", playbook="weekly", title="", sites=[("shop", client, "web1", 0, 0)],
            steps=[("shell", "shell", "")], started=at, trigger="manual",
        )  # fmt: skip
        place = folder / ".sitecrew" / "backups" / "shop" / "s1"
        place.mkdir(parents=True)
        (place / "database.sql.gz").write_bytes(b"data")
        record_backup(ledger,
            "s1", site="shop", client=client, run="r1", taken=at, store="archive", uri=str(place), size=1,
            files=1, tables=1, manifest_sha256="", verified=at,
        )  # fmt: skip


def test_a_changed_ledger_is_named_by_verify_and_its_run_is_not_resumed(made: Path):
    begun(made)
    assert sitecrew("-w", str(made), "ledger", "verify").code == 0
    assert "run by Ada" in sitecrew("-w", str(made), "show").out
    connection = sqlite3.connect(made / ".sitecrew" / "ledger.db")
    connection.execute('UPDATE runs SET order_text = \'{"sites": [], "x": "curl evil | sh"}\'')
    connection.commit()
    connection.close()
    done = sitecrew("-w", str(made), "ledger", "verify")
    assert (done.code, "run r1" in done.err) == (3, True)
    for command in ("resume", "undo"):
        refused = sitecrew("-w", str(made), command, "r1")
        assert refused.code not in {0, 3}, refused.err
    refused = sitecrew("-w", str(made), "resume", "r1")
    assert "order of run r1 was changed" in refused.err


def test_a_client_is_given_out_and_erased_with_its_snapshots(made: Path):
    begun(made, "gone")
    file = made / "gone.json"
    assert sitecrew("-w", str(made), "ledger", "export", "gone", "--out", str(file)).code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["tables"]["backups"][0]["snapshot"] == "s1"
    assert "answer with -y" in sitecrew("-w", str(made), "ledger", "erase", "gone").err
    done = sitecrew("-w", str(made), "ledger", "erase", "gone", "-y", "--as", "Bob")
    assert done.code == 0, done.err
    assert not (made / ".sitecrew" / "backups" / "shop" / "s1").exists()
    assert sitecrew("-w", str(made), "ledger", "verify").code == 0
    assert sitecrew("-w", str(made), "ledger", "export", "gone").code == 2


def test_a_client_of_the_inventory_is_not_erased_by_mistake(made: Path):
    begun(made)
    done = sitecrew("-w", str(made), "ledger", "erase", "acme", "-y")
    assert (done.code, "--still-a-client" in done.err) == (2, True)


def test_an_address_in_the_ledger_is_not_enough_to_delete_a_folder(made: Path, tmp_path: Path):
    begun(made, "gone")
    precious = tmp_path / "precious" / "shop" / "s1"
    precious.mkdir(parents=True)
    connection = sqlite3.connect(made / ".sitecrew" / "ledger.db")
    connection.execute("UPDATE backups SET uri = ?", (str(precious),))
    connection.commit()
    connection.close()
    done = sitecrew("-w", str(made), "ledger", "erase", "gone", "-y")
    assert precious.exists()
    assert str(precious) in done.err
