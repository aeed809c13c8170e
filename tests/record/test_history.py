from __future__ import annotations

from datetime import date, datetime, timedelta

from runner.model import Outcome, Period, StepOutcome
from runner.record import BackupView, Ledger, LookView, WindowState, WindowView

HOUR = timedelta(hours=1)
NOVEMBER = Period.parse("2026-11").instants("Europe/Berlin")


def test_site_without_runs_has_no_measurements(ledger: Ledger):
    history = ledger.reports.history(["shop"], *NOVEMBER, client="acme")
    assert history.measured == frozenset()
    assert (history.first, history.last, history.since) == (None, None, None)
    assert history.changes == ()
    assert history.days_with_runs("Europe/Berlin") == frozenset()


def test_run_without_changes_is_measured_but_empty(ledger: Ledger, create_run, start: datetime):
    create_run(ledger)
    ledger.sites.finished("r1", "shop", Outcome.OK, "", start)
    ledger.sites.finished("r1", "blog", Outcome.UNREACHABLE, "no route", start)
    both = ledger.reports.history(["shop", "blog"], *NOVEMBER)
    assert both.changes == ()
    assert both.measured == {"changes"}
    assert both.of("shop", "changes")
    assert not both.of("blog", "changes")
    assert not both.of("shop", "looks")
    assert ledger.reports.history(["blog"], *NOVEMBER).measured == frozenset()


def test_history_has_everything_of_the_period(
    ledger: Ledger, create_run, start: datetime, plugins: StepOutcome
):
    create_run(ledger, window="weekly")
    create_run(ledger, run="r0", started=start - timedelta(days=30))
    broken = StepOutcome(step="backup", outcome=Outcome.FAILED, why="disk full")
    for run, at in (("r0", start - timedelta(days=30)), ("r1", start)):
        ledger.jobs.ended(run, "shop", 1, f"{run}.1", status="failed", outcomes=[broken, plugins], at=at)
        ledger.jobs.ended(run, "blog", 1, f"{run}.2", status="ok", outcomes=[plugins], at=at)
        ledger.sites.finished(run, "shop", Outcome.FAILED, "disk full", at + HOUR)
    for n, healthy in enumerate((True, False, None)):
        ledger.looks.record(
            LookView(
                site="shop",
                at=start + n * HOUR,
                phase="after",
                signal="page",
                healthy=healthy,
                seconds=n + 0.5,
                run="r1",
            )
        )
    ledger.backups.record(
        BackupView(
            snapshot="s1",
            site="shop",
            client="acme",
            run="r1",
            taken=start,
            store="archive",
            uri="/b",
            size=10,
            manifest_sha256="00",
        )
    )
    for client in ("acme", "bolt"):
        ledger.windows.claim(
            WindowView(
                window="weekly", starts=start, closes=start + HOUR, state=WindowState.RUN, client=client,
                run="r1", recorded=start,
            )
        )  # fmt: skip
    ledger.holds.add("shop", "slider", "1.1", why="white page", since=start)
    ledger.holds.add("shop", "old", "1.0", why="", since=start - timedelta(days=60))
    ledger.holds.lift("shop", "old", at=start - timedelta(days=50))

    history = ledger.reports.history(["shop"], *NOVEMBER, client="acme")

    assert [(run.run, run.window, run.outcome) for run in history.runs] == [("r1", "weekly", Outcome.FAILED)]
    assert [(c.run, c.site, c.item, c.from_version, c.to_version, c.outcome) for c in history.changes] == [
        ("r1", "shop", "forms", "1.0", "1.1", Outcome.CHANGED),
        ("r1", "shop", "slider", "1.0", "1.1", Outcome.UNDONE),
    ]
    assert [(f.step, f.outcome, f.why) for f in history.failures] == [
        ("backup", Outcome.FAILED, "disk full"),
        ("wordpress.plugins", Outcome.UNDONE, "slider broke the front page"),
    ]
    assert [backup.snapshot for backup in history.backups] == ["s1"]
    (looks,) = history.looks
    assert (looks.total, looks.healthy, looks.unhealthy, looks.unknown) == (3, 1, 1, 1)
    assert (looks.slowest, looks.first, looks.last) == (2.5, start, start + 2 * HOUR)
    assert [window.client for window in history.windows] == ["acme"]
    assert [hold.item for hold in history.holds] == ["slider"]
    assert history.measured == {"changes", "backups", "looks", "windows"}
    assert (history.first, history.last) == (start, start + 2 * HOUR)
    assert history.since == start - timedelta(days=30)
    assert history.days_with_runs("Europe/Berlin") == {date(2026, 11, 24)}


def test_period_ends_at_local_midnight(ledger: Ledger, create_run):
    start, end = NOVEMBER
    tick = timedelta(microseconds=1)
    for name, at in (("early", start - tick), ("first", start), ("last", end - tick), ("late", end)):
        create_run(ledger, run=name, started=at)
    history = ledger.reports.history(["shop"], start, end)
    assert [run.run for run in history.runs] == ["first", "last"]
    assert history.days_with_runs("Europe/Berlin") == {date(2026, 11, 1), date(2026, 11, 30)}


def test_look_recorded_twice_counts_once(ledger: Ledger, start: datetime):
    same = {"site": "shop", "at": start, "phase": "before", "signal": "page", "url": "/", "healthy": True}
    assert ledger.looks.record(LookView(**same))
    assert not ledger.looks.record(LookView(**same))
    assert ledger.reports.history(["shop"], *NOVEMBER).looks[0].total == 1
