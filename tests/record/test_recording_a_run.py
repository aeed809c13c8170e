from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from runner.errors import LedgerError, UnknownNameError
from runner.model import Action, Change, ItemKind, Outcome, SitePlan, State, StepOutcome
from runner.record import LEASE, Ledger, LookView
from tests.record.book import step_outcomes

MINUTE = timedelta(minutes=1)


def test_show_has_documented_shape(ledger: Ledger, create_run, start: datetime, plugins: StepOutcome):
    create_run(ledger, window="weekly")
    ledger.sites.started("r1", "shop", start)
    ledger.sites.record_plan("r1", "shop", SitePlan(site="shop", client="acme", problems=("PHP is old",)))
    ledger.jobs.ended("r1", "shop", 1, "job", status="ok", outcomes=[plugins], at=start + MINUTE)
    ledger.looks.record(
        LookView(
            run="r1",
            site="shop",
            at=start,
            phase="before",
            signal="page",
            url="/",
            healthy=True,
            status=200,
            size=9,
        )
    )
    ledger.restore_points.record("r1", "shop", "/r/shop", created=start, size=5, items=["forms"])
    ledger.sites.finished("r1", "shop", Outcome.UNDONE, "slider broke the front page", start + 2 * MINUTE)
    document = ledger.runs.show("r1").as_json()
    assert {key: document[key] for key in ("run", "playbook", "started", "finished", "outcome", "state")} == {
        "run": "r1",
        "playbook": "weekly",
        "started": "2026-11-24T01:00:00Z",
        "finished": None,
        "outcome": None,
        "state": "running",
    }
    shop, blog = document["sites"]
    assert shop == {
        "site": "shop",
        "client": "acme",
        "host": "web1",
        "ring": 0,
        "state": "ended",
        "outcome": "undone",
        "why": "slider broke the front page",
        "started": "2026-11-24T01:00:00Z",
        "finished": "2026-11-24T01:02:00Z",
        "problems": ["PHP is old"],
        "steps": [
            {
                "step": "backup",
                "kind": "backup",
                "title": "backup",
                "outcome": "skipped",
                "seconds": None,
                "why": "not reached",
                "trials": None,
                "looks": None,
                "changes": [],
            },
            {
                "step": "wordpress.plugins",
                "kind": "wordpress.plugins",
                "title": "Plugins",
                "outcome": "undone",
                "seconds": 12.5,
                "why": "slider broke the front page",
                "trials": None,
                "looks": None,
                "changes": [
                    {
                        "item": "forms",
                        "kind": "plugin",
                        "title": "Forms",
                        "from": "1.0",
                        "to": "1.1",
                        "outcome": "changed",
                        "why": "",
                        "unverified": "",
                        "uncertain": False,
                    },
                    {
                        "item": "slider",
                        "kind": "plugin",
                        "title": "Slider",
                        "from": "1.0",
                        "to": "1.1",
                        "outcome": "undone",
                        "why": "white page",
                        "unverified": "",
                        "uncertain": False,
                    },
                ],
            },
            {
                "step": "shell",
                "kind": "shell",
                "title": "Clear the cache",
                "outcome": "skipped",
                "seconds": None,
                "why": "not reached",
                "trials": None,
                "looks": None,
                "changes": [],
            },
        ],
        "looks": [
            {
                "at": "2026-11-24T01:00:00Z",
                "phase": "before",
                "signal": "page",
                "url": "/",
                "seen": None,
                "healthy": True,
                "status": 200,
                "seconds": None,
                "bytes": 9,
                "findings": [],
                "note": "",
            }
        ],
        "restore_points": [
            {
                "path": "/r/shop",
                "created": "2026-11-24T01:00:00Z",
                "bytes": 5,
                "items": ["forms"],
                "removed": None,
            }
        ],
        "auto_updates": [],
    }
    assert (blog["outcome"], blog["state"], blog["started"]) == (None, "waiting", None)
    assert [step["outcome"] for step in blog["steps"]] == [None, None, None]


def test_run_is_created_once(ledger: Ledger, create_run):
    assert create_run(ledger)
    assert not create_run(ledger, title="Another")
    assert ledger.runs.summary("r1").title == "Weekly patch window"


