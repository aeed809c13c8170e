"""`logs`: the run and the sites that it prints, with and without arguments."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from runner.cli.main import _run
from runner.model import Outcome, StepOutcome
from tests.cli.open_runs import start_run

if TYPE_CHECKING:
    from pathlib import Path

    from runner.record import Ledger


@pytest.fixture
def runs(ledger: Ledger) -> Ledger:
    """Three runs: `first` of both sites, `second` of one, `third` of one that failed and one that did not."""
    for minutes, run, sites in ((30, "first", "acme-shop acme-docs"), (20, "second", "acme-docs")):
        finish(ledger, run, sites, minutes=minutes)
    finish(ledger, "third", "acme-shop other", minutes=10, failed=("other",))
    return ledger


def finish(ledger: Ledger, run: str, sites: str, *, minutes: int, failed: tuple[str, ...] = ()) -> None:
    start_run(ledger, run, minutes=minutes, sites=sites)
    now = datetime.now(UTC)
    for site in sites.split():
        outcome = Outcome.FAILED if site in failed else Outcome.OK
        printed = StepOutcome(step="shell", outcome=outcome, output=f"{run} on {site}\n")
        ledger.steps.finished(run, site, printed, now)
        ledger.sites.finished(run, site, outcome, "exit status 3" if site in failed else "", now)
    ledger.runs.finished(run, Outcome.FAILED if failed else Outcome.OK, now)


ONE = "== shell  ok\n{}\n"
OTHER = "other  failed  exit status 3\n== shell  failed\nthird on other\n"


@pytest.mark.parametrize(
    ("words", "printed", "named"),
    [
        (
            "logs",
            f"acme-shop  ok\n{ONE.format('third on acme-shop')}\n{OTHER}",
            "third, 10 minutes ago\n",
        ),
        ("logs --failed", OTHER, "third, 10"),
        ("logs acme-docs", ONE.format("second on acme-docs"), "second, 20 minutes ago\n"),
        ("logs other", "== shell  failed\nthird on other\n", "third, 10 minutes ago\n"),
        ("logs first acme-shop", ONE.format("first on acme-shop"), ""),
        ("logs sec", "acme-docs  ok\n== shell  ok\nsecond on acme-docs\n", "second, 20 minutes ago\n"),
        ("logs first --failed", "", "no site failed; to see the others: sitecrew logs first\n"),
    ],
)
@pytest.mark.usefixtures("runs")
def test_arguments_choose_run_and_sites(
    words: str, printed: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(words.split()) == 0
    found = capsys.readouterr()
    assert found.out == printed
    assert named in found.err
    assert bool(found.err) is bool(named)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("logs acme-dox", "did you mean acme-docs?"),
        ("logs thurd", "the closest is third"),
        ("logs third acme-docs", "try: acme-shop"),
        ("logs nothing-like-it acme-docs", "see `sitecrew list runs`"),
    ],
)
@pytest.mark.usefixtures("runs")
def test_unknown_name_suggests_known_one(words: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(words.split()) == 2
    found = capsys.readouterr()
    assert hint in found.err
    assert found.out == ""


@pytest.mark.usefixtures("runs")
def test_site_without_run_is_reported(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inventory = workspace / "inventory.yaml"
    new = '\n      acme-new: {url: "https://new.acme.example", host: web1, path: /srv/new, kind: static}\n'
    inventory.write_text(inventory.read_text().rstrip() + new)
    assert _run(["logs", "acme-new"]) == 2
    assert "no run had the site 'acme-new' yet" in capsys.readouterr().err


@pytest.mark.usefixtures("runs")
def test_json_has_steps_of_each_site(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["logs", "--json"]) == 0
    found = capsys.readouterr()
    assert found.err == ""
    document = json.loads(found.out)
    assert document["run"] == "third"
    assert [(site["site"], site["outcome"]) for site in document["sites"]] == [
        ("acme-shop", "ok"),
        ("other", "failed"),
    ]
    [step] = document["sites"][1]["steps"]
    expected = {
        "step": "shell",
        "title": "shell",
        "outcome": "failed",
        "why": "",
        "output": "third on other\n",
    }
    assert step == expected
