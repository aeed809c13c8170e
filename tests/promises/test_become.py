"""Root's rights by sudo: had with and without a password, refused in words, stopped in time, kept."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from lab.packages_root_host import PASSWORD
from lab.shell import until
from tests.crew import ended, read_until
from tests.patching import Patching, a_host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.packages_root_host import PackageHost


@pytest.fixture(scope="module")
def host() -> Iterator[PackageHost]:
    with a_host("apt") as found:
        yield found


@pytest.fixture
def crew(host: PackageHost, tmp_path: Path) -> Patching:
    host.reset()
    return Patching(host, tmp_path / "workspace")


def outcome(crew: Patching) -> tuple[int, str, str]:
    """Run on the first site: exit code, and outcome and reason of the step, or of the site without one."""
    said = crew.say("run", "patch", "-y", "--json", "-l", "one")
    ends = [event for event in said.events if event["event"] in {"step.finished", "site.finished"}]
    assert ends, said
    return said.code, ends[0]["outcome"], ends[0]["why"]


def running(word: str) -> list[int]:
    """Ids of processes with this word in their arguments."""
    found = []
    for one in Path("/proc").iterdir():
        if one.name.isdigit() and int(one.name) != os.getpid():
            try:
                arguments = (one / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if word.encode() in arguments:
                found.append(int(one.name))
    return found


def test_a_text_runs_as_root_with_its_environment(crew: Patching) -> None:
    crew.playbook(
        "shell:\n"
        "  run: 'id -u >who; umask >>who; printf %s \"$WORD\" >>who'\n"
        '  env: {WORD: "it\'s $HOME"}\n'
        "become: true"
    )
    assert outcome(crew) == (0, "ok", "")
    assert (crew.host.site / "who").read_text() == "0\n0022\nit's $HOME"


def test_a_password_by_reference_is_used_and_is_nowhere_to_be_found(crew: Patching) -> None:
    crew.inventory("become: sudo", "become_password: {env: LAB_SUDO}")
    crew.host.sudo("password")
    spy = (
        "for one in /proc/[0-9]*; do tr '\\\\0' '\\\\n' <$one/cmdline; tr '\\\\0' '\\\\n' <$one/environ; done"
    )
    crew.playbook(f'shell: "{{ {spy}; }} >/var/tmp/{crew.host.user}.seen 2>/dev/null; id -u"\nbecome: true')
    try:
        assert outcome(crew) == (0, "ok", "")
        seen = Path(f"/var/tmp/{crew.host.user}.seen")
        lines = seen.read_text(errors="replace").splitlines()
        assert any("sudo" in line for line in lines)
        mine = f"LAB_SUDO={PASSWORD}"
        assert not [line for line in lines if PASSWORD in line and line != mine]
    finally:
        Path(f"/var/tmp/{crew.host.user}.seen").unlink(missing_ok=True)
    for folder in (crew.folder, crew.host.home):
        for path in folder.rglob("*"):
            if path.is_file():
                assert PASSWORD.encode() not in path.read_bytes(), path
                assert quote(PASSWORD, safe="").encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("how", "below", "why"),
    [
        pytest.param("password", (), "sudo asks for a password", marks=pytest.mark.long),
        ("password", ("become_password: {file: wrong}",), "sudo refused the password"),
        pytest.param(
            "none",
            ("become_password: {env: LAB_SUDO}",),
            "the login is not allowed to use sudo",
            marks=pytest.mark.long,
        ),
        pytest.param("tty", (), "sudo requires a terminal", marks=pytest.mark.long),
        ("few", ("become_password: {env: LAB_SUDO}",), "sudo does not let the login run /bin/sh as root"),
    ],
    ids=["asked", "wrong", "stranger", "requiretty", "few"],
)
def test_a_refusal_is_a_sentence_with_what_helps(
    crew: Patching, how: str, below: tuple[str, ...], why: str
) -> None:
    (crew.folder / "wrong").write_text("not this one\n")
    crew.inventory("become: sudo", *below)
    crew.host.sudo(how)  # type: ignore[arg-type]
    crew.playbook("shell: touch never\nbecome: true", "system.packages: {upgrade: all}\nbecome: true")
    checks = crew.say("doctor", "patch", "-l", "one", "--json").json["checks"]
    assert any(not one["ok"] and one["finding"] == f"patch: {why}" for one in checks), checks
    assert any(problem.startswith(f"{why}; ") for problem in crew.plan()["problems"])
    code, ending, said = outcome(crew)
    assert (code, ending) == (3, "failed")
    assert said.startswith(f"{why}; ")
    assert not (crew.host.site / "never").exists()


HABITS = {
    "talks": 'passprompt="%p auf %h", passprompt_override, lecture=always, insults, sudoers_locale=de_DE',
    "strict": "passwd_tries=1, timestamp_timeout=0",
}
GERMAN = "env: {LANG: de_DE.UTF-8, LANGUAGE: de, LC_MESSAGES: de_DE.UTF-8}"


@pytest.fixture(params=HABITS.values(), ids=list(HABITS))
def habits(crew: Patching, request: pytest.FixtureRequest) -> Patching:
    """A sudo with a password, set up as distributions and admins do, for a login that speaks German."""
    crew.host.sudo("password", f"Defaults:{crew.host.user} {request.param}\n")
    return crew


def test_a_password_is_given_whatever_the_habits_of_sudo(habits: Patching) -> None:
    habits.inventory("become: sudo", "become_password: {env: LAB_SUDO}")
    (habits.host.site / "who").unlink(missing_ok=True)
    run = "  run: 'id -u >>who; printf said'"
    habits.playbook(*[f"shell:\n{run}\n  {GERMAN}\nbecome: true"] * 2)
    assert outcome(habits) == (0, "ok", "")
    assert (habits.host.site / "who").read_text() == "0\n0\n"
    logs = habits.say("logs", "last", "one").out
    assert [line for line in logs.splitlines() if not line.startswith("==")] == ["said", "said"]
    assert PASSWORD not in logs


@pytest.mark.parametrize(
    ("below", "why"),
    [
        ((), "sudo asks for a password"),
        (("become_password: {file: wrong}",), "sudo refused the password"),
    ],
    ids=["asked", "wrong"],
)
def test_a_refusal_is_understood_whatever_the_habits_of_sudo(
    habits: Patching, below: tuple[str, ...], why: str
) -> None:
    (habits.folder / "wrong").write_text("not this one\n")
    habits.inventory("become: sudo", *below)
    habits.playbook(f"shell:\n  run: touch never\n  {GERMAN}\nbecome: true")
    code, ending, said = outcome(habits)
    assert (code, ending) == (3, "failed")
    assert said.startswith(f"{why}; ")
    assert not (habits.host.site / "never").exists()


def test_packages_say_what_keeps_them_from_root(crew: Patching) -> None:
    crew.playbook("system.packages: {upgrade: all}")
    code, ending, why = outcome(crew)
    assert (code, ending) == (3, "failed")
    assert why.startswith("needs root; add `become: true`")


@pytest.mark.long
def test_a_host_that_does_not_say_how_is_a_problem_of_the_plan(crew: Patching) -> None:
    crew.inventory()
    crew.playbook("shell: touch never", "shell: id\nbecome: true")
    [problem] = crew.plan()["problems"]
    assert "add `become: sudo` to hosts.web" in problem
    assert outcome(crew)[:2] == (3, "failed")
    assert not (crew.host.site / "never").exists()


@pytest.mark.long
def test_a_time_limit_ends_what_runs_as_root(crew: Patching) -> None:
    crew.playbook("shell: sleep 7301\nbecome: true\ntimeout: 2s")
    code, ending, why = outcome(crew)
    assert (code, ending) == (3, "failed")
    assert "time limit" in why
    until(lambda: not running("7301"), "root's sleep to end", seconds=6)


@pytest.mark.long
def test_cancelling_ends_what_runs_as_root_and_ignores_it(crew: Patching) -> None:
    crew.playbook("shell: \"trap '' TERM; sleep 7302; sleep 7302\"\nbecome: true")
    process = crew.start("run", "patch", "-y", "--json", "-l", "one")
    read_until(process, "step.started")
    until(lambda: bool(running("7302")), "root's sleep to begin")
    process.send_signal(signal.SIGINT)
    read_until(process, "run.draining")
    process.send_signal(signal.SIGINT)
    assert ended(process).code == 130
    until(lambda: not running("7302"), "root's sleep to end", seconds=6)