def test_ended_run_counts_outcomes_of_sites(ledger: Ledger, create_run, start: datetime):
    create_run(ledger)
    create_run(ledger, run="r2", started=start + MINUTE, playbook="other")
    ledger.sites.finished("r1", "shop", Outcome.OK, "", start)
    ledger.runs.finished("r1", Outcome.OK, start + MINUTE)
    newest, first = ledger.runs.list()
    assert (newest.run, newest.state, newest.outcomes) == ("r2", State.RUNNING, {})
    assert first.as_json() == {
        "run": "r1",
        "playbook": "weekly",
        "title": "Weekly patch window",
        "trigger": "manual",
        "operator": ledger.operator.name,
        "window": None,
        "state": "ended",
        "outcome": "ok",
        "attempt": 1,
        "started": "2026-11-24T01:00:00Z",
        "finished": "2026-11-24T01:01:00Z",
        "interrupted": None,
        "pruned": None,
        "sites": 2,
        "outcomes": {"ok": 1},
    }
    assert [run.run for run in ledger.runs.list(1)] == ["r2"]
    assert [run.run for run in ledger.runs.list(playbook="weekly")] == ["r1"]
    assert [run.run for run in ledger.runs.list(state=State.RUNNING, site="shop")] == ["r2"]
    assert [row.site for row in ledger.sites.list_unfinished("r1")] == ["blog"]


@pytest.mark.parametrize("site", ["nowhere", "blogg"])
def test_unknown_site_of_run_is_refused(ledger: Ledger, create_run, start: datetime, site: str):
    create_run(ledger)
    with pytest.raises(LedgerError):
        ledger.sites.started("r1", site, start)
    with pytest.raises(LedgerError):
        ledger.jobs.started("r1", site, 1, "job")
    with pytest.raises(UnknownNameError):
        ledger.steps.output("r1", site)


def test_invalid_characters_in_output_are_removed(ledger: Ledger, create_run, start: datetime):
    create_run(ledger)
    output = StepOutcome(step="shell", outcome=Outcome.OK, output="a\0b\udcffc", why="\udcfe")
    ledger.steps.finished("r1", "shop", output, start)
    assert ledger.steps.output("r1", "shop")[2].output == "abc"


@pytest.mark.parametrize(
    ("site", "rest"),
    [
        (Outcome.LOST, Outcome.LOST),
        (Outcome.UNREACHABLE, Outcome.UNREACHABLE),
        (Outcome.CANCELLED, Outcome.CANCELLED),
        (Outcome.MISSED, Outcome.MISSED),
        (Outcome.FAILED, Outcome.SKIPPED),
        (Outcome.UNDONE, Outcome.SKIPPED),
        (Outcome.CHANGED, Outcome.SKIPPED),
    ],
)
def test_finished_site_gives_every_step_an_outcome(
    ledger: Ledger, create_run, start: datetime, site: Outcome, rest: Outcome
):
    create_run(ledger)
    ledger.steps.finished("r1", "shop", StepOutcome(step="backup", outcome=Outcome.OK), start)
    ledger.sites.finished("r1", "shop", site, "because", start)
    assert step_outcomes(ledger, "shop") == [Outcome.OK, rest, rest]


