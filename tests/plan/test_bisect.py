"""The bisection of a batch finds its culprits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.plan.bisection import Bisection, GroupResult, bisect


def run(
    items: Sequence[int],
    well: Callable[[frozenset[int]], bool],
    suspect: Callable[[frozenset[int]], Sequence[int]] = lambda _: (),
) -> tuple[Bisection[int], int]:
    """Run a search against a site that breaks with some items and may name suspects."""
    there: set[int] = set()
    tries = 0
    driver = bisect(items)
    try:
        group = next(driver)
        while True:
            tries += 1
            together = frozenset(there | set(group))
            good = well(together)
            if good:
                there |= set(group)
            group = driver.send(GroupResult(good, () if good else tuple(suspect(together))))
    except StopIteration as end:
        return end.value, tries


def test_good_batch_takes_one_trial() -> None:
    assert run(range(20), lambda _: True) == (Bisection(tuple(range(20)), ()), 1)


@pytest.mark.parametrize("bad", range(20))
def test_one_culprit_among_twenty_is_found(bad: int) -> None:
    found, tries = run(range(20), lambda there: bad not in there)
    assert found == Bisection(tuple(n for n in range(20) if n != bad), (bad,))
    assert tries <= math.ceil(math.log2(20)) + 3


def test_health_checks_stay_near_the_logarithm() -> None:
    costs = []
    for bad in range(20):
        tries = []

        def well(there: frozenset[int], bad: int = bad, tries: list[bool] = tries) -> bool:
            tries.append(bad not in there)
            return tries[-1]

        run(range(20), well)
        costs.append(sum(1 if good else 2 for good in tries))  # what is taken back is looked at again
    assert max(costs) <= 11
    assert sum(costs) / 20 <= 10


@pytest.mark.parametrize("bad", range(20))
def test_named_culprit_takes_three_trials(bad: int) -> None:
    found, tries = run(range(20), lambda there: bad not in there, lambda _: (bad,))
    assert found.culprits == (bad,)
    assert tries == 3


@given(st.integers(0, 19), st.sets(st.integers(0, 19), max_size=20))
def test_wrongly_suspected_items_are_kept(bad: int, suspects: set[int]) -> None:
    found, tries = run(range(20), lambda there: bad not in there, lambda _: tuple(suspects))
    assert found.culprits == (bad,)
    assert tries <= 2 * math.log2(20) + 2


@given(st.sets(st.integers(0, 19), min_size=3, max_size=3))
def test_three_culprits_stay_within_the_limit(bad: set[int]) -> None:
    found, tries = run(range(20), lambda there: not there & bad)
    assert set(found.culprits) == bad
    assert tries <= 3 * (math.ceil(math.log2(20)) + 2) + 1


@given(st.lists(st.integers(0, 19), min_size=2, max_size=2, unique=True))
def test_one_of_two_incompatible_items_is_kept(pair: list[int]) -> None:
    found, _ = run(range(20), lambda there: not set(pair) <= there)
    assert len(found.culprits) == 1
    assert set(found.culprits) < set(pair)
    assert len(found.kept) == 19


@given(st.integers(0, 12), st.data())
def test_kept_items_are_healthy_and_culprits_break_them(count: int, data: st.DataObject) -> None:
    groups = st.sets(st.integers(0, max(count - 1, 0)), min_size=1, max_size=3)
    breaking = data.draw(st.lists(groups, max_size=4)) if count else []

    def well(there: frozenset[int]) -> bool:
        return not any(group <= there for group in breaking)

    found, _ = run(range(count), well)
    assert well(frozenset(found.kept))
    assert sorted([*found.kept, *found.culprits]) == list(range(count))
    assert all(not well(frozenset({*found.kept, culprit})) for culprit in found.culprits)


def test_empty_batch_has_no_culprit() -> None:
    assert run([], lambda _: True) == (Bisection((), ()), 0)
