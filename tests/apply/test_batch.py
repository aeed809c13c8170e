"""Batches of changes: culprits are found and held, the rest is kept."""

from __future__ import annotations

from itertools import combinations

import pytest

from runner.errors import HostError
from runner.hosts.fake import Answer, Fault, FaultKind
from runner.model import Action, SitePlan
from runner.plan import UNUSABLE
from tests.apply.conftest import Bench
from tests.apply.fakesite import Break, FakeSite, change

ITEMS = ("a", "b", "c", "d")


def with_breaks(make_bench, *breaks: Break, items: tuple[str, ...] = ITEMS, **more: object) -> Bench:
    return make_bench(FakeSite(items=items, breaks=list(breaks), **more))


def check_culprits(bench: Bench, culprits: set[str]) -> None:
    """Apply the batch: the culprits are rolled back and held, everything else is kept."""
    outcome = bench.apply()
    expected = {item: "undone" if item in culprits else "changed" for item in bench.site.items}
    assert bench.outcomes(outcome) == expected
    assert bench.site.versions == {item: "1.0" if item in culprits else "1.1" for item in bench.site.items}
    assert set(bench.holds()) == culprits
    assert not bench.site.twice
    assert not bench.site.findings()


@pytest.mark.parametrize(("count", "place"), [(n, at) for n in (2, 3, 4, 7) for at in range(n)])
def test_one_culprit_is_found(make_bench, count, place):
    items = tuple("abcdefg"[:count])
    check_culprits(with_breaks(make_bench, Break.of(items[place]), items=items), {items[place]})


@pytest.mark.parametrize("pair", list(combinations(ITEMS, 2)), ids="".join)
def test_two_culprits_are_found(make_bench, pair):
    check_culprits(with_breaks(make_bench, *map(Break.of, pair)), set(pair))


@pytest.mark.parametrize("pair", list(combinations(ITEMS, 2)), ids="".join)
def test_pair_that_breaks_together_loses_one(make_bench, pair):
    bench = with_breaks(make_bench, Break.of(*pair))
    outcome = bench.outcomes(bench.apply())
    undone = {item for item, end in outcome.items() if end == "undone"}
    assert len(undone) == 1
    assert undone < set(pair)
    assert set(bench.holds()) == undone
    assert not bench.site.findings()


def test_all_culprits_leave_the_site_as_it_was(make_bench):
    check_culprits(with_breaks(make_bench, *map(Break.of, ITEMS)), set(ITEMS))


@pytest.mark.parametrize("place", ITEMS)
def test_named_suspect_is_tried_first(make_bench, place):
    bench = with_breaks(make_bench, Break.of(place, by="boot"))
    check_culprits(bench, {place})
    assert len(bench.emitted("trial.started")) == 3


@pytest.mark.parametrize("place", ITEMS)
def test_each_culprit_has_the_reason_of_its_own_trial(make_bench, place):
    bench = with_breaks(make_bench, Break.of(place))
    outcome = bench.apply()
    assert {one.item: one.why for one in outcome.changes if one.why} == {place: "/: answers 500"}
    assert outcome.why == f"{place}: /: answers 500"


def test_step_is_as_bad_as_its_worst_item(make_bench):
    assert with_breaks(make_bench, Break.of("b")).apply().outcome == "undone"


def test_trials_and_checks_are_counted(make_bench):
    bench = with_breaks(make_bench, Break.of("a"))
    outcome = bench.apply()
    assert outcome.trials == len(bench.emitted("trial.started"))
    assert outcome.looks == len(bench.emitted("look.taken"))


def test_numbers_of_trials_count_up(make_bench):
    bench = with_breaks(make_bench, Break.of("d"))
    bench.apply()
    trials = len(bench.emitted("trial.started"))
    assert list(bench.jobs()) == [1001 + n for n in range(trials)]
    assert set(bench.jobs().values()) <= {("acked", "ok"), ("acked", "undone")}


def test_unrepeated_failure_is_noted_beside_first_item(make_bench):
    bench = with_breaks(make_bench, hiccups=1)
    outcome = bench.apply()
    assert set(bench.outcomes(outcome).values()) == {"changed"}
    assert outcome.changes[0].why == "the first trial failed: /: answers 500; not seen again"
    assert not any(one.why for one in outcome.changes[1:])
    assert not bench.holds()


def test_failure_with_a_culprit_is_not_unrepeated(make_bench):
    outcome = with_breaks(make_bench, Break.of("c")).apply()
    assert not any("first trial failed" in one.why for one in outcome.changes)


def test_held_item_is_never_tried(make_bench):
    bench = with_breaks(make_bench)
    held = change("b", action=Action.HOLD)
    bench.plan = SitePlan(site="shop", client="acme", changes=(change("a"), held, change("c")))
    outcome = bench.apply()
    assert bench.outcomes(outcome) == {"a": "changed", "b": "held", "c": "changed"}
    assert "b" not in bench.site.updates


