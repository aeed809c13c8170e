"""`hold`, `unhold` and `list holds`: who holds what until when, and what a file holds."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from runner.cli.main import _run
from runner.record import HoldView, Ledger
from tests.cli.workspaces import INVENTORY

HELD_IN_FILES = INVENTORY.replace(
    "    name: Acme Bakery\n",
    "    name: Acme Bakery\n"
    "    timezone: Pacific/Kiritimati\n"
    "    hold: {gallery: {why: Christmas sales}, old: {until: 2020-01-01}}\n",
)
"""A client far ahead of UTC, with one hold in force and one that has ended."""


@pytest.fixture(autouse=True)
def _as_ada_without_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITECREW_OPERATOR", "ada")
    monkeypatch.setattr("sys.stdin", io.StringIO())


def held(workspace: Path) -> dict[tuple[str, str], HoldView]:
    with Ledger.open(f"sqlite:///{workspace}/.sitecrew/ledger.db", read_only=True) as ledger:
        return {(one.site, one.item): one for one in ledger.holds.list()}


def acts(workspace: Path) -> list[tuple[str, str, str]]:
    with Ledger.open(f"sqlite:///{workspace}/.sitecrew/ledger.db", read_only=True) as ledger:
        return [(act.act, act.operator, act.subject) for act in ledger.acts.list()]


def test_hold_records_who_until_and_why(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["hold", "forms", "-l", "acme-shop", "--until", "2199-01-31", "--why", "Sale", "--version", "4.2"]
    assert _run(words) == 0
    assert capsys.readouterr().out == "forms up to 4.2 is on hold until 2199-01-31 on acme-shop\n"
    ((key, one),) = held(workspace).items()
    assert key == ("acme-shop", "forms")
    assert (one.operator, one.until, one.why, one.version) == ("ada", date(2199, 1, 31), "Sale", "4.2")
    assert acts(workspace) == [("hold", "ada", "acme-shop: forms 4.2")]


def test_hold_on_all_sites_asks(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _run(["hold", "forms"]) == 2, "there is no input"
    assert "answer with -y" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO("n\ny\n"))
    assert _run(["hold", "forms"]) == 0
    assert "nothing was changed" in capsys.readouterr().err
    assert not (workspace / ".sitecrew/ledger.db").exists()
    assert _run(["hold", "forms"]) == 0
    assert "Hold forms on 2 sites?" in capsys.readouterr().err
    assert set(held(workspace)) == {("acme-shop", "forms"), ("acme-docs", "forms")}


def test_later_hold_by_hand_replaces_the_earlier(
    workspace: Path, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger.holds.add("acme-shop", "forms", "4.2", why="white page")
    assert _run(["hold", "forms", "-y", "--why", "Sale"]) == 0
    assert _run(["hold", "forms", "-l", "acme-shop"]) == 0
    assert "this replaces an earlier hold on 1 site" in capsys.readouterr().err
    found = {(one.version, one.operator, one.why) for one in ledger.holds.list("acme-shop")}
    assert found == {("4.2", None, "white page"), ("", "ada", "")}


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("--until 2020-01-01", "has passed"),
        ("--until 2199-02-30", "is not in the calendar"),
        ("--until tomorrow", "is not a date"),
    ],
)
def test_invalid_hold_records_nothing(
    workspace: Path, capsys: pytest.CaptureFixture[str], words: str, hint: str
) -> None:
    option, value = words.split()
    assert _run(["hold", "forms", "-l", "acme-shop", option, value]) == 2
    assert hint in capsys.readouterr().err
    assert not (workspace / ".sitecrew/ledger.db").exists()


def test_last_day_counts_in_the_clients_time_zone(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "inventory.yaml").write_text(HELD_IN_FILES)
    today = datetime.now(UTC).astimezone(ZoneInfo("Pacific/Kiritimati")).date()
    before = (today - timedelta(days=1)).isoformat()
    assert _run(["hold", "forms", "-l", "acme-shop", "--until", before]) == 2
    assert f"today is {today} in Pacific/Kiritimati" in capsys.readouterr().err
    assert _run(["hold", "forms", "-l", "acme-shop", "--until", str(today)]) == 0


def test_misspelled_item_is_pointed_out(
    workspace: Path, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    offers = [("plugin", "woocommerce", "9.1")]
    ledger.sightings.first_seen("acme-shop", offers, datetime.now(UTC))
    assert _run(["hold", "woocomerce", "-l", "acme-shop"]) == 0
    assert "did you mean woocommerce?" in capsys.readouterr().err
    assert _run(["hold", "woocommerce", "-l", "acme-shop"]) == 0
    assert "did you mean" not in capsys.readouterr().err
    assert ("acme-shop", "woocomerce") in held(workspace)


def test_unhold_lifts_every_hold_of_the_ledger(
    workspace: Path, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger.holds.add("acme-shop", "forms", "4.2", why="white page")
    assert _run(["hold", "forms", "-y"]) == 0
    assert _run(["unhold", "forms"]) == 2, "two sites: asks, and there is no input"
    capsys.readouterr()
    assert _run(["unhold", "forms", "-l", "acme-shop"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("acme-shop: removed the hold on forms 4.2, set 2")
    assert second.startswith("acme-shop: removed the hold on forms, set 2")
    assert second.endswith("UTC by ada")
    assert set(held(workspace)) == {("acme-docs", "forms")}
    assert _run(["unhold", "forms"]) == 0, "one site: does not ask"
    assert held(workspace) == {}
    unholds = [subject for act, _, subject in acts(workspace) if act == "unhold"]
    assert unholds == ["acme-shop: forms 4.2", "acme-docs: forms"]


def test_unhold_names_the_line_of_a_hold_in_a_file(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "inventory.yaml").write_text(HELD_IN_FILES)
    (workspace / "sitecrew.yaml").write_text("policy:\n  hold:\n    slider: {}\n")
    assert _run(["unhold", "gallery", "-l", "acme-shop"]) == 2
    assert "the hold on gallery is set in inventory.yaml:7" in capsys.readouterr().err
    assert _run(["unhold", "slider"]) == 2
    assert "the hold on slider is set in sitecrew.yaml:3" in capsys.readouterr().err
    assert _run(["hold", "slider", "-l", "acme-shop"]) == 0
    assert _run(["unhold", "slider", "-l", "acme-shop"]) == 0
    assert "still held on acme-shop by sitecrew.yaml:3" in capsys.readouterr().err


def test_unhold_of_nothing_names_the_closest_item(
    workspace: Path, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger.holds.add("acme-shop", "forms", "4.2", why="white page")
    assert _run(["unhold", "form"]) == 2
    assert "did you mean forms?" in capsys.readouterr().err
    assert _run(["unhold", "forms", "-l", "acme-docs"]) == 2
    assert "no hold on 'forms' on acme-docs" in capsys.readouterr().err
    assert set(held(workspace)) == {("acme-shop", "forms")}


def test_list_holds_shows_those_in_force(
    workspace: Path, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "inventory.yaml").write_text(HELD_IN_FILES)
    ledger.holds.add("acme-shop", "slider", "4.2", why="white page")
    ledger.holds.add("acme-docs", "slider", "4.2", why="undone by hand (ada, undo-1)")
    assert _run(["hold", "forms", "-l", "acme-docs", "--why", "Sale", "--until", "2199-01-31"]) == 0
    capsys.readouterr()
    assert _run(["list", "holds", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["selector"], one["item"], one["version"], one["set_by"]) for one in found] == [
        ("client:acme", "gallery", "", "inventory.yaml:7"),
        ("acme-shop", "slider", "4.2", "rollback"),
        ("acme-docs", "forms", "", "ada"),
        ("acme-docs", "slider", "4.2", "undo"),
    ]
    assert found[0]["sites"] == ["acme-shop", "acme-docs"]
    assert (found[2]["until"], found[2]["why"]) == ("2199-01-31", "Sale")
    assert _run(["list", "holds", "-l", "acme-shop"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["sites", "item", "until", "set", "by", "why"]
    assert [line.split()[:2] for line in lines] == [["client:acme", "gallery"], ["acme-shop", "slider"]]
    assert lines[1].split() == ["acme-shop", "slider", "<=", "4.2", "rollback", "white", "page"]


def test_list_holds_needs_no_ledger(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["list", "holds"]) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "no item is on hold\n")
    assert not (workspace / ".sitecrew/ledger.db").exists()


def test_hold_and_unhold_print_json(
    workspace: Path, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger.holds.add("acme-shop", "gallery", "4.2", why="white page")
    (workspace / "inventory.yaml").write_text(HELD_IN_FILES)
    words = ["gallery", "-l", "acme-shop", "--json"]
    for replaced in ([], ["acme-shop"]):
        assert _run(["hold", *words, "--until", "2199-01-31", "--why", "Sale"]) == 0
        printed = capsys.readouterr()
        assert json.loads(printed.out) == {
            "item": "gallery",
            "version": "",
            "until": "2199-01-31",
            "why": "Sale",
            "sites": ["acme-shop"],
            "replaced": replaced,
        }
        assert printed.err == ""
    assert _run(["unhold", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {(one["site"], one["version"], one["operator"]) for one in found["removed"]} == {
        ("acme-shop", "4.2", None),
        ("acme-shop", "", "ada"),
    }
    [still] = found["still_held"]
    assert still == {"place": "inventory.yaml:7", "sites": ["acme-shop"]}
    assert _run(["unhold", *words]) == 2
    assert "remove it there" in json.loads(capsys.readouterr().err)["hint"]
