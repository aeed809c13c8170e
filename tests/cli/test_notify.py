"""`notify`, `list notices`, and what `validate` and `doctor` find about the channels to the crew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.cli.main import _run
from runner.deliver import webhook_delivery
from runner.inspect.crew import about_crew
from runner.load import load_workspace
from runner.model import Outcome
from runner.record import Ledger, WindowState
from tests.ledgers import claim_window, create_run
from tests.web.hostile import Hostile, page

SECRET = "S3CR3T-path-of-the-hook"
STARTS = datetime(2026, 12, 1, 2, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[Hostile]:
    found = Hostile()
    yield found
    found.close()


@pytest.fixture
def channels(workspace: Path, server: Hostile, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a webhook and a heartbeat, both with secret URLs."""
    monkeypatch.setenv("HOOK", f"{server.url}/{SECRET}")
    hook = "{preset: slack, url: {env: HOOK}}"
    write(workspace, f"webhooks: {{chat: {hook}}}, heartbeat: '{server.url}/beat'")
    return workspace


def write(workspace: Path, crew: str) -> None:
    (workspace / "sitecrew.yaml").write_text(f"crew: {{{crew}}}\n")


def fail_a_window(ledger: Ledger) -> None:
    """Record a window with a site that failed."""
    create_run(
        ledger,
        "{}",
        run="weekly-1-acme",
        playbook="weekly",
        title="Weekly",
        sites=(("acme-shop", "acme", "web1", 0, 0),),
        steps=(),
        started=STARTS,
        trigger="window",
        window="weekly",
    )
    claim_window(
        ledger,
        "weekly",
        STARTS,
        closes=STARTS + timedelta(hours=2),
        state=WindowState.RUN,
        client="acme",
        run="weekly-1-acme",
    )
    ledger.sites.finished("weekly-1-acme", "acme-shop", Outcome.FAILED, "page / answers 500", STARTS)
    ledger.runs.finished("weekly-1-acme", Outcome.FAILED, STARTS)


def test_channels_are_tested(channels: Path, server: Hostile, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["notify", "--test"]) == 0
    assert capsys.readouterr().out == "webhook chat: sent: 200 hello\nheartbeat: sent\n"
    assert server.asked == [f"/{SECRET}", "/beat"]
    assert not (channels / ".sitecrew/ledger.db").exists()


def test_failed_test_is_shown_without_the_url(
    channels: Path, server: Hostile, capsys: pytest.CaptureFixture[str]
) -> None:
    server.plays[f"/{SECRET}"] = page(f"no hook {SECRET}".encode(), status=b"404 Gone")
    assert _run(["notify", "--test", "--json"]) == 3
    printed = capsys.readouterr()
    first, second = json.loads(printed.out)
    assert first == {"channel": "webhook", "to": "chat", "result": "failed", "reply": "404 no hook ***"}
    assert second["result"] == "sent"
    assert SECRET not in printed.out + printed.err


def test_due_notices_are_sent_and_listed(
    channels: Path, ledger: Ledger, server: Hostile, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_a_window(ledger)
    server.plays[f"/{SECRET}"] = page(b"busy", status=b"503 Busy")
    assert _run(["notify"]) == 3
    assert "notice to chat: queued: 503 busy" in capsys.readouterr().err
    del server.plays[f"/{SECRET}"]
    assert _run(["notify"]) == 0, "queued notices do not wait"
    assert "notice to chat: sent: 200 hello" in capsys.readouterr().err
    assert _run(["notify"]) == 0
    assert "no notice is due" in capsys.readouterr().err
    assert _run(["list", "notices"]) == 0
    assert "0 of 1 site OK, 1 failed" in capsys.readouterr().out
    assert _run(["list", "notices", "--json"]) == 0
    [listed] = json.loads(capsys.readouterr().out)
    assert (listed["kind"], listed["channel"], listed["state"], listed["attempts"]) == (
        "notice",
        "webhook",
        "sent",
        2,
    )
    assert SECRET.encode() not in (channels / ".sitecrew/ledger.db").read_bytes()


def test_last_notice_is_printed_unsent(
    channels: Path, ledger: Ledger, server: Hostile, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["notify", "--print"]) == 0
    assert "nothing to notify" in capsys.readouterr().out
    fail_a_window(ledger)
    assert _run(["notify", "--print", "weekly"]) == 0
    assert "page / answers 500" in capsys.readouterr().out
    assert (server.asked, ledger.deliveries.list()) == ([], ())
    assert _run(["notify", "--print", "wekly"]) == 2
    assert "there is no window 'wekly'" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["notify"], ["notify", "--test"], ["notify", "weekly"]])
def test_missing_channels_and_useless_words_are_refused(workspace: Path, words: list[str]) -> None:
    assert _run(words) == 2


def test_template_is_checked_by_validate(
    workspace: Path, server: Hostile, capsys: pytest.CaptureFixture[str]
) -> None:
    write(workspace, f"webhooks: {{own: {{template: own.json.j2, url: '{server.url}/own'}}}}")
    (workspace / "own.json.j2").write_text('{"x":\n {{ notice.subjct | tojson }}}')
    assert _run(["validate"]) == 2
    assert "own.json.j2:2:1: crew.webhooks.own.template: own.json.j2: `notice` has no attribute 'subjct'" in (
        capsys.readouterr().err
    )
    (workspace / "own.json.j2").write_text('{"x": {{ notice.subject | tojson }}}')
    assert _run(["validate"]) == 0
    assert _run(["notify", "--test"]) == 0


def test_doctor_names_the_channel_that_failed(channels: Path, ledger: Ledger, server: Hostile) -> None:
    workspace = load_workspace(channels)
    [fine] = about_crew(workspace)
    assert fine.finding == "the crew is notified through 1 webhook"
    ledger.notices.queue([webhook_delivery("chat", "t", "s", b"{}")], STARTS)
    server.plays[f"/{SECRET}"] = page(b"revoked", status=b"404 Gone")
    assert _run(["notify"]) == 3
    _, failed = about_crew(workspace)
    assert failed.finding == "the last notice to chat was not delivered: 404 revoked"


def test_erased_client_is_in_no_notice_that_was_sent(channels: Path, ledger: Ledger) -> None:
    fail_a_window(ledger)
    assert _run(["notify"]) == 0
    [view] = ledger.deliveries.list()
    assert ledger.deliveries.message(view.message_id) == b""
