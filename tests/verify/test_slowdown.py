"""Slowdowns are reported; normal variation is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.verify import may_be_slower, sample, slowest
from tests.verify.wordpress import PAGE, WordPress, says

if TYPE_CHECKING:
    from tests.verify.shop import Shop


@pytest.mark.parametrize(
    ("before", "after", "slowdown"),
    [
        (
            (0.1, 0.1, 0.2, 0.1, 0.1),
            (2.1, 2.2, 2.1, 2.3, 2.1),
            "/ takes 2.1 s; it took 0.1 s",
        ),
        ((0.1, 0.1, 0.2, 0.1, 0.1), (0.9, 0.9, 1.0, 0.9, 0.9), ""),
        ((3.0, 3.1, 3.0, 3.2, 3.0), (5.0, 5.1, 5.0, 5.2, 5.0), ""),
        (
            (3.0, 3.1, 3.0, 3.2, 3.0),
            (7.0, 7.1, 7.0, 7.2, 7.0),
            "/ takes 7.0 s; it took 3.0 s",
        ),
        ((0.2, 4.0, 0.3, 3.5, 0.2), (2.0, 3.9, 2.1, 4.5, 2.0), ""),
        ((0.1, 0.1, 0.1, 0.1, 0.1), (0.1, 9.0, 0.1, 9.0, 0.1), ""),
        ((0.1, 0.1), (5.0, 5.0, 5.0), ""),
        ((), (5.0, 5.0, 5.0), ""),
    ],
)
def test_median_must_exceed_normal_variation(
    before: tuple[float, ...], after: tuple[float, ...], slowdown: str
) -> None:
    found = slowest({"/": before}, {"/": after})
    assert str(found or "") == (slowdown and f"slower than before: {slowdown}")


def test_page_with_largest_slowdown_is_named() -> None:
    before = {"/": (0.1,) * 5, "/shop/": (0.1,) * 5, "/gone/": (0.1,) * 5}
    found = slowest(before, {"/": (2.0,) * 5, "/shop/": (4.0,) * 5})
    assert found is not None
    assert found.page == "/shop/"


def test_page_is_measured_only_if_every_answer_was_slow() -> None:
    assert may_be_slower((0.1, 0.2), (1.5, 1.4))
    assert not may_be_slower((0.1, 0.2), (1.5, 0.3))
    assert not may_be_slower((), (9.0,))


def test_pages_are_measured_without_caches(shop: Shop) -> None:
    wordpress = WordPress(shop)
    before = sample(wordpress.site, limit=5.0)
    assert len(before["/"]) == 5
    assert all(query.startswith("sitecrew=") for query in shop.queries)
    assert len(set(shop.queries)) == 5
    slow = says(200, PAGE)
    wordpress.page = lambda one: (one.server.ending.wait(1.3), slow(one))
    found = slowest(before, sample(wordpress.site, limit=5.0))
    assert found is not None
    assert found.after > 1.2
