"""The packages of a host: by real apt, dpkg, dnf and rpm, on roots of their own."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.shell import until
from tests.crew import ended, kill, read_until
from tests.patching import Patching, a_host, holding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.packages_root_host import PackageHost


@pytest.fixture(scope="module")
def apt_host() -> Iterator[PackageHost]:
    with a_host("apt") as host:
        yield host


@pytest.fixture(scope="module")
def dnf_host() -> Iterator[PackageHost]:
    with a_host("dnf") as host:
        yield host


@pytest.fixture
def apt(apt_host: PackageHost, tmp_path: Path) -> Patching:
    apt_host.reset()
    return Patching(apt_host, tmp_path / "workspace")


@pytest.fixture
def dnf(dnf_host: PackageHost, tmp_path: Path) -> Patching:
    dnf_host.reset()
    return Patching(dnf_host, tmp_path / "workspace")


@pytest.fixture(params=["apt", "dnf"])
def either(request: pytest.FixtureRequest) -> Patching:
    found: Patching = request.getfixturevalue(request.param)
    return found


apt_usually = pytest.mark.parametrize(
    "either", ["apt", pytest.param("dnf", marks=pytest.mark.long)], indirect=True
)
"""For what is the same code for both: on dnf only under `long`."""

FIXED = {"apt": "1.0+deb12u1", "dnf": "1.0-2"}
NEW = {"apt": "1.1", "dnf": "1.1-1"}
OLD = {"apt": "1.0", "dnf": "1.0-1"}


def kind(crew: Patching) -> str:
    return crew.host.name.removesuffix("1")


def changes(step: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    return {c["item"]: (c["from"], c["to"], c["outcome"]) for c in step["changes"]}


def asked(crew: Patching) -> list[str]:
    return (crew.host.packages.folder / "systemctl.log").read_text().splitlines()


def test_a_plan_names_every_package_with_its_versions_and_why(either: Patching) -> None:
    either.host.packages.offer("labpkg", "labsec", "labheld")
    either.host.packages.hold("labheld")
    either.packages("upgrade: all")
    before = either.host.packages.versions()
    found = {c["item"]: c for c in either.plan()["changes"]}
    old, new = OLD[kind(either)], NEW[kind(either)]
    assert (found["labpkg"]["from"], found["labpkg"]["to"], found["labpkg"]["action"]) == (old, new, "change")
    assert (found["labsec"]["to"], found["labsec"]["why"]) == (FIXED[kind(either)], "a security fix")
    assert found["labheld"]["action"] == "hold"
    assert "held on the host" in found["labheld"]["why"]
    assert either.host.packages.versions() == before


def test_security_takes_the_fixes_and_leaves_the_rest(either: Patching) -> None:
    either.host.packages.offer("labpkg", "labsec")
    either.packages("upgrade: security")
    said, steps = either.run()
    assert said.code == 0, said
    assert changes(steps["one"]) == {"labsec": (OLD[kind(either)], FIXED[kind(either)], "changed")}
    versions = either.host.packages.versions()
    assert versions["labsec"] == FIXED[kind(either)]
    assert versions["labpkg"] == OLD[kind(either)]


def test_all_leaves_what_is_held_or_left_out(either: Patching) -> None:
    either.host.packages.offer("labpkg", "labsec", "labheld")
    either.host.packages.hold("labheld")
    either.packages("upgrade: all, except: [labs*]")
    said, steps = either.run()
    assert said.code == 0, said
    assert {item: outcome for item, (_, _, outcome) in changes(steps["one"]).items()} == {
        "labheld": "held",
        "labpkg": "changed",
        "labsec": "skipped",
    }
    versions = either.host.packages.versions()
    assert versions["labpkg"] == NEW[kind(either)]
    assert versions["labheld"] == versions["labsec"] == OLD[kind(either)]


@apt_usually
def test_names_are_upgraded_and_what_is_not_there_is_told(either: Patching) -> None:
    either.host.packages.offer("labpkg", "labsec")
    either.packages("upgrade: [labpkg, labnone]")
    said, steps = either.run()
    assert said.code == 0, said
    assert changes(steps["one"])["labnone"][2] == "skipped"
    assert changes(steps["one"])["labpkg"][2] == "changed"
    assert either.host.packages.versions()["labsec"] == OLD[kind(either)]


def test_nothing_is_removed(apt: Patching) -> None:
    apt.host.packages.offer("labclash")
    apt.packages("upgrade: [labclash]")
    said, steps = apt.run()
    assert said.code == 0, said
    assert (steps["one"]["outcome"], steps["one"]["why"]) == ("held", "the upgrade would remove labold")
    assert apt.host.packages.versions()["labold"] == "1.0"


def test_a_new_dependency_comes_along_and_is_told(apt: Patching) -> None:
    apt.host.packages.offer("labpull")
    apt.packages("upgrade: [labpull]")
    said, steps = apt.run()
    assert said.code == 0, said
    assert changes(steps["one"]) == {
        "labpull": ("1.0", "1.1", "changed"),
        "labnew": ("", "1.0", "changed"),
    }


def test_a_failing_postinst_fails_the_package_with_its_words(apt: Patching) -> None:
    apt.host.packages.offer("labbad", "labpkg")
    apt.packages("upgrade: all")
    said, steps = apt.run()
    assert said.code == 3, said
    found = {c["item"]: c for c in steps["one"]["changes"]}
    assert found["labbad"]["outcome"] == "failed"
    assert "post-installation script" in found["labbad"]["why"]
    assert "labbad: no such device" in found["labbad"]["why"]
    assert found["labpkg"]["outcome"] == "changed"
    assert apt.host.packages.versions() | {"labbad": "1.1!", "labpkg": "1.1"} == apt.host.packages.versions()


@pytest.mark.long
def test_a_failing_scriptlet_fails_the_package_with_its_words(dnf: Patching) -> None:
    dnf.host.packages.offer("labbad", "labpost", "labpkg")
    dnf.packages("upgrade: all")
    said, steps = dnf.run()
    assert said.code == 3, said
    found = {c["item"]: c for c in steps["one"]["changes"]}
    assert found["labbad"]["outcome"] == found["labpost"]["outcome"] == "failed"
    assert "labbad: no such device" in found["labbad"]["why"]
    assert "is installed, but" in found["labpost"]["why"]
    assert "labpost: cannot restart" in found["labpost"]["why"]
    assert found["labpkg"]["outcome"] == "changed"
    assert dnf.host.packages.versions()["labbad"] == "1.0-1"


def test_an_interrupted_dpkg_is_repaired(apt: Patching) -> None:
    apt.host.packages.offer("labpkg", "labsec")
    apt.host.packages.unpack("labpkg")
    assert apt.host.packages.versions()["labpkg"] == "1.1!"
    apt.packages("upgrade: security")
    said, steps = apt.run()
    assert said.code == 0, said
    assert changes(steps["one"]) == {
        "labpkg": ("1.1", "1.1", "changed"),
        "labsec": ("1.0", "1.0+deb12u1", "changed"),
    }
    assert "!" not in "".join(apt.host.packages.versions().values())


@apt_usually
def test_a_lock_is_waited_for(either: Patching) -> None:
    either.host.packages.offer("labpkg")
    either.packages("upgrade: all, wait: 60s")
    with holding(either.host.packages.lock) as other:
        process = either.start("run", "patch", "-y", "--json", "-l", "one")
        read_until(process, "step.started")
        threading.Timer(4, other.stdin.close).start()
        said = ended(process)
    assert said.code == 0, said
    assert either.host.packages.versions()["labpkg"] == NEW[kind(either)]


@apt_usually
def test_a_lock_that_is_never_freed_says_who_has_it(either: Patching) -> None:
    either.host.packages.offer("labpkg")
    either.packages("upgrade: all, wait: 1s")
    with holding(either.host.packages.lock) as other:
        said, steps = either.run()
    assert said.code == 3, said
    assert f"(process {other.pid})" in steps["one"]["why"]
    assert either.host.packages.versions()["labpkg"] == OLD[kind(either)]


@pytest.mark.long
def test_a_failed_upgrade_is_tried_again_after_a_wait(apt: Patching) -> None:
    apt.host.packages.offer("labbad")
    apt.packages("upgrade: all", "retries: 1")
    said, steps = apt.run()
    assert said.code == 3, said
    [retried] = [event for event in said.events if event["event"] == "step.retried"]
    assert (retried["try"], retried["of"], retried["seconds"]) == (1, 2, 1.0)
    assert retried["why"]
    assert steps["one"]["why"].endswith("; tried 2 times")
    assert sum(event["event"] == "step.finished" for event in said.events) == 1


@pytest.mark.long
def test_an_upgrade_succeeds_once_the_lock_is_free(apt: Patching) -> None:
    apt.host.packages.offer("labpkg")
    apt.packages("upgrade: all, wait: 1s", "retries: 5")
    with holding(apt.host.packages.lock):
        process = apt.start("run", "patch", "-y", "--json", "-l", "one")
        read_until(process, "step.retried")
    said = ended(process)
    assert said.code == 0, said
    [step] = [event for event in said.events if event["event"] == "step.finished"]
    assert step["why"].endswith(" of 6")
    assert apt.host.packages.versions()["labpkg"] == NEW["apt"]


@pytest.mark.long
def test_a_killed_controller_counts_the_tries_of_an_upgrade_on(apt: Patching) -> None:
    apt.host.packages.offer("labbad")
    apt.packages("upgrade: all", "retries: 2")
    process = apt.start("run", "patch", "-y", "--json", "-l", "one")
    read_until(process, "step.retried")
    kill(process)
    said = apt.say("resume", "last", "--json")
    assert said.code == 3, said
    [step] = [event for event in said.events if event["event"] == "step.finished"]
    assert step["why"].endswith("; tried 3 times")


@pytest.mark.long
def test_a_source_that_does_not_answer_fails_the_step_and_not_the_others(apt: Patching) -> None:
    apt.host.packages.offer("labpkg")
    apt.packages("upgrade: all")
    assert apt.run()[0].code == 0
    apt.host.packages.offer("labsec")
    (apt.host.packages.folder / "repository/main").rename(apt.host.packages.folder / "repository/gone")
    try:
        said, steps = apt.run()
    finally:
        (apt.host.packages.folder / "repository/gone").rename(apt.host.packages.folder / "repository/main")
    assert said.code == 3, said
    found = changes(steps["one"])
    assert found["packages"][2] == "failed"
    assert found["labsec"][2] == "changed"


@apt_usually
def test_services_with_replaced_files_are_restarted(either: Patching) -> None:
    either.host.packages.offer("labpkg")
    (either.host.packages.folder / "services").write_text("nginx.service\ndbus.service\n")
    either.packages("upgrade: all")
    said, _ = either.run()
    assert said.code == 0, said
    assert asked(either) == ["try-restart nginx.service"]


@apt_usually
def test_a_service_that_does_not_start_again_fails_the_step(either: Patching) -> None:
    either.host.packages.offer("labpkg")
    (either.host.packages.folder / "broken").write_text("php-fpm.service\n")
    either.packages("upgrade: all, restart: [php-fpm.service]")
    said, steps = either.run()
    assert said.code == 3, said
    assert "php-fpm.service failed to restart" in steps["one"]["why"]
    assert changes(steps["one"])["labpkg"][2] == "changed"


KERNEL = {"apt": "labkernel", "dnf": "kernel"}


@apt_usually
def test_a_reboot_that_is_needed_and_asked_for_is_done_and_waited_for(either: Patching) -> None:
    either.host.packages.offer(KERNEL[kind(either)])
    boot = either.host.packages.folder / "boot_id"
    before = boot.read_text()
    either.playbook(
        "system.packages: {upgrade: all, reboot: when-needed}\nbecome: true",
        "shell: 'cat \"$SITECREW_BOOT_ID\" >after'",
    )
    said, steps = either.run()
    assert said.code == 0, said
    assert steps["one"]["why"].startswith("rebooted, and back after")
    assert asked(either) == ["reboot"]
    assert (either.host.site / "after").read_text() == boot.read_text() != before


@apt_usually
def test_a_reboot_that_nobody_asked_for_is_only_told(either: Patching) -> None:
    either.host.packages.offer(KERNEL[kind(either)])
    either.packages("upgrade: all")
    said, steps = either.run()
    assert said.code == 0, said
    assert "a reboot is needed" in steps["one"]["why"]
    assert asked(either) == []


@pytest.mark.long
def test_a_host_that_refuses_to_reboot_or_stays_away_fails_the_step(apt: Patching) -> None:
    apt.host.packages.offer("labkernel")
    (apt.host.packages.folder / "no-reboot").touch()
    apt.packages("upgrade: all, reboot: when-needed", "timeout: 30s")
    said, steps = apt.run()
    assert said.code == 3, said
    assert "not rebooted: Call to Reboot failed: Access denied" in steps["one"]["why"]
    (apt.host.packages.folder / "no-reboot").unlink()
    (apt.host.packages.folder / "no-return").touch()
    apt.packages("upgrade: all, reboot: when-needed", "timeout: 5s")
    said, steps = apt.run()
    assert said.code == 3, said
    assert "not back after 5 s" in steps["one"]["why"]


def test_the_sites_of_a_host_have_its_packages_done_once(apt: Patching) -> None:
    apt.host.packages.offer("labpkg", "labsec")
    apt.packages("upgrade: all")
    said, steps = apt.run("one", "two", "other")
    assert said.code == 0, said
    log = (apt.host.packages.root / "var/log/dpkg.log").read_text()
    assert log.count("upgrade labpkg:all 1.0 1.1") == 1
    [first] = [site for site, step in steps.items() if not step["why"].startswith("done once")]
    assert steps[first]["outcome"] == "changed"
    others = {site: step for site, step in steps.items() if site != first}
    for site, step in others.items():
        same = {site, first} == {"one", "two"}
        assert step["outcome"] == ("ok" if same else "changed")
        assert bool(step["changes"]) is not same
        assert same or f"with {first}" not in step["why"]


@pytest.mark.long
def test_a_killed_controller_takes_the_upgrade_up_where_it_was(apt: Patching) -> None:
    apt.host.packages.offer("labslow")
    apt.packages("upgrade: all")
    process = apt.start("run", "patch", "-y", "--json", "-l", "one")
    read_until(process, "segment.started")
    kill(process)
    said = apt.say("resume", "last", "--json")
    assert said.code == 0, said
    assert apt.host.packages.versions()["labslow"] == "1.1"
    log = (apt.host.packages.root / "var/log/dpkg.log").read_text()
    assert log.count("configure labslow:all 1.1") == 1


@pytest.mark.long
def test_a_cancelled_upgrade_is_read_again_and_repaired_next_time(apt: Patching) -> None:
    apt.host.packages.offer("labslow", "labpkg")
    apt.packages("upgrade: all")
    process = apt.start("run", "patch", "-y", "--json", "-l", "one")
    until(lambda: apt.host.packages.versions()["labslow"] == "1.1!", "the slow package to be unpacked")
    process.send_signal(signal.SIGINT)
    read_until(process, "run.draining")
    process.send_signal(signal.SIGINT)
    assert ended(process).code == 130
    found = apt.host.packages.versions()
    assert found["labslow"] != "1.1"
    quick = apt.host.packages.root / "var/lib/dpkg/info/labslow.postinst"
    quick.write_text("#!/bin/sh\n")
    said, _ = apt.run()
    assert said.code == 0, said
    assert apt.host.packages.versions()["labslow"] == apt.host.packages.versions()["labpkg"] == "1.1"