def test_nothing_to_do_starts_nothing(make_bench):
    bench = with_breaks(make_bench)
    bench.plan = SitePlan(site="shop", client="acme")
    assert bench.apply().outcome == "ok"
    assert not bench.remote.jobs
    assert not bench.emitted("step.started")


def test_only_holds_make_the_step_held(make_bench):
    bench = with_breaks(make_bench)
    bench.plan = SitePlan(site="shop", client="acme", changes=(change("a", action=Action.HOLD),))
    assert bench.apply().outcome == "held"
    assert bench.recorded().outcome == "held"


def test_batch_of_an_unread_site_is_an_error(make_bench):
    bench = with_breaks(make_bench)
    bench._facts = None
    with pytest.raises(HostError):
        bench.apply()


def test_failed_item_leaves_the_others_changed(make_bench):
    bench = with_breaks(make_bench, fails={"b": "the package could not be downloaded"})
    outcome = bench.apply()
    assert bench.outcomes(outcome) == {"a": "changed", "b": "failed", "c": "changed", "d": "changed"}
    assert outcome.why == "b: the package could not be downloaded"
    assert not bench.holds()


def test_unusable_package_is_held(make_bench):
    bench = with_breaks(make_bench, fails={"b": "the package holds the folder other"})
    outcome = bench.apply()
    assert bench.outcomes(outcome)["b"] == "failed"
    assert bench.holds() == {"b": f"{UNUSABLE}: the package holds the folder other"}


def test_rollback_without_effect_ends_the_batch(make_bench):
    bench = with_breaks(make_bench, Break.of("a"), stuck={"a"})
    outcome = bench.apply()
    assert set(bench.outcomes(outcome).values()) == {"failed"}
    assert len(bench.emitted("trial.started")) == 1
    assert not bench.holds()


def test_items_not_restored_are_the_uncertain_ones(make_bench):
    bench = with_breaks(make_bench, Break.of("a"), stuck={"a"})
    outcome = bench.apply()
    assert {one.item for one in outcome.changes if one.uncertain} == {"a"}


@pytest.mark.parametrize("trial", [1, 2, 3, 4])
def test_cancel_between_trials_starts_no_more(make_bench, trial):
    bench = with_breaks(make_bench, Break.of("c"))
    ended: list[str] = []

    def count(event: str) -> None:
        ended.append(event)
        if sum(one in {"trial.kept", "trial.undone"} for one in ended) == trial:
            bench.stop.ask()

    bench.on_emit = count
    outcome = bench.apply()
    assert len(bench.remote.jobs) == trial
    kept = {item for item, end in bench.outcomes(outcome).items() if end == "changed"}
    assert kept == bench.site.changed
    assert "cancelled" in bench.outcomes(outcome).values()
    assert not bench.site.findings()


@pytest.mark.parametrize("trial", [1, 2, 3])
def test_cancelled_batch_is_finished_on_resume(make_bench, trial):
    bench = with_breaks(make_bench, Break.of("c"))
    ended: list[str] = []

    def count(event: str) -> None:
        ended.append(event)
        if sum(one in {"trial.kept", "trial.undone"} for one in ended) == trial:
            bench.stop.ask()

    bench.on_emit = count
    bench.apply()
    bench.on_emit = lambda _: None
    outcome = bench.resume()
    assert bench.outcomes(outcome) == {"a": "changed", "b": "changed", "c": "undone", "d": "changed"}
    assert not bench.site.twice


def test_kept_group_is_the_baseline_of_the_next(make_bench):
    bench = with_breaks(make_bench, Break.of("d"))
    bench.apply()
    assert bench.site.versions == {"a": "1.1", "b": "1.1", "c": "1.1", "d": "1.0"}


def test_cron_is_tried_before_once_only(make_bench):
    bench = with_breaks(make_bench, Break.of("d"))
    bench.apply()
    assert bench.site.ran.count("cron-before") == 1


def test_garbage_is_collected_once_at_the_end(make_bench):
    bench = with_breaks(make_bench, Break.of("d"))
    bench.apply()
    assert bench.remote.calls[-1] == ("collect_garbage", "")
    assert bench.remote.count("collect_garbage") == 1


def test_dead_job_ends_the_batch_without_holds(make_bench):
    bench = with_breaks(make_bench)
    bench.remote.faults = [Fault(FaultKind.DIE, 16)]
    outcome = bench.apply()
    assert set(bench.outcomes(outcome).values()) == {"failed"}
    assert not bench.site.changed
    assert not bench.holds()


def test_unread_network_sites_are_noted(make_bench):
    bench = with_breaks(make_bench, items=("a",), more={"network_size": 70})
    assert "sites were not checked" in bench.apply().output


def test_failed_restore_point_ends_the_batch(make_bench):
    bench = with_breaks(make_bench)
    bench.site.codes["save"] = Answer(1, "read-only file system")
    outcome = bench.apply()
    assert set(bench.outcomes(outcome).values()) == {"failed"}
    assert len(bench.remote.jobs) == 1
