"""Releases: uploaded, switched to, checked, and switched back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from runner.apply.files.deadline import StoppedError
from runner.errors import LostError, SecretError, UnreachableError, UsageError
from runner.hosts.fake import Answer, Fault, FaultKind
from runner.model import Outcome, SiteKind, Step, StepOutcome, UndoOrder, Unverified
from runner.plan import Barrier
from runner.steps import Where
from runner.steps.static import ReleaseOptions
from runner.steps.static.layout import Standing, SwitchOrder
from tests.apply.closing import ROLLBACK, WHY, Watched, closing
from tests.apply.conftest import Bench
from tests.apply.fakesite import FakeSite

if TYPE_CHECKING:
    from runner.execute import Command

OLD, NEW = "20261101T000000Z-aaaa", "20261103T000000Z-bbbb"
EVENTS = 8
"""Of the job of a release that is kept: start, lock, begin, output, end, wait, verdict, end."""


@dataclass
class FakeReleases(FakeSite):
    """A static site that serves one of its releases."""

    served: str = OLD
    bad: tuple[str, ...] = ()
    """Releases that do not work."""
    switches: list[str] = field(default_factory=list)
    back: Answer | None = None

    def findings(self) -> tuple[str, ...]:
        return ("answers 500",) if self.served in self.bad or self.sick else ()

    def answer(self, command: Command) -> Answer:
        self.ran.append(command.id)
        if action := self.before.get(command.id):
            action()
        if command.id == "s0":
            return self.codes.get("s0") or self._switch(command.text)
        if command.id == "back":
            if self.back is None:
                self.served = OLD
            return self.back or Answer()
        return Answer()

    def _switch(self, text: str) -> Answer:
        mark, name = (re.search(rf"^{key}='?([^'\n]+)", text, re.MULTILINE)[1] for key in ("mark", "name"))
        old, self.served = self.served, name
        self.switches.append(name)
        return Answer(output=f"{mark} from {old}\n{mark} to {name}\n")


@dataclass
class Releasing:
    bench: Bench
    site: FakeReleases
    step: Step
    sent: list[Any]
    """What each upload comes to; the last one stays."""
    uploads: int = 0

    def upload(self, *_: object) -> object:
        self.uploads += 1
        found = self.sent.pop(0) if len(self.sent) > 1 else self.sent[0]
        if isinstance(found, Exception):
            raise found
        return found

    def run(self) -> StepOutcome:
        (outcome,) = self.bench.run(Barrier(1, self.step, Where.UPLOAD))
        return outcome

    def resume(self) -> StepOutcome:
        self.bench.attempt += 1
        return self.run()


ORDER = SwitchOrder(name=NEW, standing=Standing(path="link", target=f"shop.releases/{OLD}"))


@pytest.fixture
def make(make_bench, monkeypatch):
    def make(*sent: object, retries: int = 0, force: bool = False, **site: Any) -> Releasing:
        releases = FakeReleases(**site)
        bench = make_bench(releases, begin=False, kind=SiteKind.STATIC)
        bench._facts = None
        options = ReleaseOptions(source="dist", force=force)
        step = Step(id="release", kind="static.release", options=options, retries=retries)
        bench.begin(step)
        made = Releasing(bench, releases, step, list(sent) or [ORDER])
        for name in ("gather", "recall", "roll_back_release"):
            monkeypatch.setattr(f"runner.apply.files.upload.{name}", made.upload, raising=False)
        return made

    return make


def test_healthy_release_is_kept(make):
    release = make()
    outcome = release.run()
    assert (outcome.outcome, release.site.served) == ("changed", NEW)
    assert (outcome.changes[0].from_version, outcome.changes[0].to_version) == (OLD, NEW)
    assert release.bench.jobs() == {1: ("acked", "ok")}
    assert len(release.bench.remote.events) == EVENTS


def test_broken_release_is_switched_back(make):
    release = make(bad=(NEW,))
    outcome = release.run()
    assert (outcome.outcome, release.site.served) == ("undone", OLD)
    assert outcome.why == "release: /: answers 500"
    (job,) = release.bench.ledger.jobs.list("weekly-1", "shop")
    assert job.undo_seconds is not None
    assert outcome.changes[0].outcome == "undone"
    assert release.bench.jobs() == {1: ("acked", "undone")}


def test_broken_release_is_switched_back_with_force_too(make):
    release = make(bad=(NEW,), force=True)
    assert (release.run().outcome, release.site.served) == ("undone", OLD)


def test_unhealthy_site_takes_a_release_that_repairs_it(make):
    release = make(bad=(OLD,))
    assert (release.run().outcome, release.site.served) == ("changed", NEW)


def test_site_broken_after_the_way_back_fails(make):
    release = make(bad=(NEW,))
    release.site.before["back"] = lambda: setattr(release.site, "sick", "yes")
    outcome = release.run()
    assert outcome.outcome == "failed"
    assert outcome.why == "release: /: answers 500; and after it was switched back: /: answers 500"


def test_link_that_stays_makes_the_release_uncertain(make):
    release = make(bad=(NEW,), back=Answer(1))
    outcome = release.run()
    assert (outcome.outcome, outcome.changes[0].uncertain) == ("failed", True)
    assert "the link could not be switched back" in outcome.why


@pytest.mark.parametrize(
    ("policy", "expected", "served"),
    [
        (None, "changed", NEW),
        (Unverified.KEEP, "changed", NEW),
        (Unverified.ASK, "held", OLD),
        (Unverified.SKIP, "skipped", OLD),
    ],
)
def test_unseen_release_follows_policy(make, policy, expected, served):
    release = make(refuses=True)
    release.bench.policy(unverified=policy)
    assert (release.run().outcome, release.site.served) == (expected, served)
    assert release.bench.recorded("release").outcome == expected


def test_unseen_release_is_unverified(make):
    outcome = make(refuses=True).run()
    assert "the site asks for a password (401)" in outcome.changes[0].unverified


def test_seen_release_is_not_unverified(make):
    assert not make().run().changes[0].unverified


# -- unattended


def test_unattended_release_is_checked_and_kept(make):
    release = make()
    release.bench.remote.faults = [Fault(FaultKind.AWAY, 6)]
    assert (release.run().outcome, release.site.served) == ("changed", NEW)
    assert release.site.checks == 1


def test_unattended_release_is_switched_back_afterwards(make):
    release = make(bad=(NEW,))
    release.bench.remote.faults = [Fault(FaultKind.AWAY, 6)]
    outcome = release.run()
    assert (outcome.outcome, release.site.served) == ("undone", OLD)
    assert ("read", "back") in release.bench.remote.calls


def test_unattended_release_without_a_way_back_is_uncertain(make):
    release = make(bad=(NEW,))
    release.bench.remote.faults = [Fault(FaultKind.AWAY, 6)]
    release.bench.remote.failures["read"] = [UnreachableError("gone")]
    outcome = release.run()
    assert (outcome.outcome, outcome.changes[0].uncertain, release.site.served) == ("failed", True, NEW)


# -- uploads


@pytest.mark.parametrize("failures", [1, 2])
def test_failed_upload_is_retried(make, failures):
    release = make(*[UsageError("no space")] * failures, ORDER, retries=2)
    outcome = release.run()
    assert (outcome.outcome, release.uploads) == ("changed", failures + 1)
    assert outcome.why.endswith(f"on try {failures + 1} of 3")
    assert [event.data["why"] for event in release.bench.emitted("step.retried")] == ["no space"] * failures


@pytest.mark.parametrize("error", [UsageError("no space", hint="df -h"), SecretError("no such variable")])
def test_upload_that_never_succeeds_fails(make, error):
    release = make(error, retries=1)
    outcome = release.run()
    assert outcome.outcome == "failed"
    assert outcome.why.startswith(str(error))
    assert outcome.why.endswith("tried 2 times")
    assert not release.bench.remote.jobs


def test_failed_switch_is_not_retried(make):
    release = make(retries=3)
    release.site.codes["s0"] = Answer(1, "no-rename\n")
    outcome = release.run()
    assert (outcome.outcome, release.uploads) == ("failed", 1)
    assert len(release.bench.remote.jobs) == 1
    assert "tried" not in outcome.why


def test_release_that_is_online_needs_no_job(make):
    release = make(StepOutcome(step="release", outcome=Outcome.OK))
    assert release.run().outcome == "ok"
    assert not release.bench.remote.jobs
    assert release.bench.recorded("release").outcome == "ok"


@pytest.mark.parametrize("outcome", [Outcome.CANCELLED, Outcome.FAILED])
def test_stopped_upload_has_its_own_outcome(make, outcome):
    assert make(StoppedError(outcome, "stopped")).run().outcome == outcome


def test_cancel_between_uploads_starts_no_job(make):
    release = make(UsageError("no space"), ORDER, retries=1)
    release.bench.stop.asked.on_wait = release.bench.stop.ask
    assert release.run().outcome == "cancelled"
    assert (release.uploads, release.site.served) == (1, OLD)


@pytest.mark.parametrize("bad", [(), (NEW,)], ids=["good", "bad"])
@pytest.mark.parametrize("at", range(1, EVENTS + 1))
def test_release_is_kept_or_switched_back_as_the_window_closes(make, at, bad):
    release = make(bad=bad)
    release.bench.stop = stop = closing()
    release.bench.remote.events = Watched(at, lambda: stop.close(ROLLBACK))
    outcome = release.run()
    if outcome.outcome == "changed":
        assert (release.site.served, bad) == (NEW, ())
        return
    assert release.site.served == OLD
    assert outcome.outcome == "undone" or outcome.why.endswith(WHY)
    assert release.bench.jobs()[1][0] == "acked"


def test_no_job_is_started_after_an_upload_that_the_close_stopped(make):
    release = make(UsageError("no space"), ORDER, retries=1)
    release.bench.stop = stop = closing()
    stop.asked.on_wait = lambda: stop.close(ROLLBACK)
    assert (release.run().why, release.uploads, release.site.served) == (f"{WHY} between two tries", 1, OLD)


def test_broken_connection_is_not_a_failure(make):
    release = make(UnreachableError("the connection broke"), retries=3)
    with pytest.raises(UnreachableError):
        release.run()
    assert release.uploads == 1


# -- interrupted


@pytest.mark.parametrize("bad", [(), (NEW,)], ids=["good", "bad"])
@pytest.mark.parametrize("kind", [FaultKind.KILL, FaultKind.LOST])
@pytest.mark.parametrize("at", range(1, EVENTS + 1))
def test_interrupted_release_ends_as_it_would_have(make, at, kind, bad):
    release = make(bad=bad)
    release.bench.remote.faults = [Fault(kind, at)]
    if kind is FaultKind.KILL:
        release.bench.killed(release.run)
    else:
        with pytest.raises(LostError):
            release.run()
    outcome = release.resume()
    assert (outcome.outcome, release.site.served) == (("undone", OLD) if bad else ("changed", NEW))
    assert release.site.switches == [NEW]
    assert release.uploads == 1
    assert release.bench.jobs()[1][0] == "acked"


@pytest.mark.parametrize("at", range(1, 7))
def test_waiting_release_is_judged_by_the_next_attempt(make, at):
    release = make(bad=(NEW,))
    release.bench.remote.still_waits = True
    release.bench.remote.faults = [Fault(FaultKind.KILL, at)]
    release.bench.killed(release.run)
    outcome = release.resume()
    assert (outcome.outcome, release.site.served) == ("undone", OLD)


def test_job_that_never_reached_the_host_is_sent_again(make):
    release = make()
    release.bench.remote.failures["run"] = [LostError("how it ended is unknown")]
    with pytest.raises(LostError):
        release.run()
    outcome = release.resume()
    assert (outcome.outcome, release.uploads) == ("changed", 2)


# -- undo


def undoing(release: Releasing) -> Releasing:
    release.bench.order = replace(release.bench.order, undo=UndoOrder(run="weekly-1"))
    return release


def test_undone_release_is_undone(make):
    release = undoing(make())
    assert (release.run().outcome, release.site.served) == ("undone", NEW)


def test_undo_that_breaks_a_static_site_is_left(make):
    release = undoing(make(bad=(NEW,)))
    outcome = release.run()
    assert (outcome.outcome, release.site.served) == ("failed", OLD)
    assert "left as it was: /: answers 500" in outcome.why


def test_undone_release_of_an_unhealthy_site_fails(make):
    release = undoing(make(bad=(OLD, NEW)))
    outcome = release.run()
    assert (outcome.outcome, outcome.changes[0].outcome) == ("failed", "undone")
    assert "/: answers 500" in outcome.why
