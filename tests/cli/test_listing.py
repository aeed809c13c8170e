"""`list clients`, `list hosts` and `list windows`: what is listed, selected and counted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from runner.cli.main import _run
from runner.errors import ExitCode
from tests.cli.workspaces import write_workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INVENTORY = """\
hosts:
  gate: {address: gate.example}
  web1: {address: web1.example, port: 2222, user: deploy, gateway: gate, group: shops}
groups:
  shops: {}
clients:
  acme:
    name: Acme Bakery
    timezone: Europe/Berlin
    language: de
    contacts: [{name: Petra, email: petra@acme.example}]
    sites:
      acme-shop: {url: "https://shop.acme.example", host: web1, path: /srv/shop, tags: [shop]}
      acme-docs: {url: "https://docs.acme.example", host: web1, path: /srv/docs, kind: static}
  globex:
    name: Globex
    sites:
      globex-www: {url: "https://globex.example", host: gate, path: /srv/www}
windows:
  weekly: {playbook: nightly, day: tuesday, at: "02:00", lasts: 2h, timezone: client, sites: [all]}
  shops: {playbook: nightly, day: last friday, at: "23:30", lasts: 90m, sites: ["tag:shop"]}
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_workspace(tmp_path, INVENTORY)


@pytest.fixture
def listed(workspace: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], Any]:
    """Return what `list ... --json` prints."""
    assert workspace

    def read(words: str) -> Any:
        assert _run(["list", *words.split(), "--json"]) == ExitCode.OK
        return json.loads(capsys.readouterr().out)

    return read


def test_clients_have_their_sites_and_contacts(listed: Callable[[str], Any]) -> None:
    acme, globex = listed("clients")
    assert acme == {
        "client": "acme",
        "name": "Acme Bakery",
        "sites": ["acme-shop", "acme-docs"],
        "timezone": "Europe/Berlin",
        "language": "de",
        "contacts": [{"name": "Petra", "email": "petra@acme.example"}],
    }
    assert (globex["client"], globex["sites"], globex["contacts"]) == ("globex", ["globex-www"], [])


def test_clients_of_selected_sites_only(listed: Callable[[str], Any]) -> None:
    assert [(one["client"], one["sites"]) for one in listed("clients -l kind:static")] == [
        ("acme", ["acme-docs"])
    ]
    assert [one["client"] for one in listed("clients --exclude client:acme")] == ["globex"]


def test_hosts_have_their_login_and_sites(listed: Callable[[str], Any]) -> None:
    found = {one["host"]: one for one in listed("hosts")}
    web1 = found["web1"]
    assert (web1["group"], web1["user"], web1["address"], web1["port"]) == (
        "shops",
        "deploy",
        "web1.example",
        2222,
    )
    assert (web1["gateway"], web1["sites"], web1["clients"]) == ("gate", ["acme-shop", "acme-docs"], ["acme"])
    assert (found["gate"]["group"], found["gate"]["sites"]) == ("", ["globex-www"])
    assert [one["host"] for one in listed("hosts -l globex-www")] == ["gate"]


def test_windows_have_days_sites_and_the_next_opening(listed: Callable[[str], Any]) -> None:
    weekly, shops = listed("windows")
    assert (weekly["days"], weekly["at"], weekly["seconds"]) == (["Tue"], "02:00", 7200)
    assert (weekly["sites"], weekly["clients"]) == (
        ["acme-shop", "acme-docs", "globex-www"],
        ["acme", "globex"],
    )
    assert "T02:00:00" in weekly["next"]["starts_local"]
    assert (shops["days"], shops["sites"], shops["seconds"]) == (["last Fri"], ["acme-shop"], 5400)
    assert [one["window"] for one in listed("windows -l globex-www")] == ["weekly"]


def test_tables_count_sites(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert workspace
    rows = {}
    for what in ("clients", "hosts", "windows"):
        assert _run(["list", what]) == ExitCode.OK
        head, *lines = capsys.readouterr().out.splitlines()
        rows[what] = [dict(zip(head.split()[:3], line.split()[:3], strict=False)) for line in lines]
    assert [(row["client"], row["sites"], row["contacts"]) for row in rows["clients"]] == [
        ("acme", "2", "1"),
        ("globex", "1", "0"),
    ]
    assert {(row["host"], row["group"], row["sites"]) for row in rows["hosts"] if row["host"] == "web1"} == {
        ("web1", "shops", "2")
    }
    assert [row["window"] for row in rows["windows"]] == ["weekly", "shops"]


@pytest.mark.parametrize("what", ["clients", "hosts", "windows"])
def test_unknown_site_is_refused(what: str, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert workspace
    assert _run(["list", what, "-l", "acme-shp"]) == ExitCode.USAGE
    assert "acme-shop" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("pair", "hint"),
    [("srv/www=https://a.example", "--url: "), ("/srv/www=a.example", "https://"), ("/srv/www", "--url: ")],
)
def test_invalid_url_of_discover_has_a_hint(
    pair: str, hint: str, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert workspace
    assert _run(["discover", "web1", "--url", pair]) == ExitCode.USAGE
    printed = capsys.readouterr().err
    assert hint in printed
    assert len(printed.splitlines()) > 1, "an error and what to type"
