"""The summary of a window: when there is one, and what it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runner.model import Outcome
from runner.notify import Opening, SiteEnd, WindowEnd, urgent_notice, window_notice
from runner.record import WhyNot, WindowState

STARTS = datetime(2026, 12, 1, 2, tzinfo=UTC)
RUN, MISSED, SKIPPED = WindowState.RUN, WindowState.MISSED, WindowState.SKIPPED


def site(outcome: Outcome | None, name: str = "shop", **more: object) -> SiteEnd:
    fields = {"site": name, "client": "acme", "run": "weekly-acme", "finished": STARTS, **more}
    return SiteEnd(outcome=outcome, **fields)


def ran(*sites: SiteEnd, **more: object) -> Opening:
    return Opening(client="acme", state=RUN, run="weekly-acme", sites=sites, **more)


def end(*openings: Opening) -> WindowEnd:
    return WindowEnd(window="weekly", starts=STARTS, openings=openings)


@pytest.mark.parametrize(
    ("opening", "counts"),
    [
        (ran(site(Outcome.LOST), site(Outcome.OK, "www")), "1 of 2 sites OK, 1 lost"),
        (ran(site(Outcome.FAILED)), "0 of 1 site OK, 1 failed"),
        (ran(site(Outcome.UNREACHABLE)), "0 of 1 site OK, 1 unreachable"),
        (ran(site(Outcome.UNDONE), site(Outcome.CHANGED, "www")), "1 of 2 sites OK, 1 rolled back"),
        (ran(site(Outcome.CANCELLED)), "0 of 1 site OK, 1 cancelled"),
        (ran(site(Outcome.MISSED)), "0 of 1 site OK, 1 missed"),
        (ran(site(None), stuck="PASSWORD is not set"), "0 of 1 site OK, 1 not finished"),
        (ran(site(Outcome.HELD, held=("x: cannot be verified",))), "0 of 1 site OK, 1 held for a decision"),
        (Opening(client="acme", state=SKIPPED, why=WhyNot.BUSY), "1 client not started"),
        (Opening(client="acme", state=MISSED, why=WhyNot.MISTAKES), "1 client not started"),
        (
            Opening(client="acme", state=SKIPPED, why="declined by ann on 2026-11-30: no"),
            "1 client not started",
        ),
        (
            ran(site(Outcome.SKIPPED, why=WhyNot.UNAPPROVED), site(Outcome.OK, "www")),
            "1 of 2 sites OK, 1 not approved",
        ),
    ],
)
def test_every_problem_has_a_notice(opening: Opening, counts: str):
    notice = window_notice(end(opening), quiet=True)
    assert notice
    assert notice.subject.endswith(f": {counts}")
    assert notice.items
    assert not notice.good


@pytest.mark.parametrize(
    "opening",
    [
        ran(site(Outcome.OK), site(Outcome.CHANGED, "www"), site(Outcome.SKIPPED, "old")),
        ran(site(Outcome.HELD)),
        Opening(client="acme", state=SKIPPED, why=WhyNot.BLACKOUT),
        Opening(client="acme", state=SKIPPED, why=WhyNot.CLOSED),
        Opening(client="acme", state=SKIPPED, why=f"{WhyNot.PAUSED} 2026-12-24: Christmas"),
    ],
)
def test_success_is_quiet(opening: Opening):
    assert window_notice(end(opening), quiet=True) is None


def test_success_is_reported_unless_quiet():
    notice = window_notice(end(ran(site(Outcome.OK), site(Outcome.CHANGED, "www"))), quiet=False)
    assert notice
    assert (notice.good, notice.items) == (True, ())
    assert notice.subject.endswith(": 2 of 2 sites OK")
    assert window_notice(end(Opening(client="a", state=SKIPPED, why=WhyNot.BLACKOUT)), quiet=False) is None


def test_items_name_commands_worst_first():
    bolt = SiteEnd(site="bolt", client="bolt", run="weekly-bolt", outcome=Outcome.LOST, why="host died")
    openings = (
        ran(site(Outcome.UNDONE, why="page / answers 500"), site(Outcome.OK, "www")),
        Opening(client="bolt", state=RUN, run="weekly-bolt", sites=(bolt,)),
        *(Opening(client=name, state=SKIPPED, why=WhyNot.BUSY) for name in ("dune", "echo")),
    )
    notice = window_notice(end(*openings), quiet=True)
    assert notice
    assert [(item.title, item.text, item.command) for item in notice.items] == [
        ("bolt (bolt)", "lost: host died", "sitecrew resume weekly-bolt"),
        ("shop (acme)", "rolled back: page / answers 500", "sitecrew logs weekly-acme shop"),
        ("dune, echo", f"skipped: {WhyNot.BUSY}", "sitecrew schedule list"),
    ]


def test_same_opening_has_the_same_topic():
    one = window_notice(end(ran(site(Outcome.LOST))), quiet=True)
    other = window_notice(end(ran(site(Outcome.FAILED)), ran(site(Outcome.OK))), quiet=False)
    assert one
    assert other
    assert one.topic == other.topic == "window weekly 2026-12-01T02:00:00Z"


def test_foreign_text_is_cleaned_and_cut():
    notice = window_notice(end(ran(site(Outcome.FAILED, why="\x1b[31mx\n\u202ey" + "z" * 5000))), quiet=True)
    assert notice
    [item] = notice.items
    assert item.text.startswith("failed: x yz")
    assert len(item.text) <= 300


def test_urgent_notice_has_only_new_lost_and_broken_sites():
    later = STARTS + timedelta(minutes=20)
    sites = (
        site(Outcome.LOST, "lost"),
        site(Outcome.FAILED, "broken", broken=True, finished=later),
        site(Outcome.FAILED, "failed", finished=later),
        site(Outcome.UNDONE, "undone", finished=later),
    )
    first, second = urgent_notice(end(ran(*sites)), None), urgent_notice(end(ran(*sites)), STARTS)
    assert first
    assert second
    assert "1 site lost, 1 site broken" in first.subject
    assert [item.title for item in first.items] == ["lost (acme)", "broken (acme)"]
    assert [item.title for item in second.items] == ["broken (acme)"]
    assert urgent_notice(end(ran(*sites)), later) is None


def test_site_without_approval_names_reason_and_command():
    notice = window_notice(end(ran(site(Outcome.SKIPPED, why="not approved"))), quiet=True)
    assert notice
    [item] = notice.items
    assert (item.title, item.text) == ("shop (acme)", "skipped: not approved")
    assert item.command == "sitecrew list approvals"
