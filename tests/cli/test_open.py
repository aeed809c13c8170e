"""`open`: what a name means, and that a browser gets exactly the address, without a shell."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from lab.terminal import Terminal
from runner.cli.browser import open_in_browser
from runner.cli.main import _run
from runner.errors import UsageError
from runner.model import Outcome
from tests.cli.open_runs import finish_run, start_run
from tests.cli.workspaces import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from runner.record import Ledger


@pytest.fixture
def reports(workspace: Path) -> Path:
    """Reports of two periods, the older period made last, and one of another client."""
    folder = workspace / "reports/out"
    folder.mkdir(parents=True)
    for age, name in enumerate(
        ("acme-2026-10.html", "acme-2026-11.html", "acme-2026-11.txt", "acme-shop-2026-11.html")
    ):
        (folder / name).write_text(name)
        os.utime(folder / name, (1_000_000 - age, 1_000_000 - age))
    return folder


@pytest.mark.parametrize(
    ("words", "address"),
    [
        ("acme-shop", "https://shop.acme.example"),
        ("acme", "file://{}/acme-2026-10.html"),
        ("client:acme", "file://{}/acme-2026-10.html"),
        ("acme --period 2026-11", "file://{}/acme-2026-11.html"),
        ("reports/out/acme-shop-2026-11.html", "file://{}/acme-shop-2026-11.html"),
    ],
)
def test_address_is_printed_without_terminal(
    reports: Path, words: str, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["open", *words.split()]) == 0
    found = capsys.readouterr()
    assert found.out == address.format(reports) + "\n"
    assert found.err == ""


def test_run_is_shown(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    start_run(ledger, "weekly-1")
    finish_run(ledger, "weekly-1", Outcome.CHANGED)
    assert _run(["open", "weekly"]) == 0
    assert capsys.readouterr().out.startswith("weekly-1  nightly  ")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("acme-shopp", "did you mean acme-shop?"),
        ("client:acne", "did you mean acme?"),
        ("acme --period 2026-09", "sitecrew report acme --period 2026-09"),
        ("acme --period yesterday", "2026-W48"),
        ("acme-shop --period 2026-11", "did you mean acme?"),
        ("missing.html", "there is no file missing.html"),
        ("javascript:alert(1)", "there is no site, client or run"),
        ("weekly", "type more of it"),
    ],
)
def test_unknown_name_is_refused(
    ledger: Ledger, words: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    start_run(ledger, "weekly-1")
    start_run(ledger, "weekly-2")
    assert _run(["open", *words.split()]) == 2
    found = capsys.readouterr()
    assert hint in found.err
    assert found.out == ""


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "ssh://host", "/etc/passwd"])
def test_other_schemes_are_not_opened(address: str) -> None:
    with pytest.raises(UsageError, match="is not a web address"):
        open_in_browser(address)


@pytest.mark.parametrize("options", [[], ["--no-browser"]])
def test_browser_gets_address_as_one_argument(workspace: Path, options: list[str]) -> None:
    address = "https://shop.acme.example/$(touch${IFS}evil);touch${IFS}evil"
    inventory = workspace / "inventory.yaml"
    inventory.write_text(inventory.read_text().replace("https://shop.acme.example", address))
    browser = workspace / "browser"
    browser.write_text('#!/bin/sh\nprintf "%s|" "$#" "$@" >"$OPENED"\n')
    browser.chmod(0o755)
    env = {"BROWSER": f"{browser} %s", "OPENED": str(workspace / "opened"), "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "runner", "open", "acme-shop", *options]
    with Terminal(words, folder=workspace, columns=100, rows=10, env=env) as terminal:
        terminal.wait_for_exit()
        assert terminal.text.strip() == address
    assert (workspace / "opened").exists() is not bool(options)
    if not options:
        assert (workspace / "opened").read_text() == f"1|{address}|"
    assert not (workspace / "evil").exists()


def test_terminal_without_browser_gets_address(workspace: Path) -> None:
    env = {"BROWSER": "", "DISPLAY": "", "WAYLAND_DISPLAY": "", "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "runner", "open", "acme-shop"]
    with Terminal(words, folder=workspace, columns=80, rows=10, env=env) as terminal:
        terminal.wait_for_exit()
        assert terminal.text.splitlines()[0] == "https://shop.acme.example"
        assert "set BROWSER" in terminal.text
