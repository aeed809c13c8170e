"""Estimates from earlier runs, and whether a site ends before its window closes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.model import Basis, Estimate
from runner.plan import Job, about, estimate, forecast, rollback_begins, why_too_late
from runner.record import SiteDuration

OPENS = datetime(2026, 11, 3, 2, tzinfo=UTC)
HOURS = timedelta(hours=2)
LENGTHS = st.lists(st.floats(0, 8000), max_size=12)
WINDOWS = st.integers(60, 20_000)


def took(*seconds: float, rollback: float | None = None) -> list[SiteDuration]:
    return [SiteDuration(site="shop", seconds=one, rollback=rollback) for one in seconds]


def of(
    own: list[SiteDuration], others: list[SiteDuration] | None = None, lasts=HOURS, *, transacts: bool = True
) -> Estimate:
    return estimate(own, others or [], transacts=transacts, lasts=lasts)


@pytest.mark.parametrize(
    ("own", "others", "expected"),
    [
        ([], [], (720, 120, Basis.DEFAULT, 0)),
        (took(300), [], (420, 120, Basis.SITE, 1)),
        (took(100, 200, 300), took(5000), (420, 120, Basis.SITE, 3)),
        ([], took(100, 200, 300), (420, 120, Basis.PLAYBOOK, 3)),
        (took(*range(60, 660, 60)), [], (660, 120, Basis.SITE, 10)),
        (took(*[60] * 9, 3000), [], (180, 120, Basis.SITE, 10)),
        (took(300, rollback=40), [], (340, 40, Basis.SITE, 1)),
        (took(300), took(300, rollback=500), (800, 500, Basis.SITE, 1)),
    ],
)
def test_estimate_is_high_percentile_and_rollback(own, others, expected):
    found = of(own, others)
    assert (found.seconds, found.reserve, found.basis, found.runs) == expected


def test_playbook_without_transactions_reserves_time_to_stop():
    assert of(took(60), transacts=False) == Estimate(seconds=90, reserve=30, basis=Basis.SITE, runs=1)


@pytest.mark.parametrize(("minutes", "seconds", "reserve"), [(60, 720, 120), (8, 360, 120), (4, 180, 60)])
def test_unknown_site_fits_in_the_first_part_of_a_short_window(minutes, seconds, reserve):
    found = of([], lasts=timedelta(minutes=minutes))
    assert (found.seconds, found.reserve) == (seconds, reserve)


def test_one_slow_run_does_not_exclude_a_site():
    found = of(took(300, 320, 9000))
    closes = OPENS + HOURS
    assert why_too_late(found, opens=OPENS, closes=closes, now=OPENS) == ""
    later = OPENS + timedelta(minutes=30)
    assert why_too_late(found, opens=OPENS, closes=closes, now=later) == (
        "needs about 1 h 48 min, the window closes in 1 h 30 min"
    )


def test_site_that_is_always_too_slow_is_never_started():
    why = why_too_late(of(took(9000, 9000)), opens=OPENS, closes=OPENS + HOURS, now=OPENS)
    assert why == "needs about 2 h 32 min, the window is open for 2 h"


@pytest.mark.parametrize(
    ("left", "why"),
    [
        (14, ""),
        (13, "needs about 14 min, the window closes in 13 min"),
        (0.5, "needs about 14 min, the window closes in 0 min"),
    ],
)
def test_reason_names_needed_and_remaining_time(left, why):
    closes = OPENS + HOURS
    found = Estimate(seconds=14 * 60, reserve=120)
    assert why_too_late(found, opens=OPENS, closes=closes, now=closes - timedelta(minutes=left)) == why


def test_rollback_begins_before_the_close():
    assert rollback_begins(Estimate(seconds=600, reserve=90), OPENS) == OPENS - timedelta(seconds=90)
    assert rollback_begins(None, OPENS) == OPENS


@given(own=LENGTHS, others=LENGTHS, more=st.floats(0, 5000), window=WINDOWS, transacts=st.booleans())
def test_longer_runs_never_lower_the_estimate(own, others, more, window, transacts):
    lasts = timedelta(seconds=window)
    short = of(took(*own), took(*others), lasts, transacts=transacts)
    slower = of(
        took(*(one + more for one in own)), took(*(one + more for one in others)), lasts, transacts=transacts
    )
    assert 0 < short.reserve <= short.seconds <= slower.seconds


@given(own=LENGTHS, window=WINDOWS, elapsed=st.floats(0, 20_000), later=st.floats(0, 20_000))
def test_what_is_too_late_stays_too_late(own, window, elapsed, later):
    found, closes = of(took(*own), lasts=timedelta(seconds=window)), OPENS + timedelta(seconds=window)
    now = OPENS + timedelta(seconds=elapsed)
    too_late = why_too_late(found, opens=OPENS, closes=closes, now=now)
    even_later = why_too_late(found, opens=OPENS, closes=closes, now=now + timedelta(seconds=later))
    assert even_later or not too_late


@given(own=LENGTHS, window=WINDOWS, longer=st.integers(0, 20_000))
def test_longer_window_starts_all_that_a_shorter_one_does(own, window, longer):
    def why(seconds: int) -> str:
        found = of(took(*own), lasts=timedelta(seconds=seconds))
        return why_too_late(found, opens=OPENS, closes=OPENS + timedelta(seconds=seconds), now=OPENS)

    assert why(window) or not why(window + longer)


def jobs(count: int, minutes: float = 10, host: str = "") -> list[Job]:
    found = Estimate(seconds=minutes * 60 + 120, reserve=120, basis=Basis.SITE)
    return [Job(f"s{number}", host or f"h{number}", found) for number in range(count)]


@pytest.mark.parametrize(
    ("rings", "minutes", "late"),
    [
        ([jobs(4)], 10, ()),
        ([jobs(4, host="one")], 20, ()),
        ([jobs(8, host="one")], 30, ("s6", "s7")),
        ([jobs(1), jobs(2)], 30, ()),
        ([jobs(1), jobs(2), jobs(3)], 30, ("s0", "s1", "s2")),
        ([jobs(60)], 20, ()),
        ([], 0, ()),
    ],
)
def test_forecast_counts_rings_hosts_and_parallel_sites(rings, minutes, late):
    found = forecast(rings, at_once=50, per_host=2, soak=timedelta(minutes=10), lasts=timedelta(minutes=40))
    assert (found.seconds, found.late) == (minutes * 60, late)


def test_forecast_without_any_run_is_unknown():
    ring = [*jobs(1), Job("new", "h0", Estimate(seconds=720, reserve=120))]
    found = forecast([ring], at_once=50, per_host=2, soak=timedelta(), lasts=timedelta(minutes=5))
    assert (found.seconds, found.lasts, found.late) == (None, 300, ())


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 60)), max_size=30), st.integers(1, 600))
def test_forecast_fits_or_names_each_site(sites, minutes):
    ring = [
        Job(str(number), host, Estimate(seconds=length * 60.0, reserve=0, basis=Basis.SITE))
        for number, (host, length) in enumerate(sites)
    ]
    found = forecast([ring], at_once=4, per_host=2, soak=timedelta(), lasts=timedelta(minutes=minutes))
    assert found.seconds is not None
    assert found.seconds <= minutes * 60
    busy = sum(job.estimate.seconds for job in ring if job.site not in found.late)
    assert busy <= 4 * found.seconds


@pytest.mark.parametrize(
    ("seconds", "up", "down"),
    [(0, "1 min", "0 min"), (61, "2 min", "1 min"), (3600, "1 h", "1 h"), (4230, "1 h 11 min", "1 h 10 min")],
)
def test_times_are_rounded_to_minutes(seconds, up, down):
    assert (about(seconds), about(seconds, up=False)) == (up, down)
