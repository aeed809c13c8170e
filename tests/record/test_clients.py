"""Export and erasure of a client; rows of other clients stay, and the chain remains valid."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from runner.model import StepOutcome
from runner.record import Ledger

Begin = Callable[..., bool]
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
def filled(ledger: Ledger, begin: Begin, start: datetime, plugins: StepOutcome) -> Ledger:
    """One run of acme, one of bolt, one of both; and looks, acts and a backup."""
    steps = [("wordpress.plugins", "wordpress.plugins", "Plugins")]
    for run, sites in {
        "r-acme": [("shop", "acme", "web1", 0, 0)],
        "r-bolt": [("blog", "bolt", "web2", 0, 0)],
        "r-both": [("shop", "acme", "web1", 0, 0), ("blog", "bolt", "web2", 1, 1)],
    }.items():
        ledger.begin_run(
            ORDER if len(sites) == 2 else "{}", run=run, playbook="weekly", title="", sites=sites,
            steps=steps, started=start, trigger="manual",
        )  # fmt: skip
        for site, *_ in sites:
            ledger.record_step(run, site, plugins, start)
            ledger.record_look(
                site=site, at=start, phase="after", signal="page", healthy=True, run=run, url=f"{run}.example"
            )
    ledger.record_backup(
        "s1", site="shop", client="acme", run="r-acme", taken=start, store="archive", uri="/x", size=1,
        files=1, tables=1, manifest_sha256="", verified=start,
    )  # fmt: skip
    ledger.record_act("unhold", "shop: akismet 5", details={"site": "shop"})
    ledger.record_act("send", "report of acme", details={"client": "acme"})
    ledger.record_act("trust", "web2")
    return ledger


def test_export_has_all_rows_of_client_only(filled: Ledger):
    given = filled.export_client("acme")
    assert {row["run"] for row in given["runs"]} == {"r-acme", "r-both"}
    assert {row["site"] for name in ("steps", "changes", "looks") for row in given[name]} == {"shop"}
    assert [row["snapshot"] for row in given["backups"]] == ["s1"]
    assert [row["act"] for row in given["acts"]] == ["run", "run", "unhold", "send"]
    assert "blog" not in json.dumps({name: rows for name, rows in given.items() if name != "runs"})
    assert [row["order_text"] for row in given["runs"] if row["run"] == "r-both"] == [None]


def test_erased_client_is_gone_and_chain_is_valid(filled: Ledger, file: Path):
    head = filled.verify_acts().head
    erased = filled.erase_client("acme")
    assert erased.rows["runs"] == 1
    assert erased.shared_runs == 1
    assert filled.verify_acts(head).problem == ""
    raw = file.read_bytes() + file.with_name("ledger.db-wal").read_bytes()
    for word in (b"acme", b"shop", b"r-acme"):
        assert word not in raw
    assert [act.act for act in filled.list_acts()][-1] == "erase"


def test_shared_run_survives_erasure(filled: Ledger):
    filled.erase_client("acme")
    assert [site.row.site for site in filled.show("r-both").sites] == ["blog"]
    assert "acme-secret" not in filled.order_text("r-both")
    assert filled.reopen_run("r-both") == ("blog",)
    assert filled.summary("r-bolt").sites == 1


def test_chain_is_valid_after_two_erasures(filled: Ledger):
    filled.erase_client("bolt")
    filled.erase_client("acme")
    assert filled.verify_acts().problem == ""
