"""`approve`, `decline` and `list approvals`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from runner.cli.completion.answer import completions
from runner.cli.main import _run
from runner.load.planfile import plan_text
from runner.model import Action, Change, ItemKind, LockedPlan, LockedSite, SitePlan
from runner.record import ApprovalState, Ledger, NewApproval, WindowState, WindowView
from tests.cli.workspaces import INVENTORY

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
STARTS = datetime(2026, 12, 2, 2, tzinfo=UTC)
WINDOW = '{playbook: weekly, day: daily, at: "02:00", timezone: UTC, sites: [all], approve: all}'
RUN = "night-20261202-0200-acme"


@pytest.fixture
def ledger(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """The ledger of a workspace with the window `night`, in which plans of two openings wait."""
    monkeypatch.setenv("SITECREW_OPERATOR", "ann")
    inventory = INVENTORY.partition("windows:")[0] + f"windows:\n  night: {WINDOW}\n"
    (workspace / "inventory.yaml").write_text(inventory)
    with (
        time_machine.travel(NOW, tick=False),
        Ledger.open(f"sqlite:///{workspace}/.sitecrew/ledger.db") as found,
    ):
        add(found, STARTS)
        add(found, STARTS + timedelta(days=1))
        yield found


def add(
    ledger: Ledger, starts: datetime, state: ApprovalState = ApprovalState.WAITING, **more: object
) -> None:
    change = Change(
        step="plugins",
        item="woo",
        kind=ItemKind.PLUGIN,
        from_version="1.9",
        to_version="2.0",
        action=Action.CHANGE,
    )
    sites = sites_of_acme()
    plans = {
        name: LockedSite(place={}, plan=SitePlan(site=name, client="acme", changes=(change,)))
        for name in sites
    }
    plan = plan_text(LockedPlan(playbook="weekly", made=NOW, sites=plans))
    given = {"sites": sites, "plan": plan, "others": 0, **more}
    new = NewApproval(
        window="night",
        client="acme",
        starts=starts,
        until=starts + timedelta(hours=1),
        made=NOW - timedelta(hours=1),
        state=state,
        **given,  # type: ignore[arg-type]
    )
    assert ledger.approvals.add(new)


def sites_of_acme() -> tuple[str, ...]:
    import yaml

    return tuple(yaml.safe_load(INVENTORY)["clients"]["acme"]["sites"])


def states(ledger: Ledger) -> list[tuple[str, str | None, str]]:
    return [(one.state.value, one.operator, one.why) for one in reversed(ledger.approvals.list())]


def test_window_means_its_next_opening(ledger: Ledger, capsys: pytest.CaptureFixture[str]):
    assert _run(["approve", "night"]) == 0
    assert capsys.readouterr().out.startswith(f"{RUN}: approved: ")
    assert states(ledger) == [("approved", "ann", ""), ("waiting", None, "")]
    assert _run(["approve", "night"]) == 0
    assert [state for state, _, _ in states(ledger)] == ["approved", "approved"]
    assert _run(["approve", "night"]) == 2
    assert "no plan of night waits for approval" in capsys.readouterr().err


def test_decline_replaces_approval_and_needs_a_reason(ledger: Ledger, capsys: pytest.CaptureFixture[str]):
    _run(["approve", RUN])
    assert _run(["decline", RUN]) == 2
    assert "--why" in capsys.readouterr().err
    assert _run(["decline", RUN, "--why", "after the sale", "--as", "bob"]) == 0
    said = capsys.readouterr()
    assert f"{RUN}: declined: " in said.out
    assert "this replaces the answer of ann: approved" in said.err
    assert states(ledger)[0] == ("declined", "bob", "after the sale")


def test_check_shows_the_plan_and_answers_nothing(ledger: Ledger, capsys: pytest.CaptureFixture[str]):
    assert _run(["approve", "night", "--check"]) == 0
    said = capsys.readouterr()
    assert "woo" in said.out
    assert "1.9 -> 2.0" in said.out
    assert f"sitecrew approve {RUN}" in said.err
    assert f"sitecrew decline {RUN} --why TEXT" in said.err
    assert states(ledger) == [("waiting", None, "")] * 2


def test_limit_selects_clients_and_no_part_of_one(ledger: Ledger, capsys: pytest.CaptureFixture[str]):
    first = sites_of_acme()[0]
    assert len(sites_of_acme()) > 1
    assert _run(["approve", "night", "-l", first]) == 2
    assert "a plan is answered for all its sites" in capsys.readouterr().err
    assert _run(["approve", "night", "-l", "client:acme"]) == 0
    assert states(ledger)[0][0] == "approved"


def test_started_opening_cannot_be_answered(ledger: Ledger, capsys: pytest.CaptureFixture[str]):
    ledger.windows.claim(
        WindowView(
            window="night",
            client="acme",
            site="",
            starts=STARTS,
            closes=STARTS + timedelta(hours=2),
            state=WindowState.SKIPPED,
            run=None,
            why="not approved",
            recorded=STARTS,
        )
    )
    assert _run(["approve", RUN]) == 2
    assert "can no longer be answered" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["approve", "nigth"], "did you mean night?"),
        (["approve", "night-20261209-0200-acme"], "there is no window and no planned run"),
        (["approve", "night", "-l", "nobody"], "unknown site"),
        (["decline", "night", "--why", "a\nb"], "--why"),
    ],
)
@pytest.mark.usefixtures("ledger")
def test_wrong_answer_is_refused(words: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    assert _run(words) == 2
    assert message in capsys.readouterr().err


def test_list_has_waiting_plans_first(ledger: Ledger, capsys: pytest.CaptureFixture[str]):
    _run(["decline", RUN, "--why", "later"])
    capsys.readouterr()
    assert _run(["list", "approvals"]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert "night-20261203-0200-acme" in lines[1]
    assert "waiting" in lines[1]
    assert "declined" in lines[2]
    assert "sitecrew approve night-20261203-0200-acme --check" in said.err
    assert _run(["list", "approvals", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["state"], second["state"], second["operator"], second["why"]) == (
        "waiting",
        "declined",
        "ann",
        "later",
    )
    assert [one["to"] for one in first["changes"]] == ["2.0"] * len(sites_of_acme())


def test_plan_of_a_removed_opening_has_expired(
    ledger: Ledger, workspace: Path, capsys: pytest.CaptureFixture[str]
):
    file = workspace / "inventory.yaml"
    file.write_text(file.read_text().replace("02:00", "03:00"))
    assert _run(["approve", "night"]) == 2
    assert "no plan of night waits for approval" in capsys.readouterr().err
    _run(["list", "approvals", "--json"])
    assert {one["state"] for one in json.loads(capsys.readouterr().out)} == {"expired"}
    assert states(ledger) == [("waiting", None, "")] * 2


@pytest.mark.usefixtures("workspace")
def test_list_without_plans_says_how_to_require_approval(capsys: pytest.CaptureFixture[str]):
    assert _run(["list", "approvals"]) == 0
    assert "set `approve` of a window" in capsys.readouterr().err


def test_answerable_runs_are_completed(ledger: Ledger, workspace: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(workspace)
    far = datetime(2126, 12, 2, 2, tzinfo=UTC)
    add(ledger, far)
    _, found = completions("sitecrew approve ni")
    assert found["night-21261202-0200-acme"] == "waiting"
    assert "night" in found
