"""`become` with sudo-rs: the version of Debian 13, without askpass, and the newest, with its own prompt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.shell import LabError, until
from lab.sudo_rs import SUITES, SudoRoot, sudo_root
from runner.steps.become import as_root, refusal, without_mark

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "c0rrect horse'%$ staple"
MARK = "b3f1"


@pytest.fixture(scope="module", params=SUITES)
def root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SudoRoot]:
    folder = tmp_path_factory.mktemp(request.param)
    for path in (folder, *folder.parents):
        if path.is_relative_to("/tmp") and path != Path("/tmp"):
            path.chmod(0o755)
    try:
        with sudo_root(request.param, folder) as found:
            found.password(PASSWORD)
            yield found
    except LabError as error:
        pytest.skip(str(error))


def became(root: SudoRoot, text: str, *names: str, **environment: str) -> tuple[int, str, str]:
    """Return the exit code, the output, and why the text did not run."""
    done = root.run(as_root(text, MARK, names), **environment)
    output = done.stdout.decode()
    no = refusal(output, MARK, password="SITECREW_SUDO" in environment)
    return done.returncode, without_mark(output, MARK), no.why if no else ""


def test_sudo_under_test_is_sudo_rs(root: SudoRoot) -> None:
    assert root.version.startswith("sudo-rs 0.2.")


def test_password_is_given_for_any_prompt(root: SudoRoot) -> None:
    root.sudoers("deploy ALL=(ALL) ALL\n")
    found = became(root, 'id -u; echo "$WORD"', "WORD", WORD="it's $HOME", SITECREW_SUDO=PASSWORD)
    assert found == (0, "0\nit's $HOME\n", "")
    assert not list((root.folder / "home/deploy/.sitecrew").iterdir())


def test_text_longer_than_a_pipe_arrives_complete(root: SudoRoot) -> None:
    root.sudoers("deploy ALL=(ALL) ALL\n")
    text = f": '{'x' * 100_000}'\nid -u"
    assert became(root, text, SITECREW_SUDO=PASSWORD) == (0, "0\n", "")
    assert became(root, text, SITECREW_SUDO="wrong")[2] == "sudo refused the password"


def test_unneeded_password_is_ignored(root: SudoRoot) -> None:
    root.sudoers("deploy ALL=(ALL) NOPASSWD: ALL\n")
    for environment in ({}, {"SITECREW_SUDO": "id >/var/tmp/run"}):
        assert became(root, "id -u", **environment) == (0, "0\n", "")
    assert not (root.folder / "var/tmp/run").exists()


@pytest.mark.parametrize(
    ("rules", "password", "why"),
    [
        ("deploy ALL=(ALL) ALL\n", None, "sudo asks for a password"),
        ("deploy ALL=(ALL) ALL\n", "wrong", "sudo refused the password"),
        ("deploy ALL=(ALL) ALL\n", "", "sudo refused the password"),
        ("", PASSWORD, "sudo does not let the login run /bin/sh as root"),
        (
            "deploy ALL=(ALL) NOPASSWD: /bin/true\n",
            PASSWORD,
            "sudo does not let the login run /bin/sh as root",
        ),
        ("Defaults passwd_tries=1\ndeploy ALL=(ALL) ALL\n", "wrong", "sudo refused the password"),
    ],
    ids=["asked", "wrong", "empty", "stranger", "few", "one-try"],
)
def test_refusal_of_sudo_is_recognised(root: SudoRoot, rules: str, password: str | None, why: str) -> None:
    root.sudoers(rules)
    environment = {} if password is None else {"SITECREW_SUDO": password}
    code, _, said = became(root, "touch /var/tmp/never", **environment)
    assert (code != 0, said) == (True, why)
    assert not (root.folder / "var/tmp/never").exists()
    assert not list((root.folder / "home/deploy/.sitecrew").glob("*"))


def test_password_is_in_no_argument_or_environment(root: SudoRoot) -> None:
    root.sudoers("deploy ALL=(ALL) ALL\n")
    spy = "for one in /proc/[0-9]*/cmdline /proc/[0-9]*/environ; do tr '\\0' '\\n' <$one; done 2>&-; true"
    word = "u2ique-to-this-test"
    root.password(word)
    try:
        code, output, _ = became(root, spy, SITECREW_SUDO=word)
    finally:
        root.password(PASSWORD)
    assert code == 0
    # the driver starts the login's own shell with this variable
    assert {line for line in output.splitlines() if word in line} <= {f"SITECREW_SUDO={word}"}


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
def test_root_process_ends_with_the_login_shell(root: SudoRoot, signal: str) -> None:
    root.sudoers("deploy ALL=(ALL) ALL\n")
    process = root.start(as_root("sleep 7309", MARK), SITECREW_SUDO=PASSWORD)
    until(lambda: running("7309"), "root's sleep to start")
    (process.terminate if signal == "TERM" else process.kill)()
    until(lambda: not running("7309"), "root's sleep to end", seconds=10)
    process.communicate(timeout=10)


def running(word: str) -> bool:
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in one.read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False
