"""Packages of a host: changed once for all of its sites, retried, and rebooted."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from runner.apply.packages import update_packages
from runner.errors import LockedError, LostError, UnreachableError
from runner.hosts.fake import Answer, ControllerKilled, Fault, FaultKind
from runner.model import Step
from runner.plan import Barrier
from runner.steps import Where
from runner.steps.packages import PackagesOptions
from tests.apply.closing import CLOSES, WHY, Watched, closing
from tests.apply.conftest import Bench
from tests.apply.fakesite import the_site

if TYPE_CHECKING:
    from runner.execute import Command

_MARK = re.compile(r"[0-9a-f]{32}")
EVENTS = 9
"""Of a job that changes packages: start, lock, twice begin, output and end, end of the job."""


@dataclass
class Packages:
    """The packages of a host."""

    version: str = "1.0"
    busy: int = 0
    """So many of the next upgrades fail."""
    wants_reboot: bool = False
    boots: int = 1
    root: bool = True
    upgrades: int = 0
    codes: dict[str, Answer] = field(default_factory=dict)

    def answer(self, command: Command) -> Answer:  # noqa: PLR0911 - a table of commands
        if (found := self.codes.get(command.id)) is not None:
            return found
        mark = (_MARK.search(command.text) or [""])[0]
        match command.id:
            case "system":
                offered = "Inst openssl [1.0] (1.1 Debian-Security:12/stable-security [amd64])"
                upgrade = offered if self.version == "1.0" else ""
                who = "0" if self.root else "1000"
                return self._sections(
                    mark, before=self._installed, update="", upgrade=upgrade, policy="", who=who
                )
            case "change":
                return self._upgrade(mark)
            case "reread":
                return self._sections(mark, after=self._installed)
            case "reboot":
                self.boots += 1
                return self._sections(mark, rebooting="")
            case "boot":
                return self._sections(mark, state="running")
        return Answer()

    @property
    def _installed(self) -> str:
        return f"ii \topenssl\tamd64\t{self.version}"

    def _upgrade(self, mark: str) -> Answer:
        before = self._installed
        if self.busy:
            self.busy -= 1
            return replace(self._sections(mark, before=before, upgrade="E: no network"), code=100)
        self.upgrades += 1
        self.version = "1.1"
        return self._sections(mark, before=before, upgrade="done")

    def _sections(self, mark: str, **sections: str) -> Answer:
        sections["boot"] = f"boot-{self.boots}"
        sections["reboot"] = "openssl" if self.wants_reboot and self.boots == 1 else ""
        lines = [f"{mark} manager apt", f"{mark} native amd64"]
        for name, text in sections.items():
            lines += [f"{mark} begin {name}", text, f"{mark} end {name} 0"]
        return Answer(output="\n".join(lines) + "\n")


@dataclass
class HostBench:
    """A bench with two sites on one host."""

    bench: Bench
    packages: Packages
    step: Step

    def run(self, site: int = 0) -> object:
        (outcome,) = update_packages(
            self.bench.context(self.bench.order.sites[site]), Barrier(1, self.step, Where.SYSTEM)
        )
        return outcome


@pytest.fixture
def make_host(make_bench):
    def make(*, retries: int = 0, reboot: str = "never", other_client: bool = False) -> HostBench:
        bench, packages = make_bench(begin=False), Packages()
        bench.remote.answers = packages.answer
        other = the_site(name="blog", client="bolt" if other_client else "acme", path="/srv/blog")
        clients = {**bench.order.clients, "bolt": replace(bench.order.clients["acme"], id="bolt")}
        bench.order = replace(bench.order, sites=(*bench.order.sites, other), clients=clients)
        options = PackagesOptions(upgrade="all", reboot=reboot)
        step = Step(id="packages", kind="system.packages", options=options, retries=retries)
        bench.begin(step)
        return HostBench(bench, packages, step)

    return make


@pytest.fixture
def host(make_host) -> HostBench:
    return make_host()


def test_packages_are_changed_in_one_job(host):
    outcome = host.run()
    assert (outcome.outcome, host.packages.version) == ("changed", "1.1")
    assert host.bench.jobs() == {1: ("acked", "ok")}
    assert len(host.bench.remote.events) == EVENTS


def test_nothing_newer_starts_no_job(host):
    host.packages.version = "1.1"
    assert host.run().outcome == "ok"
    assert not host.bench.remote.jobs


def test_second_site_of_the_host_changes_nothing(host):
    host.run()
    outcome = host.run(1)
    assert (outcome.outcome, outcome.why) == ("ok", "done once for the host, with shop")
    assert host.packages.upgrades == 1
    assert host.bench.remote.count("run") == 1


def test_site_of_another_client_tells_the_changes(make_host):
    host = make_host(other_client=True)
    host.run()
    outcome = host.run(1)
    assert (outcome.outcome, outcome.why) == ("changed", "done once for the host")
    assert [one.item for one in outcome.changes] == ["openssl"]


def test_failure_is_shared_and_not_repeated(host):
    host.packages.busy = 9
    host.run()
    outcome = host.run(1)
    assert outcome.outcome == "failed"
    assert outcome.why.startswith("done once for the host, with shop: ")
    assert host.bench.remote.count("run") == 1


@pytest.mark.parametrize(("busy", "expected"), [(1, "changed"), (2, "changed"), (3, "failed")])
def test_failed_upgrade_is_retried_in_a_new_job(make_host, busy, expected):
    host = make_host(retries=2)
    host.packages.busy = busy
    outcome = host.run()
    assert outcome.outcome == expected
    assert len(host.bench.remote.jobs) == min(busy + 1, 3)
    assert outcome.why.endswith({1: "on try 2 of 3", 2: "on try 3 of 3", 3: "tried 3 times"}[busy])
    assert all(job.acknowledged for job in host.bench.remote.jobs.values())


@pytest.mark.parametrize("at", range(1, 2 * EVENTS + 1))
def test_killed_controller_upgrades_once(make_host, at):
    host = make_host(retries=1)
    host.packages.busy = 1
    host.bench.remote.faults = [Fault(FaultKind.KILL, at)]
    host.bench.killed(host.run)
    host.bench.attempt = 2
    outcome = host.run()
    assert (outcome.outcome, outcome.why) == ("changed", "on try 2 of 2")
    assert host.packages.upgrades == 1
    assert len(host.bench.remote.jobs) == 2


@pytest.mark.parametrize("at", range(1, EVENTS + 1))
def test_other_site_takes_over_the_job(host, at):
    host.bench.remote.faults = [Fault(FaultKind.KILL, at)]
    host.bench.killed(host.run)
    host.bench.attempt = 2
    assert host.run(1).outcome == "changed"
    assert len(host.bench.remote.jobs) == 1
    assert host.packages.upgrades == 1


def test_job_that_another_site_finished_is_closed(host):
    host.bench.remote.faults = [Fault(FaultKind.KILL, 5)]
    host.bench.killed(host.run)
    host.bench.attempt = 2
    host.run(1)
    assert host.run(0).outcome == "ok"
    assert host.bench.jobs() == {1: ("acked", "ok")}
    assert host.packages.upgrades == 1


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_tries_of_all_attempts_count(make_host, retries):
    host = make_host(retries=retries)
    host.packages.busy = 99
    host.bench.remote.faults = [Fault(FaultKind.KILL, EVENTS * retries + 4)]
    host.bench.killed(host.run)
    host.bench.attempt = 2
    assert host.run().outcome == "failed"
    assert len(host.bench.remote.jobs) == retries + 1


def test_dead_job_is_lost_until_it_is_read_again(host):
    host.bench.remote.faults = [Fault(FaultKind.DIE, 4)]
    host.packages.codes["reread"] = Answer(1)
    with pytest.raises(LostError, match="killed while packages were changed"):
        host.run()
    assert host.bench.recorded("packages").outcome == "lost"
    assert host.bench.jobs() == {1: ("acked", "died")}


def test_lock_of_another_run_is_respected(host):
    host.bench.remote.owners["/"] = "monthly-7/system"
    with pytest.raises(LockedError, match="another run is updating the packages of this host"):
        host.run()
    assert host.bench.jobs() == {1: ("acked", "locked")}
    assert host.packages.upgrades == 0


def test_login_without_root_fails(host):
    host.packages.root = False
    outcome = host.run()
    assert outcome.outcome == "failed"
    assert "needs root" in outcome.why


def test_unreadable_packages_fail_without_a_job(host):
    host.packages.codes["system"] = Answer(1, "sh: apt-get: not found\n")
    assert host.run().outcome == "failed"
    assert not host.bench.remote.jobs


def test_unreachable_host_is_no_failure(host):
    host.bench.remote.offline = True
    with pytest.raises(UnreachableError):
        host.run()
    assert host.bench.recorded("packages").outcome is None


def test_cancelled_upgrade_is_cancelled(host):
    upgrade = host.packages.answer

    def cancel(command: Command) -> Answer:
        if command.id == "change":
            host.bench.stop.ask()
        return upgrade(command)

    host.bench.remote.answers = cancel
    assert host.run().outcome == "cancelled"
    assert host.bench.jobs() == {1: ("acked", "cancelled")}


@pytest.mark.parametrize(
    ("reboot", "why", "boots"),
    [("never", "a reboot is needed (openssl)", 1), ("when-needed", "rebooted, and back after 0 s", 2)],
)
def test_reboot_follows_the_options(make_host, reboot, why, boots):
    host = make_host(reboot=reboot)
    host.packages.wants_reboot = True
    outcome = host.run()
    assert (outcome.outcome, outcome.why, host.packages.boots) == ("changed", why, boots)


@pytest.mark.parametrize("at", range(1, EVENTS + 1))
def test_packages_are_installed_to_the_end_as_the_window_closes(make_host, at):
    host = make_host(reboot="when-needed")
    host.packages.wants_reboot = True
    host.bench.stop = stop = closing()
    host.bench.remote.events = Watched(at, lambda: stop.close(CLOSES))
    outcome = host.run()
    assert (outcome.outcome, host.packages.version, host.packages.boots) == ("changed", "1.1", 1)
    assert outcome.why == f"a reboot is needed (openssl); not rebooted: {WHY}"


def test_failed_upgrade_is_not_rebooted(make_host):
    host = make_host(reboot="when-needed")
    host.packages.wants_reboot, host.packages.busy = True, 1
    outcome = host.run()
    assert "a reboot is needed (openssl)" in outcome.why
    assert host.packages.boots == 1


def test_refused_reboot_fails_the_step(make_host):
    host = make_host(reboot="when-needed")
    host.packages.wants_reboot = True
    host.bench.remote.answers = _refusing(host.packages)
    outcome = host.run()
    assert outcome.outcome == "failed"
    assert "not rebooted: you may not" in outcome.why


def _refusing(packages: Packages):
    def answer(command: Command) -> Answer:
        if command.id == "reboot":
            mark = (_MARK.search(command.text) or [""])[0]
            return Answer(output=f"{mark} begin rebooting\nyou may not\nstatus 1\n{mark} end rebooting 0\n")
        return packages.answer(command)

    return answer


def test_outcome_is_on_record_before_the_host_forgets(host):
    host.bench.remote.failures["acknowledge"] = [ControllerKilled()]
    host.bench.killed(host.run)
    assert host.bench.recorded("packages").outcome == "changed"
    assert host.bench.jobs() == {1: ("ended", "ok")}
