"""Which records are old enough to be pruned."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from runner.model import Period, Retention
from runner.plan import cutoffs

INSTANTS = st.integers(10**9, 5 * 10**9).map(lambda second: datetime.fromtimestamp(second, UTC))
SHORTEST = Retention(
    looks=timedelta(days=1),
    details=timedelta(days=30),
    summaries=timedelta(days=30),
    history=timedelta(days=400),
)


def quarter(day: date) -> Period:
    return Period.parse(f"{day.year}-Q{(day.month + 2) // 3}")


@given(INSTANTS)
def test_previous_quarter_stays_in_every_zone(now: datetime) -> None:
    cut = cutoffs(SHORTEST, now)
    for zone in ("Pacific/Kiritimati", "UTC", "Pacific/Pago_Pago"):
        before = quarter(quarter(now.date()).first - timedelta(days=1))
        start, _ = before.instants(zone)
        assert cut.summaries <= start
        assert cut.history <= start


@given(INSTANTS, st.timedeltas(timedelta(days=1), timedelta(days=3660)))
def test_looks_are_cut_at_a_slot_and_never_too_early(now: datetime, kept: timedelta) -> None:
    cut = cutoffs(Retention(looks=kept), now).looks
    assert (cut.minute % 5, cut.second, cut.microsecond) == (0, 0, 0)
    assert timedelta(0) <= now - kept - cut < timedelta(minutes=5)


def test_longer_retention_wins_over_the_quarter() -> None:
    now = datetime(2027, 2, 10, 12, 3, tzinfo=UTC)
    cut = cutoffs(Retention(), now)
    assert cut.looks == datetime(2027, 1, 27, 12, 0, tzinfo=UTC)
    assert cut.details == now - timedelta(days=90)
    assert cut.summaries == now - timedelta(days=400)
    assert cut.history == now - timedelta(days=1830)
    assert cutoffs(SHORTEST, now).summaries == datetime(2026, 9, 30, tzinfo=UTC)
