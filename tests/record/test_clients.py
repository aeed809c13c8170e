"""Export and erasure of a client; rows of other clients stay, and the chain remains valid."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from runner.model import StepOutcome
from runner.record import BackupView, Ledger, LookView
from tests.record.book import create

CreateRun = Callable[..., bool]
ORDER = json.dumps(
    {
        "sites": [{"name": "shop", "host": "web1"}, {"name": "blog", "host": "web2"}],
        "rings": [["shop"], ["blog"]],
        "clients": {"acme": {"phone": "acme-secret"}, "bolt": {}},
        "hosts": {"web1": {"note": "acme-secret"}, "web2": {}},
        "locked": None,
    }
)


@pytest.fixture
def filled(ledger: Ledger, create_run: CreateRun, start: datetime, plugins: StepOutcome) -> Ledger:
    """One run of acme, one of bolt, one of both; and looks, acts and a backup."""
    steps = [("wordpress.plugins", "wordpress.plugins", "Plugins")]
    for run, sites in {
        "r-acme": [("shop", "acme", "web1", 0, 0)],
        "r-bolt": [("blog", "bolt", "web2", 0, 0)],
        "r-both": [("shop", "acme", "web1", 0, 0), ("blog", "bolt", "web2", 1, 1)],
    }.items():
        create(ledger,
            ORDER if len(sites) == 2 else "{}", run=run, playbook="weekly", title="", sites=sites,
            steps=steps, started=start, trigger="manual",
        )  # fmt: skip
        for site, *_ in sites:
            ledger.steps.finished(run, site, plugins, start)
            ledger.looks.record(
                LookView(
                    site=site,
                    at=start,
                    phase="after",
                    signal="page",
                    healthy=True,
                    run=run,
                    url=f"{run}.example",
                )
            )
    ledger.backups.record(
        BackupView(
            snapshot="s1",
            site="shop",
            client="acme",
            run="r-acme",
            taken=start,
            store="archive",
            uri="/x",
            size=1,
            files=1,
            tables=1,
            manifest_sha256="",
            verified=start,
        )
    )
    ledger.acts.record("unhold", "shop: akismet 5", details={"site": "shop"})
    ledger.acts.record("send", "report of acme", details={"client": "acme"})
    ledger.acts.record("trust", "web2")
    return ledger


def test_export_has_all_rows_of_client_only(filled: Ledger):
    given = filled.clients.export("acme")
    assert {row["run"] for row in given["runs"]} == {"r-acme", "r-both"}
    assert {row["site"] for name in ("steps", "changes", "looks") for row in given[name]} == {"shop"}
    assert [row["snapshot"] for row in given["backups"]] == ["s1"]
    assert [row["act"] for row in given["acts"]] == ["run", "run", "unhold", "send"]
    assert "blog" not in json.dumps({name: rows for name, rows in given.items() if name != "runs"})
    assert [row["order_text"] for row in given["runs"] if row["run"] == "r-both"] == [None]


def test_erased_client_is_gone_and_chain_is_valid(filled: Ledger, file: Path):
    head = filled.acts.verify().head
    erased = filled.clients.erase("acme")
    assert erased.rows["runs"] == 1
    assert erased.shared_runs == 1
    assert filled.acts.verify(head).problem == ""
    raw = file.read_bytes() + file.with_name("ledger.db-wal").read_bytes()
    for word in (b"acme", b"shop", b"r-acme"):
        assert word not in raw
    assert [act.act for act in filled.acts.list()][-1] == "erase"


def test_shared_run_survives_erasure(filled: Ledger):
    filled.clients.erase("acme")
    assert [site.row.site for site in filled.runs.show("r-both").sites] == ["blog"]
    assert "acme-secret" not in filled.runs.order_text("r-both")
    assert filled.runs.reopen("r-both") == ("blog",)
    assert filled.runs.summary("r-bolt").sites == 1


def test_chain_is_valid_after_two_erasures(filled: Ledger):
    filled.clients.erase("bolt")
    filled.clients.erase("acme")
    assert filled.acts.verify().problem == ""
