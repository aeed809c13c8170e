"""A job: tasks for one account on one host, as one text that runs to its end whatever becomes of the link."""

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

__all__ = ["Job", "Lock", "Restore", "Task", "job_id"]

RESERVED = frozenset({"await", "check", "cleanup", "-"})
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,47}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ID = re.compile(r"[0-9a-f]{16,64}")


def job_id(run: str, site: str, segment: str) -> str:
    """The id under which this segment of this run on this site is done at most once, for ever."""
    return hashlib.sha256(f"{run}\0{site}\0{segment}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Task:
    """One shell text in a shell, session and process group of its own, with nothing on stdin."""

    id: str
    text: str
    timeout: int = 600
    """Seconds, kept by the host to about one; at the end TERM to the group, ten seconds later KILL."""
    policy: Literal["stop", "go", "always"] = "stop"
    """What a code other than 0 does to the tasks after it; `always`: runs behind a failed task too."""
    env: Mapping[str, str] = field(default_factory=dict)
    secret: Mapping[str, str] = field(default_factory=dict, repr=False)
    """More environment, never written to a file or an argument list on the host."""
    stderr: int = 0
    """Bytes of stderr to keep apart; 0 leaves stderr in the output, in its order."""

    def __post_init__(self) -> None:
        """Refuse what would not survive the way to the host."""
        if not _NAME.fullmatch(self.id) or self.id in RESERVED:
            raise ValueError(f"not a task id: {self.id!r}")
        for name, value in [*self.env.items(), *self.secret.items()]:
            if not _VARIABLE.fullmatch(name) or "\0" in value:
                raise ValueError(f"not a variable: {name!r}")
        if "\0" in self.text:
            raise ValueError(f"a NUL in the text of task {self.id!r}")


_KILLS = 15
"""Seconds after its time limit within which a host has killed a task."""


def _seconds(tasks: tuple[Task, ...]) -> int:
    return sum(task.timeout + _KILLS for task in tasks)


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock of the site at `site` (a folder on the host), taken or renewed before the first task."""

    site: str
    owner: str
    """Run and site in one word. The same owner renews what it holds."""
    seconds: int = 1800
    """Until others may take it, if the job that took it is gone too."""
    release: bool = True
    """Free it at the job's end; False holds it for the next segment."""
    folder: str = ""
    """Where it lies; below the account's own root unless several accounts work on the site."""

    def __post_init__(self) -> None:
        """An owner is a word of a frame."""
        if not re.fullmatch(r"[!-~]{1,200}", self.owner) or self.owner == "free":
            raise ValueError(f"not an owner: {self.owner!r}")


@dataclass(frozen=True, slots=True)
class Restore:
    """Tasks get the 0700 folder of this site's restore points in this run as $SITECREW_RESTORE."""

    folder: str
    """The run's, by a name that nobody can guess."""
    site: str
    public: tuple[str, ...] = ()
    """Folders of the host that web servers hand out: no restore point lies at or below one of them."""

    def __post_init__(self) -> None:
        """Both are names of folders."""
        for name in (self.folder, self.site):
            if not re.fullmatch(r"[A-Za-z0-9_@+=,:-][A-Za-z0-9_.@+=,:-]{0,200}", name):
                raise ValueError(f"not a name for a folder: {name!r}")

    def call(self) -> str:
        """The driver's function `rest` with these arguments."""
        return f"rest {words(self.folder, self.site, *self.public)}"


@dataclass(frozen=True, slots=True)
class Job:
    """What is sent once and done at most once under its id.

    Tasks run in order. With `wait` above 0 the job then waits for a verdict, and does `keep` or `undo`; after
    as many seconds of silence `check` decides: code 0 keeps. A failed or cancelled job that would have waited
    undoes. `cleanup` and `undo` must be idempotent: after a death they may be done twice. Nothing else is.
    """

    id: str
    tasks: tuple[Task, ...]
    cleanup: str = ""
    wait: int = 0
    check: str = "true"
    check_env: Mapping[str, str] = field(default_factory=dict)
    """Environment of `check`."""
    check_secret: Mapping[str, str] = field(default_factory=dict, repr=False)
    """More of it, as `Task.secret`."""
    keep: tuple[Task, ...] = ()
    undo: tuple[Task, ...] = ()
    undo_on_death: bool = False
    """Undo also when the driver is killed before the job waits."""
    lock: Lock | None = None
    restore: Restore | None = None
    flood: int = 256 << 20
    """Bytes of events beyond which the running task is stopped; coarse: the host looks each second."""
    cleanup_limit: int = 120
    check_limit: int = 60
    nonce: str = field(default_factory=new_nonce, repr=False)

    def __post_init__(self) -> None:
        """Ids name folders and files on the host."""
        if not _ID.fullmatch(self.id):
            raise ValueError(f"not a job id: {self.id!r}")
        names = [task.id for task in self._all()]
        if len(set(names)) != len(names):
            raise ValueError("two tasks of one job with the same id")

    def span(self) -> Span:
        """How long the host may take, by the limits that it keeps itself."""
        after = max(_seconds(self.keep), _seconds(self.undo))
        wait = self.wait + self.check_limit + _KILLS if self.wait else 0
        cleanup = self.cleanup_limit + _KILLS if self.cleanup else 0
        return Span(tasks=_seconds(self.tasks), rest=after + cleanup, wait=wait)

    @property
    def task_ids(self) -> frozenset[str]:
        """Of all its tasks."""
        return frozenset(task.id for task in self._all())

    def body(self) -> str:
        """The shell text that is stored on the host and run there. Holds no secret."""
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
        rooms = ("common", "clock", "job", "lock") if self.lock else ("common", "clock", "job")
        functions = {
            "prepare": self._prepare(),
            "main": self._main(),
            "keep": self._calls(self.keep),
            "undo": self._calls(self.undo),
        }
        return "".join(
            [
                assign(settings),
                text(*rooms),
                *(f"job_{name}() {{\n:\n{calls}}}\n" for name, calls in functions.items()),
                "go\n",
            ]
        )

    def secrets(self) -> str:
        """Assignments for the driver's memory; they travel apart from the body. Empty without secrets."""
        lines = []
        for number, task in enumerate(self._all()):
            if task.secret:
                lines.append(assign({f"secret_{number}": export(task.secret)}))
        if self.check_secret:
            lines.append(assign({"secret_check": export(self.check_secret)}))
        return "".join(lines)

    def _all(self) -> tuple[Task, ...]:
        return (*self.tasks, *self.keep, *self.undo)

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
        return before + self._calls(self.tasks) + after

    def _calls(self, tasks: tuple[Task, ...]) -> str:
        numbers = {task.id: number for number, task in enumerate(self._all())}
        lines = []
        for task in tasks:
            secret = f' "$secret_{numbers[task.id]}"' if task.secret else ""
            cap = str(task.stderr) if task.stderr else "''" if secret else ""
            script = word(export(task.env) + task.text)
            lines.append(f"task {task.id} {task.timeout} {task.policy} {script} {cap}{secret}\n")
        return "".join(lines)
