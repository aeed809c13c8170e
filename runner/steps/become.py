"""`become: true`: shell text that runs as root through sudo and can still be stopped.

A login cannot send signals to what sudo runs, so a text started directly by sudo would outlive its time limit
and its cancellation. Therefore the login's shell holds the write end of a pipe that a reader on root's side
watches: when that shell ends, for any reason, the reader kills the process group of the text.

The text and its environment go through that pipe, never through an argument. sudo gets the password from an
askpass program of ours (`-A`), whatever its prompt is. The program prints a FIFO that belongs to the login
and is removed as soon as it has been opened, so that a wrong password is tried only once. If the host does
not allow our programs to run, the askpass program is `cat` and the prompt is the path of the FIFO. A sudo
without `-A` (sudo-rs before 0.2.11) reads the password from stdin, and the reader opens the pipe by its path.
The password is never on a disk or in an argument.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from runner.model import Host, Step
from runner.shell import assign
from runner.steps.sources import shell_source
from runner.untrusted import clean, sentence

__all__ = ["PASSWORD", "Refusal", "as_root", "cannot_become", "refusal", "without_mark"]

PASSWORD = "SITECREW_SUDO"  # noqa: S105  # the name of the variable
"""Environment variable with the host's `become_password`, if it has one, for the text of `as_root`."""

_PRESERVED = ("LC_ALL", "NO_COLOR", "TERM", "SITECREW_RESTORE", "SITECREW_BOOT_ID")

# Runs as root. Reads lines up to a line that equals $0, so that a truncated text does nothing.
_READER = (
    '[ -z "$1" ]||{ exec <"$1"&&rm -f "$1"||exit 1;};'
    'n=${IFS#??};b=;while IFS= read -r l;do case $l in "$0")eval "$b";exit;;esac;b=$b$l$n;done;exit 1'
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the text could not run as root, and what to do about it."""

    why: str
    hint: str

    def __str__(self) -> str:
        return f"{self.why}; {self.hint}"


def as_root(text: str, mark: str, names: Iterable[str] = ()) -> str:
    """Return shell text that runs `text` as root.

    If the login is root, `text` runs directly. SIGTERM to the login's shell, or its death, ends the text.

    Args:
        text: what to run.
        mark: nonce that starts the wrapper's own lines on stderr.
        names: environment variables to preserve; sudo removes all others.
    """
    preserved = " ".join(dict.fromkeys((*_PRESERVED, *names)))
    settings = {
        "mark": mark,
        "names": preserved,
        "reader": _READER,
        "root": shell_source("runner.steps", "become_root").rstrip("\n"),
        "task": text,
    }
    login = shell_source("runner.steps", "become_login")
    return f'sitecrew_become() {{\n{assign(settings)}{login}}}\nsitecrew_become "$@"\n'


def cannot_become(step: Step, host: Host) -> str:
    """Return why a step with `become: true` cannot run as root on this host; empty if it can be tried."""
    if not step.become or host.become or host.user == "root":
        return ""
    return (
        f"{step.id} has `become: true`, but host {host.name} has no `become` setting; "
        f"add `become: sudo` to hosts.{host.name}"
    )


def refusal(output: str, mark: str, *, password: bool) -> Refusal | None:
    """Return why the text did not start, or None if it did. `password`: whether sudo was given one."""
    if re.search(rf"^{re.escape(mark)} became$", output, re.MULTILINE):
        return None
    if match := re.search(rf"^{re.escape(mark)} ({'|'.join(_FROM_WRAPPER)})$", output, re.MULTILINE):
        return _FROM_WRAPPER[match[1]]
    lowered = clean(output).lower()
    for message, found in _FROM_SUDO:
        if message in lowered:
            return _WRONG if password and found is _ASKED else found
    lines = sentence(" ".join(line for line in output.splitlines() if "sudo" in line.lower()), 160)
    return Refusal(
        f"sudo exited without running the command{f': {lines}' if lines else ''}",
        "try `sudo -v` on the host",
    )


def without_mark(output: str, mark: str) -> str:
    """Return the output of the text alone, without the wrapper's line and what sudo prints before it."""
    before, found, rest = output.partition(f"\n{mark} became\n")
    return rest if found else before


_ASKED = Refusal("sudo asks for a password", "set `become_password: {env: NAME}` for the host")
_WRONG = Refusal("sudo refused the password", "correct the secret in the host's `become_password`")
_FROM_WRAPPER = {
    "no-sudo": Refusal("sudo is not installed on the host", "install it, or log in as root"),
    "no-room": Refusal("cannot create a FIFO on the host", "make the login's home or /var/tmp writable"),
}
_NOT_ALLOWED = Refusal(
    "the login is not allowed to use sudo", "add it to the group sudo or wheel on the host"
)
_NO_SHELL = Refusal("sudo does not let the login run /bin/sh as root", "allow it in sudoers: (root) /bin/sh")
_SETUID = Refusal(
    "sudo does not run as root on the host",
    "make root the owner of sudo, set its setuid bit, and mount its file system without nosuid",
)
_FROM_SUDO = (
    ("must have a tty", Refusal("sudo requires a terminal", "remove `requiretty` from sudoers")),
    ("not in the sudoers file", _NOT_ALLOWED),
    ("may not run sudo", _NOT_ALLOWED),
    ("i'm afraid i can't do that", _NO_SHELL),
    ("is not allowed to execute", _NO_SHELL),
    ("may not run", _NO_SHELL),
    ("incorrect password attempt", _WRONG),
    ("incorrect authentication attempt", _WRONG),
    ("authentication failed, try again", _WRONG),
    ("sorry, try again", _WRONG),
    ("a password is required", _ASKED),
    ("no password was provided", _ASKED),
    ("interactive authentication is required", _ASKED),
    ("a terminal is required", _ASKED),
    ("authentication token manipulation error", _ASKED),
    (
        "is your account locked",
        Refusal("the login's account is locked on the host", "unlock it, or wait until it is unlocked"),
    ),
    ("expired", Refusal("the login's password has expired", "change it with passwd on the host")),
    (
        "no new privileges",
        Refusal(
            "NoNewPrivileges prevents sudo on the host",
            "remove it from the systemd service that sshd runs in",
        ),
    ),
    ("must be owned by uid 0", _SETUID),
    ("effective uid is not 0", _SETUID),
)
"""Messages of sudo and sudo-rs in lower case; the first match counts."""
