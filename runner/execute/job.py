"""A job: commands for one account on one host, sent as one shell script that survives a broken connection."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from runner.execute.frames import new_nonce
from runner.execute.limits import Span
from runner.execute.texts import text
from runner.shell import assign, export, word, words

__all__ = ["Command", "Job", "Lock", "Restore", "job_id"]

RESERVED = frozenset({"await", "check", "cleanup", "-"})
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,47}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ID = re.compile(r"[0-9a-f]{16,64}")


def job_id(run: str, site: str, segment: str) -> str:
    """Return the id under which this segment of a run runs at most once on a site."""
    return hashlib.sha256(f"{run}\0{site}\0{segment}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Command:
    """Shell text that runs in a shell, session and process group of its own, without stdin."""

    id: str
    text: str
    timeout: int = 600
    """Seconds, enforced by the host to about one. Then TERM to the group, and KILL ten seconds later."""
    policy: Literal["stop", "go", "always"] = "stop"
    """After an exit status other than 0, `stop` skips the later commands. `always` runs after a failure."""
    env: Mapping[str, str] = field(default_factory=dict)
    secret: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Environment variables that are never written to a file or an argument list on the host."""
    stderr: int = 0
    """Bytes of stderr to keep separate; 0 merges stderr into the output."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be sent to the host."""
        if not _NAME.fullmatch(self.id) or self.id in RESERVED:
            raise ValueError(f"invalid command id: {self.id!r}")
        for name, value in [*self.env.items(), *self.secret.items()]:
            if not _VARIABLE.fullmatch(name) or "\0" in value:
                raise ValueError(f"invalid variable: {name!r}")
        if "\0" in self.text:
            raise ValueError(f"NUL byte in the text of command {self.id!r}")


_KILLS = 15
"""Seconds after its time limit within which a host has killed a command."""


def _seconds(commands: tuple[Command, ...]) -> int:
    return sum(command.timeout + _KILLS for command in commands)


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock of the site at `site` (a directory on the host), taken or renewed before the first command."""

    site: str
    owner: str
    """Run and site as one word. The same owner renews its lock."""
    seconds: int = 1800
    """Until others may take it, if the job that took it is gone too."""
    release: bool = True
    """Release it at the job's end; False keeps it for the next segment."""
    folder: str = ""
    """The lock's directory; empty: below `.sitecrew`. Set it if several accounts work on the site."""

    def __post_init__(self) -> None:
        """Check that the owner fits into a frame."""
        if not re.fullmatch(r"[!-~]{1,200}", self.owner) or self.owner == "free":
            raise ValueError(f"invalid lock owner: {self.owner!r}")


@dataclass(frozen=True, slots=True)
class Restore:
    """Gives commands a directory of mode 0700 for restore points, as $SITECREW_RESTORE."""

    folder: str
    """The run's part of the path: a name that cannot be guessed."""
    site: str
    public: tuple[str, ...] = ()
    """Document roots on the host. No restore point is stored in or below one of them."""

    def __post_init__(self) -> None:
        """Check that both parts are valid directory names."""
        for name in (self.folder, self.site):
            if not re.fullmatch(r"[A-Za-z0-9_@+=,:-][A-Za-z0-9_.@+=,:-]{0,200}", name):
                raise ValueError(f"invalid directory name: {name!r}")

    def call(self) -> str:
        """The call of the driver's function `rest` with these arguments."""
        return f"rest {words(self.folder, self.site, *self.public)}"


