"""One trial of changes: kept, rolled back, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.errors import HostError, LockedError, LostError, UnreachableError
from runner.execute import Awaiting
from runner.hosts.fake import Answer, ControllerKilled, Fault, FaultKind
from runner.model import SitePlan, Slower, UndoDatabase, Unverified
from tests.apply.conftest import Bench
from tests.apply.fakesite import Break, Database, FakeSite, ItemOptions, change


@pytest.fixture
def one(make_bench) -> Bench:
    """A bench with a site of one item."""
    return make_bench(FakeSite(items=("a",)))


AWAITING = 21
"""The event at which the job of a healthy trial of one item waits for the verdict."""


def broken_by(make_bench, way: str, **more: object) -> Bench:
    return make_bench(FakeSite(items=("a",), breaks=[Break.of("a", by=way)], **more))


def with_options(bench: Bench, **options: bool) -> None:
    step = replace(bench.step, options=ItemOptions(**options))
    bench.order = replace(bench.order, playbook=replace(bench.order.playbook, steps=(step,)))


def test_healthy_change_is_kept(one):
    outcome = one.apply()
    assert (outcome.outcome, one.outcomes(outcome)) == ("changed", {"a": "changed"})
    assert one.site.versions == {"a": "1.1"}
    assert not one.holds()
    assert isinstance(one.remote.events[AWAITING - 1], Awaiting)


WAYS = {
    "page": "answers 500",
    "boot": "WordPress no longer starts: Uncaught Error: boom",
    "gone": "no longer there: a",
    "inactive": "no longer active: a",
    "home": "home is now https://elsewhere.example",
    "cron": "its cron no longer starts",
    "requests": "siteurl is now https://hijacked.example",
}


@pytest.mark.parametrize("way", WAYS)
def test_broken_site_rolls_change_back(make_bench, way):
    bench = broken_by(make_bench, way)
    outcome = bench.apply()
    assert bench.site.versions == {"a": "1.0"}
    assert outcome.outcome == "undone"
    assert WAYS[way] in outcome.changes[0].why
    assert WAYS[way] in bench.holds()["a"]


def test_new_error_in_log_rolls_back(make_bench):
    bench = broken_by(make_bench, "log", has_log=True)
    outcome = bench.apply()
    assert outcome.outcome == "undone"
    assert "its error log" in outcome.why
    assert "Uncaught Error: boom" in outcome.why


def test_log_error_needs_a_log(make_bench):
    outcome = broken_by(make_bench, "log").apply()
    assert outcome.outcome == "changed"


def test_error_in_log_before_change_is_noise(make_bench):
    bench = broken_by(make_bench, "log", has_log=True)
    bench.first_facts  # noqa: B018  # read before the error is logged
    bench.site.log.append("PHP Fatal error:  Uncaught Error: boom in /srv/shop/wp-content/plugins/a/a.php:9")
    assert bench.apply().outcome == "changed"


def test_error_logged_only_once_is_ignored(make_bench):
    bench = make_bench(FakeSite(items=("a",), has_log=True))
    once = "PHP Fatal error:  Uncaught Error: once in /srv/shop/wp-content/plugins/a/a.php:9"
    bench.site.before["read"] = lambda: bench.site.log.append(once)
    assert bench.apply().outcome == "changed"


def test_php_error_is_named_as_cause(make_bench):
    bench = make_bench(FakeSite(items=("a",), has_log=True, breaks=[Break.of("a"), Break.of("a", by="log")]))
    outcome = bench.apply()
    assert "answers 500; PHP's error: Uncaught Error: boom in wp-content/plugins/a/a.php:9" in outcome.why
    assert "a: PHP's error: Uncaught Error: boom" in outcome.output


def test_half_done_change_is_rolled_back(make_bench):
    bench = make_bench(FakeSite(items=("a",), half={"a"}))
    outcome = bench.apply()
    assert bench.site.versions == {"a": "1.0"}
    assert "a is only partly installed: the disk went away" in outcome.why
    assert "a" in bench.holds()


def test_failed_change_keeps_its_reason(make_bench):
    bench = make_bench(FakeSite(items=("a",), fails={"a": "the package is damaged"}))
    outcome = bench.apply()
    assert (outcome.outcome, outcome.changes[0].why) == ("failed", "the package is damaged")
    assert not outcome.changes[0].uncertain


def test_cron_dead_before_is_no_damage(make_bench):
    bench = broken_by(make_bench, "cron")
    bench.site.codes["cron-before"] = Answer(255)
    assert bench.apply().outcome == "changed"


def test_unhealthy_site_is_not_touched(make_bench):
    bench = make_bench(FakeSite(items=("a",), sick="answers 500"))
    outcome = bench.apply()
    assert outcome.outcome == "failed"
    assert "the site was unhealthy before the update" in outcome.why
    assert not bench.remote.jobs
    assert not bench.holds()


def test_damage_undoes_without_a_health_check(make_bench):
    bench = broken_by(make_bench, "inactive")
    bench.apply()
    assert bench.emitted("trial.judged")[0].data["verdict"] == "undo"
    assert bench.prober.calls.index("examine") > bench.prober.calls.index("settle")
    assert bench.site.checks == 1, "only after the rollback"


# -- slower, unverified

SLOW = "slower than before: / takes 5.0 s; it took 0.2 s"


def test_slower_site_keeps_change_and_says_so(make_bench):
    outcome = broken_by(make_bench, "slower").apply()
    assert (outcome.outcome, outcome.changes[0].why) == ("changed", SLOW)


def test_slower_site_rolls_back_by_policy(make_bench):
    bench = broken_by(make_bench, "slower")
    bench.policy(slower=Slower.ROLL_BACK)
    outcome = bench.apply()
    assert (outcome.outcome, outcome.changes[0].why) == ("undone", SLOW)
    assert bench.holds() == {"a": SLOW}


def test_slower_group_names_the_group(make_bench):
    bench = make_bench(FakeSite(items=("a", "b"), breaks=[Break.of("a", by="slower")]))
    outcome = bench.apply()
    assert {one.why for one in outcome.changes} == {f"{SLOW} (with one of 2 updates applied together)"}


REFUSED = "the site asks for a password (401)"


@pytest.mark.parametrize(
    ("policy", "to", "expected"),
    [
        (None, "1.1", "changed"),
        (None, "2.0", "held"),
        (Unverified.KEEP, "2.0", "changed"),
        (Unverified.ASK, "1.1", "held"),
        (Unverified.SKIP, "1.1", "skipped"),
    ],
)
def test_unverified_change_follows_policy(make_bench, policy, to, expected):
    bench = make_bench(FakeSite(items=("a",), refuses=True))
    bench.plan = SitePlan(site="shop", client="acme", changes=(change("a", to=to),))
    bench.policy(unverified=policy)
    outcome = bench.apply()
    assert bench.outcomes(outcome) == {"a": expected}
    assert bool(bench.remote.jobs) == (expected == "changed")
    assert REFUSED in (outcome.changes[0].unverified or outcome.changes[0].why)


def test_kept_unseen_change_is_unverified(make_bench):
    bench = make_bench(FakeSite(items=("a",), refuses=True))
    bench.apply()
    assert REFUSED in bench.recorded().changes[0].unverified
    assert REFUSED in bench.emitted("trial.kept")[0].data["unverified"]


def test_seen_change_is_not_unverified(one):
    one.apply()
    assert not one.recorded().changes[0].unverified


def test_held_unseen_change_says_how_to_repeat(make_bench):
    bench = make_bench(FakeSite(items=("a",), refuses=True))
    bench.policy(unverified=Unverified.ASK)
    assert "sitecrew run weekly -l shop --unverified" in bench.apply().changes[0].why


def test_unproven_site_counts_as_unseen(make_bench):
    bench = make_bench(FakeSite(items=("a",), more={"unproven": "not proven to be the site"}))
    bench.policy(unverified=Unverified.SKIP)
    assert bench.outcomes(bench.apply()) == {"a": "skipped"}


# -- rollbacks that do not help


def test_rollback_without_effect_is_a_failure(make_bench):
    bench = make_bench(FakeSite(items=("a",), breaks=[Break.of("a")], stuck={"a"}))
    outcome = bench.apply()
    assert outcome.outcome == "failed"
    assert "/: answers 500; and after the rollback: /: answers 500" in outcome.why
    assert not bench.holds()
    assert bench.emitted("trial.undone")[0].data["healthy"] is False


@pytest.mark.parametrize(("stuck", "uncertain"), [({"a"}, True), (set(), False)])
def test_version_after_rollback_is_certain_when_reread(make_bench, stuck, uncertain):
    bench = make_bench(FakeSite(items=("a",), breaks=[Break.of("a")], stuck=stuck))
    assert bench.apply().changes[0].uncertain is uncertain


def test_version_is_uncertain_without_second_reading(make_bench):
    bench = make_bench(FakeSite(items=("a",), breaks=[Break.of("a")]))
    bench.site.codes["reread"] = Answer(1, "PHP is gone")
    outcome = bench.apply()
    assert (outcome.outcome, outcome.changes[0].uncertain) == ("failed", True)


def test_rollback_command_that_fails_is_seen(make_bench):
    bench = make_bench(FakeSite(items=("a",), breaks=[Break.of("a")]))
    bench.site.codes["undo"] = Answer(1, "no such file")
    outcome = bench.apply()
    assert (outcome.outcome, bench.site.versions) == ("failed", {"a": "1.1"})


def test_stale_cache_is_cleared_after_rollback(make_bench):
    bench = make_bench(FakeSite(items=("a",), breaks=[Break.of("a")], stale=4, more={"caches": ("pages",)}))
    outcome = bench.apply()
    assert outcome.outcome == "undone"
    assert bench.site.stale == 0


def test_cache_that_stays_stale_fails(make_bench):
    bench = make_bench(FakeSite(items=("a",), breaks=[Break.of("a")], stale=99, more={"caches": ("pages",)}))
    outcome = bench.apply()
    assert outcome.outcome == "failed"
    assert "a cache still serves the bad page: /: answers 500" in outcome.why


def test_cache_that_cannot_be_cleared_is_noted(make_bench):
    bench = make_bench(FakeSite(items=("a",), more={"caches": ("pages",)}))
    bench.site.codes["purge"] = Answer(0, "")
    outcome = bench.apply()
    assert outcome.outcome == "changed"
    assert "WordPress did not finish the purge" in outcome.why


# -- what ends a trial before it can be judged


def test_failed_settling_rolls_back_without_a_hold(one):
    with_options(one, settles=True)
    one.site.codes["settle"] = Answer(1, "cannot attach the mount")
    outcome = one.apply()
    assert (outcome.outcome, one.site.versions) == ("failed", {"a": "1.0"})
    assert "could not be restored into them: cannot attach the mount" in outcome.why
    assert not one.holds()
    assert not one.emitted("trial.judged")


def test_settling_runs_after_the_change(one):
    with_options(one, settles=True)
    one.apply()
    assert one.site.ran.index("change") + 1 == one.site.ran.index("settle")


@pytest.mark.parametrize(
    ("command", "said", "why"),
    [
        ("save", "permission denied", "permission denied"),
        ("save", "cp: No space left on device", "df -h /srv/shop"),
        ("save-database", "", "restore point"),
    ],
)
def test_change_needs_its_restore_point(one, command, said, why):
    one.site.codes[command] = Answer(1, said)
    outcome = one.apply()
    assert outcome.outcome == "failed"
    assert why in outcome.why
    assert "change" not in one.site.ran
    assert not one.holds()


def test_full_disk_rolls_back_without_a_hold(one):
    one.site.before["change"] = lambda: one.site.versions.update(a="1.1")
    one.site.codes["change"] = Answer(1, "", "nospace")
    outcome = one.apply()
    assert (outcome.outcome, one.site.versions) == ("failed", {"a": "1.0"})
    assert "no space left on the host" in outcome.why
    assert not one.holds()


@pytest.mark.parametrize("status", ["nospace", "nofolder", "public", "nosite", "nolock"])
def test_refused_job_is_no_fault_of_its_items(make_bench, status):
    bench = make_bench(FakeSite(items=("a", "b")))
    bench.remote.refuses = status
    outcome = bench.apply()
    assert bench.outcomes(outcome) == {"a": "failed", "b": "failed"}
    assert not bench.holds()
    assert len(bench.remote.jobs) == 1, "the next trial would end the same way"
    assert bench.site.versions == {"a": "1.0", "b": "1.0"}


REASONS = {
    "nospace": "no space left on the host",
    "public": "restore points",
    "nofolder": "no folder",
    "nosite": "the site's folder",
    "nolock": "the site's lock",
}


@pytest.mark.parametrize("status", REASONS)
def test_refused_job_says_why(one, status):
    one.remote.refuses = status
    assert REASONS[status] in one.apply().why


def test_change_without_a_way_back_is_not_started(one):
    with_options(one, guarded=False)
    with pytest.raises(HostError, match=r"cannot be (taken|rolled) back"):
        one.apply()
    assert not one.remote.jobs


def test_lock_of_another_run_stops_everything(one):
    one.remote.owners["/srv/shop"] = "monthly-7/shop"
    with pytest.raises(LockedError, match="monthly-7 is working on this site"):
        one.apply()
    assert one.jobs() == {1001: ("acked", "locked")}
    assert one.site.ran == []


def test_own_lock_is_taken_again(one):
    one.remote.owners["/srv/shop"] = "weekly-1/shop"
    assert one.apply().outcome == "changed"


def test_unreachable_host_starts_nothing(one):
    one.remote.failures["run"] = [UnreachableError("cannot connect to web1")]
    with pytest.raises(UnreachableError):
        one.apply()
    assert not one.remote.jobs


def test_restore_point_is_recorded_before_the_job(one):
    one.remote.failures["run"] = [UnreachableError("cannot connect to web1")]
    with pytest.raises(UnreachableError):
        one.apply()
    (view,) = one.ledger.runs.show("weekly-1").sites
    assert [point.items for point in view.restore_points] == [("a",)]


@pytest.mark.parametrize("command", ["save", "change", "read"])
def test_cancelled_trial_is_rolled_back(one, command):
    one.site.before[command] = one.stop.ask
    outcome = one.apply()
    assert one.outcomes(outcome) == {"a": "cancelled"}
    assert one.site.versions == {"a": "1.0"}
    assert not one.holds()


def test_cancel_during_the_check_wins(one):
    one.prober.during["examine"] = one.stop.ask
    outcome = one.apply()
    assert (outcome.outcome, one.site.versions) == ("cancelled", {"a": "1.0"})


def test_cancel_after_the_verdict_keeps(one):
    one.site.before["mark-database"] = one.stop.ask
    outcome = one.apply()
    assert (outcome.outcome, one.site.versions) == ("changed", {"a": "1.1"})


def test_failed_commit_is_noted_beside_a_kept_change(one):
    with_options(one, keeps=True)
    one.site.codes["keep"] = Answer(1, "nothing to commit")
    outcome = one.apply()
    assert outcome.outcome == "changed"
    assert "nothing to commit" in outcome.why


# -- died, cut, late


def test_dead_job_is_rolled_back_by_another(one):
    one.remote.faults = [Fault(FaultKind.DIE, AWAITING)]
    outcome = one.apply()
    assert (outcome.outcome, one.site.versions) == ("failed", {"a": "1.0"})
    assert "killed" in outcome.why
    assert len(one.remote.jobs) == 2
    assert not one.holds()


def test_both_jobs_of_a_death_are_acknowledged(one):
    one.remote.faults = [Fault(FaultKind.DIE, AWAITING)]
    one.apply()
    assert all(job.acknowledged for job in one.remote.jobs.values())


def test_rollback_that_dies_too_is_lost(one):
    at = AWAITING
    one.remote.faults = [Fault(FaultKind.DIE, at), Fault(FaultKind.DIE, at + 2)]
    with pytest.raises(LostError):
        one.apply()


@pytest.mark.parametrize("error", [UnreachableError("cannot connect"), LockedError("another run")])
def test_death_without_rollback_is_lost(one, error):
    at = AWAITING
    one.remote.faults = [Fault(FaultKind.DIE, at)]
    one.site.before["cron"] = lambda: one.remote.failures.update(run=[error])
    with pytest.raises(LostError, match="nothing could be rolled back"):
        one.apply()
    assert one.jobs()[1001][0] == "started"


def test_killed_driver_rolls_back_on_the_host(one):
    one.remote.faults = [Fault(FaultKind.DRIVER, AWAITING - 4)]
    outcome = one.apply()
    assert (outcome.outcome, one.site.versions) == ("failed", {"a": "1.0"})
    assert len(one.remote.jobs) == 1
    assert not one.holds()


def test_unattended_change_is_reviewed_and_kept(one):
    one.remote.faults = [Fault(FaultKind.AWAY, AWAITING)]
    outcome = one.apply()
    assert (outcome.outcome, one.site.versions) == ("changed", {"a": "1.1"})
    assert len(one.remote.jobs) == 2
    assert one.site.checks == 1


def test_unattended_change_is_reviewed_and_rolled_back(make_bench):
    bench = make_bench(FakeSite(items=("a",), breaks=[Break.of("a")]))
    bench.remote.faults = [Fault(FaultKind.AWAY, AWAITING)]
    outcome = bench.apply()
    assert (outcome.outcome, bench.site.versions) == ("undone", {"a": "1.0"})
    assert "answers 500" in bench.holds()["a"]


def test_change_unattended_twice_is_lost(one):
    at = AWAITING
    one.remote.faults = [Fault(FaultKind.AWAY, at), Fault(FaultKind.LATE, at + 1)]
    with pytest.raises(LostError, match="changes kept by the host, not verified by the controller"):
        one.apply()


def test_host_that_rolls_back_unattended_is_believed(make_bench):
    bench = make_bench(FakeSite(items=("a",), breaks=[Break.of("a")], host_is_content=False))
    bench.remote.faults = [Fault(FaultKind.AWAY, AWAITING)]
    outcome = bench.apply()
    assert (outcome.outcome, bench.site.versions) == ("undone", {"a": "1.0"})
    assert "its host" in outcome.why
    assert len(bench.remote.jobs) == 1


@pytest.mark.parametrize(("breaks", "expected"), [([], "changed"), ([Break.of("a")], "undone")])
def test_late_verdict_is_reviewed(make_bench, breaks, expected):
    bench = make_bench(FakeSite(items=("a",), breaks=breaks))
    bench.remote.faults = [Fault(FaultKind.LATE, 1)]
    assert bench.apply().outcome == expected
    assert len(bench.remote.jobs) == 2


def test_cut_connection_that_returns_changes_nothing(one):
    one.remote.faults = [Fault(FaultKind.CUT, AWAITING)]
    assert one.apply().outcome == "changed"
    assert one.site.updates == {"a": 1}


def test_lost_connection_leaves_the_job_open(one):
    one.remote.faults = [Fault(FaultKind.LOST, 5)]
    with pytest.raises(LostError):
        one.apply()
    assert one.jobs() == {1001: ("started", None)}


def test_job_ends_on_record_before_it_is_forgotten(one):
    one.remote.failures["acknowledge"] = [ControllerKilled()]
    one.killed()
    assert one.jobs() == {1001: ("ended", "ok")}


def test_broken_acknowledgement_does_not_matter(one):
    one.remote.failures["acknowledge"] = [UnreachableError("gone")]
    assert one.apply().outcome == "changed"
    assert one.jobs() == {1001: ("ended", "ok")}


# -- database


def data(**more: object) -> Database:
    return Database(spoiled_by="a", **more)


def spoiled(make_bench, rule: UndoDatabase = UndoDatabase.WHEN_NOTHING_LOST, **more: object) -> Bench:
    bench = make_bench(FakeSite(items=("a",), database=data(**more)))
    bench.policy(undo_database=rule)
    return bench


@pytest.mark.parametrize(("needs", "tables"), [("options", 0), ("schema", 1), ("tables", 2), ("all", 3)])
@pytest.mark.parametrize("host_sees", [True, False])
def test_database_is_restored_as_far_as_needed(make_bench, needs, tables, host_sees):
    bench = spoiled(make_bench, needs=needs, host_sees=host_sees)
    outcome = bench.apply()
    assert outcome.outcome == "undone"
    assert bench.site.database.spoiled == ""
    assert len(bench.emitted("trial.undone")[0].data["database"]["tables"]) == tables


@pytest.mark.parametrize(("needs", "jobs"), [("schema", 1), ("tables", 2), ("all", 3)])
def test_each_stage_beyond_the_host_is_a_job(make_bench, needs, jobs):
    bench = spoiled(make_bench, needs=needs, host_sees=False)
    bench.apply()
    assert list(bench.jobs())[1:] == [1001 + 300 * n for n in range(1, jobs + 1)]
    assert set(bench.jobs().values()) >= {("acked", "ok")}


LOST = {"tables": {"orders": 2}, "all": {"orders": 2}}


def test_database_stays_when_orders_would_be_lost(make_bench):
    bench = spoiled(make_bench, needs="tables", lost=LOST)
    outcome = bench.apply()
    assert outcome.outcome == "failed"
    assert "2 orders would be lost" in outcome.why
    assert "sitecrew undo weekly-1 -l shop --database" in outcome.why
    assert bench.site.database.spoiled == "tables"


def test_database_is_restored_always_by_policy(make_bench):
    bench = spoiled(make_bench, UndoDatabase.ALWAYS, needs="tables", lost=LOST)
    outcome = bench.apply()
    assert outcome.outcome == "undone"
    assert "lost with it: 2 orders" in outcome.why
    assert bench.emitted("trial.undone")[0].data["database"]["lost"] == {"orders": 2}


def test_database_rule_ask_says_so(make_bench):
    bench = spoiled(make_bench, UndoDatabase.ASK, needs="tables", lost=LOST)
    assert "policy.undo.database is ask" in bench.apply().why


def test_database_rule_never_touches_nothing(make_bench):
    bench = spoiled(make_bench, UndoDatabase.NEVER)
    outcome = bench.apply()
    assert "policy.undo.database is never" in outcome.why
    assert not {"save-database", "mark-database", "database"} & set(bench.site.ran)


def test_database_is_marked_when_change_is_kept(one):
    one.apply()
    assert "mark-database" in one.site.ran
    assert "database" not in one.site.ran


def test_impossible_copy_of_database_is_named(make_bench):
    bench = spoiled(make_bench, impossible="the tables are too large")
    assert "the tables are too large" in bench.apply().why


def test_database_that_suffices_not_is_reported(make_bench):
    bench = spoiled(make_bench, needs="all", lost={"all": {"posts": 1}}, host_sees=False)
    outcome = bench.apply()
    assert outcome.outcome == "failed"
    assert "1 post would be lost" in outcome.why


def test_size_of_database_copy_is_recorded(one):
    one.apply()
    (view,) = one.ledger.runs.show("weekly-1").sites
    assert {point.path.endswith("/database"): point.size for point in view.restore_points}[True] == 100


def test_lost_job_of_a_later_stage_is_lost(make_bench):
    bench = spoiled(make_bench, needs="schema", host_sees=False)
    total = len(_events_of(make_bench, needs="schema", host_sees=False))
    bench.remote.faults = [Fault(FaultKind.LOST, total - 2)]
    with pytest.raises(LostError):
        bench.apply()


def _events_of(make_bench, **more: object) -> list[object]:
    bench = spoiled(make_bench, **more)
    bench.apply()
    return list(bench.remote.events)
