"""Processes that outlive the command which started them, each known by its id and its start time.

A process writes its own record before it becomes the program (the shell notes its line of /proc and then
`exec`s), and until then it holds a lock on behalf of its starter: who comes after a starter that was killed
waits for the newborn's record, so nothing unknown is left behind. Each leads a session
of its own; what remains of that session when its leader was killed is found by the session's number.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.shell import PATH, LabError, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Process", "Processes"]

NOTE_AND_BECOME = """cd / || exit 1
IFS= read -r stat < /proc/$$/stat && IFS= read -r boot < /proc/sys/kernel/random/boot_id || exit 1
printf '%s\\n' "$stat" "$boot" "$2" > "$1" || exit 1
shift 2
exec 9>&-
exec "$@"
"""

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A started process as it noted itself down."""

    name: str
    pid: int
    started: int
    """Clock ticks since boot: field 22 of /proc/PID/stat."""
    boot: str
    stamp: str
    """Hash of the command line and configuration it was started with."""

    def runs(self) -> bool:
        """Whether it is this very process that lives under its id."""
        with suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        seen = look(self.pid)
        return seen is not None and seen.started == self.started and self.boot == boot_id()

    def leftovers(self) -> list[int]:
        """Ids of processes of its session that are still there, itself included."""
        if self.boot != boot_id():
            return []
        seen = look(self.pid)
        if seen is not None and seen.started != self.started:
            return []  # the number went to a stranger, which it cannot while our session lives
        return [one.pid for one in everything() if one.session == self.pid and one.started >= self.started]


class Processes:
    """The processes of one fleet; records in `folder`, output in `logs`."""

    def __init__(self, folder: Path, logs: Path) -> None:
        self.folder = folder
        self.logs = logs

    def start(
        self,
        name: str,
        argv: list[str],
        *,
        ready: Callable[[], bool],
        config: str = "",
        env: Mapping[str, str] | None = None,
        seconds: float = 30.0,
    ) -> bool:
        """Starts a program in the foreground of a session of its own, and waits until it is ready.

        One that runs with the same command line and `config` is left alone; with others, it is replaced.

        Returns:
            Whether it was started now.

        Raises:
            LabError: It ended at once or was not ready in time; the end of its log is in the message.
        """
        self._let_newborns_settle()
        stamp = hashlib.sha256(json.dumps([argv, config]).encode()).hexdigest()[:16]
        known = self.find(name)
        if known is not None and known.runs() and known.stamp == stamp:
            until(ready, f"{name} to answer", seconds=seconds)
            return False
        self.stop(name)
        self._spawn(name, stamp, argv, env or {})
        self._await(name, ready, seconds)
        return True

    def stop(self, name: str, *, seconds: float = 15.0) -> bool:
        """Ends a process and what remains of its session. Returns whether there was anything to end."""
        self._let_newborns_settle()
        process = self.find(name)
        if process is None:
            return False
        found = bool(process.leftovers())
        if process.runs():
            send(process.pid, signal.SIGTERM, group=True)
            with suppress(LabError):
                until(lambda: not process.runs(), f"{name} to end", seconds=seconds)
        for pid in process.leftovers():
            send(pid, signal.SIGKILL)
        until(lambda: not process.leftovers(), f"the rest of {name} to end", seconds=seconds)
        self._record(name).unlink(missing_ok=True)
        return found

    def find(self, name: str) -> Process | None:
        """The record of a process, whether it lives or not."""
        try:
            stat, boot, stamp = self._record(name).read_text().splitlines()
        except (FileNotFoundError, ValueError):
            return None
        seen = parse(stat)
        return Process(name, seen.pid, seen.started, boot, stamp)

    def names(self) -> list[str]:
        """Everything that has a record."""
        return sorted(path.stem for path in self.folder.glob("*.process"))

    def log(self, name: str) -> Path:
        """The file that holds what a process prints."""
        return self.logs / f"{name}.log"

    def _record(self, name: str) -> Path:
        return self.folder / f"{name}.process"

    def _spawn(self, name: str, stamp: str, argv: list[str], env: Mapping[str, str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(parents=True, exist_ok=True)
        appending = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        with self._births().open("w") as birth:
            fcntl.flock(birth, fcntl.LOCK_SH)
            os.posix_spawn(
                "/bin/sh",
                ["sh", "-c", NOTE_AND_BECOME, "sh", str(self._record(name)), stamp, *argv],
                {"PATH": PATH, "LC_ALL": "C.UTF-8", **python_settings(), **env},
                setsid=True,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, str(self.log(name)), appending, 0o644),
                    (os.POSIX_SPAWN_DUP2, 1, 2),
                    (os.POSIX_SPAWN_DUP2, birth.fileno(), 9),
                ],
            )

    def _births(self) -> Path:
        return self.folder / "births.lock"

    def _let_newborns_settle(self) -> None:
        """Waits until every process that was begun has noted itself down, also those of a killed starter."""
        if self._births().exists():
            with self._births().open("w") as birth:
                fcntl.flock(birth, fcntl.LOCK_EX)

    def _await(self, name: str, ready: Callable[[], bool], seconds: float) -> None:
        until(lambda: self.find(name) is not None, f"{name} to begin", seconds=seconds)

        def answers_or_ended() -> bool:
            process = self.find(name)
            return process is None or not process.runs() or ready()

        problem = f"{name} ended at once"
        try:
            until(answers_or_ended, f"{name} to answer", seconds=seconds)
        except LabError as error:
            problem = str(error)
        else:
            process = self.find(name)
            if process is not None and process.runs():
                return
        raise LabError(f"{problem}\n{self.log(name).read_text(errors='replace')[-1500:]}")


def python_settings() -> dict[str, str]:
    """Whether Python writes compiled modules next to its own: root does not, in a folder of the user."""
    name = "PYTHONDONTWRITEBYTECODE"
    return {name: value} if (value := os.environ.get(name)) else {}


@dataclass(frozen=True, slots=True)
class Seen:
    """What /proc says about a living process."""

    pid: int
    state: str
    session: int
    started: int


def parse(stat: str) -> Seen:
    """Reads a line of /proc/PID/stat; the program's name in it may hold anything."""
    pid, _, rest = stat.partition(" (")
    fields = rest[rest.rindex(")") + 2 :].split()
    return Seen(int(pid), fields[0], int(fields[3]), int(fields[19]))


def look(pid: int) -> Seen | None:
    """The living process of that id; a zombie lives no more."""
    try:
        seen = parse((PROC / str(pid) / "stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if seen.state in "ZX" else seen


def everything() -> Iterator[Seen]:
    """All living processes of this machine."""
    for folder in PROC.iterdir():
        if folder.name.isdigit() and (seen := look(int(folder.name))) is not None:
            yield seen


def boot_id() -> str:
    """Changes when the machine starts anew, and with it the meaning of every process id."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def send(pid: int, number: signal.Signals, *, group: bool = False) -> None:
    """Sends a signal; that the process is gone already is fine."""
    with suppress(ProcessLookupError):
        (os.killpg if group else os.kill)(pid, number)
