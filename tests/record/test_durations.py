"""How long playbooks took on sites, by the runs in the ledger."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from runner.model import Outcome, Playbook, SiteKind, Step, StepOutcome
from runner.plan import split_playbook
from runner.record import Ledger, SiteDuration
from runner.record.durations import _LEFT_OUT
from runner.steps.shell import ShellOptions
from tests.record.book import at, create, inventory, site

STEPS = (("first", "shell", "First"), ("second", "shell", "Second"))


@pytest.fixture
def ran(ledger: Ledger) -> Callable[..., None]:
    """Record a run of two sites that took so many minutes on each."""
    ledger.websites.sync(inventory(site("shop"), site("blog")))

    def record(day: int, minutes: int = 10, outcome: Outcome = Outcome.OK, **run: object) -> None:
        name = f"r{day}"
        sites = [(one, "acme", "web1", 0, number) for number, one in enumerate(("shop", "blog"))]
        run = {"playbook": "weekly", "title": "Weekly", "trigger": "window", "window": "night"} | run
        create(ledger, run=name, sites=sites, steps=STEPS, started=at(day), **run)  # type: ignore[arg-type]
        for one in ("shop", "blog"):
            ledger.sites.started(name, one, at(day))
            ledger.sites.finished(name, one, outcome, "", at(day) + timedelta(minutes=minutes))
        ledger.runs.finished(name, outcome, at(day) + timedelta(hours=1))

    return record


def seconds(ledger: Ledger, *, most: int = 10, playbook: str = "weekly") -> list[float]:
    found = ledger.durations.of_sites(playbook, ["shop"], most=most)["shop"]
    return [one.seconds for one in found]


def test_last_runs_come_first(ledger, ran):
    for day in (1, 2, 3):
        ran(day, day)
    assert seconds(ledger) == [180, 120, 60]
    assert seconds(ledger, most=2) == [180, 120]
    assert seconds(ledger, playbook="monthly") == []
    every = ledger.durations.of_playbook("weekly", most=3)
    assert [(one.site, one.seconds) for one in every] == [("shop", 180), ("blog", 180), ("shop", 120)]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_completed_sites_count(ledger, ran, outcome):
    ran(1, 1, outcome)
    complete = outcome in {Outcome.OK, Outcome.CHANGED, Outcome.HELD, Outcome.UNDONE, Outcome.FAILED}
    assert seconds(ledger) == ([60] if complete else [])


def test_resumed_run_does_not_count(ledger, ran):
    ran(1)
    ledger.runs.reopen("r1")
    ledger.runs.finished("r1", Outcome.OK, at(9))
    assert seconds(ledger) == []


def test_run_that_asked_before_steps_does_not_count(ledger, ran):
    ran(1, order_text='{"playbook":{"stepwise":true}}')
    ran(2, order_text='{"playbook":{"stepwise":false}}')
    assert len(seconds(ledger)) == 1


@pytest.mark.parametrize(
    "changes",
    [{"tags": ("other",)}, {"skip_tags": ("some",)}, {"start_at": "second"}],
    ids=lambda one: next(iter(one)),
)
def test_run_of_some_steps_does_not_count(ledger, ran, changes):
    options = ShellOptions(run="true")
    steps = tuple(
        Step(id=name, kind="shell", options=options, tags=frozenset({"some"})) for name in ("first", "second")
    )
    of_book = {key: value for key, value in changes.items() if key != "tags"}
    book = Playbook(name="weekly", title="Weekly", steps=steps, **of_book)
    skipped = split_playbook(book, site("shop"), tags=changes.get("tags", ())).skipped
    why = skipped[0].why
    assert any(re.fullmatch(pattern.replace("%", ".*"), why) for pattern in _LEFT_OUT)
    ran(1)
    outcome = StepOutcome(step="first", outcome=Outcome.SKIPPED, why=why)
    ledger.steps.finished("r1", "shop", outcome, at(1))
    assert seconds(ledger) == []


def test_step_for_other_sites_does_not_make_a_run_shorter(ledger, ran):
    ran(1)
    why = f"does not apply to a {SiteKind.STATIC} site"
    ledger.steps.finished("r1", "shop", StepOutcome(step="first", outcome=Outcome.SKIPPED, why=why), at(1))
    assert len(seconds(ledger)) == 1


def test_longest_rollback_is_part_of_its_run(ledger, ran):
    ran(1)
    for number, undo in enumerate((4.5, 30.0, None)):
        ledger.jobs.started("r1", "shop", number, f"job{number}")
        ledger.jobs.ended(
            "r1", "shop", number, f"job{number}", status="undone", outcomes=(), at=at(1), undo_seconds=undo
        )
    found = ledger.durations.of_sites("weekly", ["shop", "blog"], most=1)
    assert found["shop"] == (SiteDuration(site="shop", seconds=600, rollback=30.0),)
    assert found["blog"][0].rollback is None


def test_runs_follow_a_renamed_website_not_its_name(ledger, ran):
    ran(1)
    renamed = site("store", was="shop", url="https://shop.example", path="/srv/shop")
    ledger.websites.sync(inventory(renamed, site("blog")), at=at(2))
    other = site("shop", url="https://new.example", path="/srv/new", host="web2")
    ledger.websites.sync(inventory(renamed, other, site("blog")), at=at(3))
    found = ledger.durations.of_sites("weekly", ["shop", "store"], most=9)
    assert {name: [one.site for one in each] for name, each in found.items()} == {
        "shop": [],
        "store": ["store"],
    }
    assert {one.site for one in ledger.durations.of_playbook("weekly", most=9)} == {"store", "blog"}


def test_missed_last_follows_the_latest_window(ledger, ran):
    def missed() -> set[str]:
        return set(ledger.durations.missed_last("weekly", ["shop", "blog", "new"]))

    assert missed() == set()
    ran(1, outcome=Outcome.MISSED)
    assert missed() == {"shop", "blog"}
    ran(2, trigger="manual", window=None)
    assert missed() == {"shop", "blog"}, "only windows count"
    ran(3)
    assert missed() == set()
