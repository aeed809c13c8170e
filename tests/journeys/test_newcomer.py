"""A newcomer answers the questions of `init` at a terminal, and sends the first report within a minute."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import pytest

from lab.terminal import Terminal
from tests.crew import ROOT
from tests.journeys.desk import Desk

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet


def test_first_report_is_sent_within_a_minute(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, mail = fleet.hosts["web2"], fleet.spec.mail_ports[0]
    fleet.mailbox.clear()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv(
        "SITECREW_TOOLS_WORDPRESS_ORG", f"http://{fleet.spec.services}:{fleet.spec.wporg_port}"
    )
    started = time.monotonic()
    init = [sys.executable, "-m", "runner", "init", "crew", "--identity", str(fleet.identity_file)]
    init += ["--mail-host", fleet.spec.services, "--mail-port", str(mail), "--mail-security", "none"]
    init += ["--mail-from", "care@nord.example", "--mail-test", "me@nord.example"]
    with Terminal(init, folder=tmp_path) as terminal:
        for question, answer in (
            ("Name of your agency", "Nord"),
            ("First host", host.address),
            ("User", host.user),
            (r"Port \(Enter", str(host.port)),
            ("Is this the key that the host itself prints", "y"),
            (r"Sites to maintain \[all\]", "1"),
            ("Client of these sites", "Acme Bakery"),
            ("Its time zone", "Europe/Berlin"),
            ("Language of its reports", "en"),
            ("Email address for its reports", "office@acme.example"),
            ("User name at the server", ""),
        ):
            terminal.wait_for(question)
            terminal.type_line(answer)
        assert terminal.wait_for_exit() == 0, terminal.text

    desk = Desk(tmp_path / "crew")
    for words in (["doctor"], ["plan", "weekly"], ["run", "weekly"], ["report", "--send", "-y"]):
        if words[0] == "report":
            words += ["--period", time.strftime("%Y-%m")]
        code, screen = desk.type(*words)
        assert code == 0, screen
    assert time.monotonic() - started < 60
    assert [letter.recipients for letter in fleet.mailbox.letters()] == [
        ("me@nord.example",),
        ("office@acme.example",),
    ]