def test_reopening_resets_only_resumable_sites(
    ledger: Ledger, create_run, start: datetime, plugins: StepOutcome
):
    create_run(
        ledger, sites=[(name, "acme", "web1", 0, n) for n, name in enumerate(["done", "lost", "new", "bad"])]
    )
    for site in ("done", "lost", "bad"):
        ledger.sites.started("r1", site, start)
        ledger.steps.finished("r1", site, StepOutcome(step="backup", outcome=Outcome.OK), start)
    ledger.jobs.started("r1", "lost", 1, "job")
    ledger.sites.finished("r1", "done", Outcome.OK, "", start)
    ledger.sites.finished("r1", "lost", Outcome.LOST, "link cut", start)
    ledger.sites.finished("r1", "bad", Outcome.FAILED, "bad zip", start)
    ledger.runs.finished("r1", Outcome.LOST, start)

    assert ledger.runs.reopen("r1") == ("lost", "new")

    summary = ledger.runs.summary("r1")
    assert (summary.attempt, summary.state, summary.outcome, summary.finished) == (
        2,
        State.RUNNING,
        None,
        None,
    )
    assert step_outcomes(ledger, "done") == [Outcome.OK, Outcome.SKIPPED, Outcome.SKIPPED]
    assert step_outcomes(ledger, "bad") == [Outcome.OK, Outcome.SKIPPED, Outcome.SKIPPED]
    assert step_outcomes(ledger, "lost") == [Outcome.OK, None, None]
    assert step_outcomes(ledger, "new") == [None, None, None]
    assert [(row.site, row.state) for row in ledger.sites.list_unfinished("r1")] == [
        ("lost", State.WAITING),
        ("new", State.WAITING),
    ]
    assert [(s.job, s.state) for s in ledger.jobs.list("r1", "lost")] == [("job", "started")]


def test_run_is_claimed_by_one_live_process(ledger: Ledger, create_run, start: datetime):
    create_run(ledger, executor="one")
    ledger.leases.acquire("one", host="here", pid=1, process_start="0", at=start)
    assert not ledger.runs.claim("r1", "two", at=start + LEASE / 2)
    assert ledger.runs.claim("r1", "one", at=start)
    assert ledger.runs.claim("r1", "two", at=start + LEASE * 2)
    assert ledger.runs.summary("r1").executor == "two"


def test_state_is_cancelling_until_run_ends(ledger: Ledger, create_run, start: datetime):
    create_run(ledger)
    assert ledger.runs.set_state("r1", State.CANCELLING)
    assert ledger.runs.state("r1") is State.CANCELLING
    ledger.runs.finished("r1", Outcome.CANCELLED, start)
    assert not ledger.runs.set_state("r1", State.CANCELLING)
    assert ledger.runs.state("r1") is State.ENDED


def test_recorded_plan_is_read_unchanged(ledger: Ledger, create_run):
    create_run(ledger)
    change = Change(
        step="wordpress.plugins",
        item="forms",
        kind=ItemKind.PLUGIN,
        from_version="1",
        to_version="2",
        action=Action.CHANGE,
        active=True,
    )
    plan = SitePlan(site="shop", client="acme", problems=("x",), changes=(change,))
    assert ledger.sites.plan("r1", "shop") is None
    ledger.sites.record_plan("r1", "shop", plan, {"php": "8.2"})
    assert ledger.sites.plan("r1", "shop") == plan
    assert ledger.sites.facts("r1", "shop") == {"php": "8.2"}


def test_run_is_found_by_prefix_or_last(ledger: Ledger, create_run, start: datetime):
    create_run(ledger, run="2026-11-24-weekly")
    create_run(ledger, run="2026-11-25_hot", started=start + MINUTE)
    assert ledger.runs.find("last") == "2026-11-25_hot"
    assert ledger.runs.find("2026-11-24") == "2026-11-24-weekly"
    assert ledger.runs.find("2026-11-25_hot") == "2026-11-25_hot"
    with pytest.raises(UnknownNameError, match="several") as several:
        ledger.runs.find("2026")
    assert "2026-11-24-weekly" in several.value.hint
    with pytest.raises(UnknownNameError) as wrong:
        ledger.runs.find("2026-11-25-hot")
    assert "2026-11-25_hot" in wrong.value.hint


@pytest.mark.parametrize("ask", ["show", "summary", "order_text", "state", "reopen", "find"])
def test_missing_run_is_unknown_name(ledger: Ledger, ask: str):
    with pytest.raises(UnknownNameError):
        getattr(ledger.runs, ask)("nothing")


def test_last_run_of_empty_ledger_is_unknown_name(ledger: Ledger):
    with pytest.raises(UnknownNameError, match="no runs yet"):
        ledger.runs.find("last")


def test_naive_instant_is_refused(ledger: Ledger, create_run):
    with pytest.raises(LedgerError, match="no time zone"):
        create_run(ledger, started=datetime(2026, 11, 24))  # noqa: DTZ001
