"""Holds by `sitecrew hold` in runs: they are never taken for the result of a trial or an undo."""

from __future__ import annotations

from runner.hosts.fake import Fault, FaultKind
from runner.record import HoldByHand
from tests.apply.fakesite import Break, FakeSite
from tests.apply.test_undo_step import planned, undo

SHOP = {"shop": "acme"}


def test_resume_applies_what_was_held_after_the_plan(make_bench):
    bench = make_bench(FakeSite(items=("a", "b", "c"), breaks=[Break.of("b")]))
    bench.remote.faults = [Fault(FaultKind.KILL, 1)]
    bench.killed()
    bench.ledger.holds.set_by_hand(SHOP, HoldByHand(item="a", version="1.1", why="Sale"))
    outcome = bench.resume()
    assert bench.outcomes(outcome) == {"a": "changed", "b": "undone", "c": "changed"}
    assert bench.site.versions == {"a": "1.1", "b": "1.0", "c": "1.1"}


def test_undo_of_an_undo_leaves_holds_by_hand(make_bench):
    bench = make_bench(FakeSite(items=("a", "b")))
    bench.apply()
    first = planned(bench)
    undo(first)
    bench.ledger.holds.set_by_hand(SHOP, HoldByHand(item="a", why="Sale"))
    second = planned(first, run="undo-2")
    undo(second)
    assert second.holds() == {"a": "Sale"}