@dataclass(frozen=True, slots=True)
class Job:
    """Commands that are sent once and run at most once under an id.

    They run in order. If `wait` is above 0, the job then waits for a verdict and runs `keep` or `undo`. After
    that many seconds without a word from the controller it runs `check`; exit status 0 means keep. A job that
    would have waited, but failed or was cancelled, runs `undo`. `cleanup` and `undo` must be idempotent: they
    may run twice after a process was killed. Nothing else does.
    """

    id: str
    commands: tuple[Command, ...]
    cleanup: str = ""
    wait: int = 0
    check: str = "true"
    check_env: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of `check`."""
    check_secret: Mapping[str, str] = field(default_factory=dict, repr=False)
    """More of them, handled like `Command.secret`."""
    keep: tuple[Command, ...] = ()
    undo: tuple[Command, ...] = ()
    undo_on_death: bool = False
    """Also undo if the driver is killed before the job waits."""
    lock: Lock | None = None
    restore: Restore | None = None
    flood: int = 256 << 20
    """Bytes of events at which the running command is stopped; the host checks once a second."""
    cleanup_limit: int = 120
    check_limit: int = 60
    nonce: str = field(default_factory=new_nonce, repr=False)

    def __post_init__(self) -> None:
        """Check the ids, which become names of files on the host."""
        if not _ID.fullmatch(self.id):
            raise ValueError(f"invalid job id: {self.id!r}")
        names = [command.id for command in self._all()]
        if len(set(names)) != len(names):
            raise ValueError("two commands of a job have the same id")

    def span(self) -> Span:
        """How long the host may take, by its own time limits."""
        after = max(_seconds(self.keep), _seconds(self.undo))
        wait = self.wait + self.check_limit + _KILLS if self.wait else 0
        cleanup = self.cleanup_limit + _KILLS if self.cleanup else 0
        return Span(tasks=_seconds(self.commands), rest=after + cleanup, wait=wait)

    @property
    def command_ids(self) -> frozenset[str]:
        """The ids of all commands, including those of `keep` and `undo`."""
        return frozenset(command.id for command in self._all())

    def body(self) -> str:
        """The shell script that is stored on the host and runs there. It contains no secret."""
        settings = {
            "nonce": self.nonce,
            "flood": str(max(self.flood >> 10, 1)),
            "check_limit": str(self.check_limit),
            "cleanup_limit": str(self.cleanup_limit),
            "job_check": export(self.check_env) + self.check,
            "job_cleanup": self.cleanup,
            "undo_on_death": "1" if self.undo_on_death else "",
            "has_secrets": "1" if self.secrets() else "",
            "wants_lock": "1" if self.lock else "",
            "release": "1" if self.lock and self.lock.release else "",
        }
        scripts = ("common", "clock", "job", "lock") if self.lock else ("common", "clock", "job")
        functions = {
            "prepare": self._prepare(),
            "main": self._main(),
            "keep": self._calls(self.keep),
            "undo": self._calls(self.undo),
        }
        return "".join(
            [
                assign(settings),
                text(*scripts),
                *(f"job_{name}() {{\n:\n{calls}}}\n" for name, calls in functions.items()),
                "go\n",
            ]
        )

    def secrets(self) -> str:
        """Assignments for the driver's memory, sent separately from the body. Empty without secrets."""
        lines = []
        for number, command in enumerate(self._all()):
            if command.secret:
                lines.append(assign({f"secret_{number}": export(command.secret)}))
        if self.check_secret:
            lines.append(assign({"secret_check": export(self.check_secret)}))
        return "".join(lines)

    def _all(self) -> tuple[Command, ...]:
        return (*self.commands, *self.keep, *self.undo)

    def _prepare(self) -> str:
        if not self.restore:
            return ""
        return f"{self.restore.call()} || case $? in 2) bad=public;; *) bad=nofolder;; esac\n"

    def _main(self) -> str:
        lock = self.lock
        before = after = ""
        if lock:
            before = f"acquire {words(lock.folder, lock.site, lock.owner)} {lock.seconds} || denied $?\n"
        if self.wait:
            after = f"await {self.wait}\n"
        return before + self._calls(self.commands) + after

    def _calls(self, commands: tuple[Command, ...]) -> str:
        numbers = {command.id: number for number, command in enumerate(self._all())}
        lines = []
        for command in commands:
            secret = f' "$secret_{numbers[command.id]}"' if command.secret else ""
            cap = str(command.stderr) if command.stderr else "''" if secret else ""
            script = word(export(command.env) + command.text)
            lines.append(f"task {command.id} {command.timeout} {command.policy} {script} {cap}{secret}\n")
        return "".join(lines)
