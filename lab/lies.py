"""What a hostile host answers: each mode is a function over one exec, or over a folder to list."""

from __future__ import annotations

import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, SupportsIndex

from paramiko import SFTPAttributes

if TYPE_CHECKING:
    import threading

    from paramiko import Channel

__all__ = ["MODES", "SFTP_MODES", "Gone", "Talk", "entry"]

_CHUNK = b"x" * 32_000
_FOLDER = stat.S_IFDIR | 0o755


class Gone(Exception):  # noqa: N818 - ends a mode, no error
    """The controller closed the exec, or the host was closed."""


@dataclass(slots=True)
class Talk:
    """One exec, after its opening was read."""

    closing: threading.Event
    """Set when the host is closed."""
    channel: Channel
    command: bytes
    text: bytes
    link: str
    """Nonce of the exec's own frames."""
    job: str
    """Nonce of the job's frames; the link's in a reading."""
    kind: str
    """read, upload, collect, or the mode of a job's exec: start, attach, keep, undo, cancel, ack."""
    tasks: tuple[str, ...]

    @property
    def is_job(self) -> bool:
        """The exec starts or follows a job."""
        return self.kind not in {"read", "upload", "collect"}

    def out(self, data: bytes) -> None:
        """Write to stdout."""
        self._checked(lambda: self.channel.sendall(data))

    def err(self, data: bytes) -> None:
        """Write to stderr."""
        self._checked(lambda: self.channel.sendall_stderr(data))

    def frame(self, words: str, nonce: str = "") -> None:
        """Write a frame of the link."""
        self.out(f"\x1e{nonce or self.link} {words}\n".encode())

    def tell(self, words: str) -> None:
        """Write a frame about a task: the job's, or the reading's on both streams."""
        self.frame(words, self.job)
        if self.kind == "read":
            self.err(f"\x1e{self.link} {words}\n".encode())

    def greet(self) -> None:
        """The first frame that is expected."""
        if self.is_job:
            self.frame(f"hello started {self.job} open")
        elif self.kind == "read":
            self.frame("hello")
        elif self.kind == "upload":
            self.frame("ready")

    def answer(self, output: bytes = b"lie\n") -> None:
        """Every task, begun and ended with code 0."""
        for task in self.tasks:
            self.tell(f"begin {task}")
            self.out(output)
            self.tell(f"end {task} 0 5 -")

    def bye(self) -> None:
        """The last frame."""
        words = {"read": "bye", "upload": "bye 0"}.get(self.kind, f"bye ok {len(self.tasks)}")
        self.tell("bye" if self.kind == "collect" else words)

    def pause(self, seconds: float) -> None:
        """Wait, until the host is closed."""
        if self.closing.wait(seconds) or self.channel.closed:
            raise Gone

    def stay(self) -> None:
        """Say nothing more, and hold the exec open."""
        while True:
            self.pause(0.2)

    def _checked(self, write: Callable[[], None]) -> None:
        if self.closing.is_set():
            raise Gone
        try:
            write()
        except OSError as error:
            raise Gone from error


Mode = Callable[[Talk], None]


def _heartbeats(talk: Talk) -> None:
    talk.greet()
    while True:
        talk.frame("hb")
        talk.pause(0.1)


def _silent_login(talk: Talk) -> None:
    talk.stay()


def _silent_hello(talk: Talk) -> None:
    talk.greet()
    talk.stay()


def _endless_output(talk: Talk) -> None:
    talk.greet()
    talk.tell(f"begin {talk.tasks[0] if talk.tasks else 's0'}")
    while True:
        talk.out(_CHUNK)


def _endless_stderr(talk: Talk) -> None:
    talk.greet()
    talk.tell(f"begin {talk.tasks[0] if talk.tasks else 's0'}")
    while True:
        talk.err(_CHUNK)
        talk.frame("hb")


def _endless_between(talk: Talk) -> None:
    talk.greet()
    while True:
        talk.out(_CHUNK)


def _endless_tasks(talk: Talk) -> None:
    talk.greet()
    number = 0
    while True:
        talk.out(
            b"".join(
                f"\x1e{talk.job} begin t{number + n}\n\x1e{talk.job} end t{number + n} 0 1 -\n".encode()
                for n in range(500)
            )
        )
        number += 500


def _endless_frames(talk: Talk) -> None:
    talk.greet()
    while True:
        talk.out(f"\x1e{talk.job} awaiting 5\n\x1e{talk.job} whatever\n".encode() * 300)


def _unknown_ids(talk: Talk) -> None:
    talk.greet()
    for task in ("never-sent", "../../etc/passwd", "\x1b[2J", "a" * 900):
        talk.tell(f"begin {task}")
        talk.out(b"lie\n")
        talk.tell(f"end {task} 0 5 -")
    talk.bye()


def _end_first(talk: Talk) -> None:
    talk.greet()
    for task in talk.tasks:
        talk.tell(f"end {task} 0 5 -")
        talk.tell(f"begin {task}")
    talk.bye()


def _end_nonsense(talk: Talk) -> None:
    talk.greet()
    for task in talk.tasks:
        talk.tell(f"begin {task}")
        talk.tell(f"end {task} abc {'9' * 400} -")
    talk.bye()


def _huge_sizes(talk: Talk) -> None:
    talk.greet()
    for task in talk.tasks:
        talk.tell(f"begin {task}")
        talk.tell(f"end {task} {'9' * 300} {'9' * 300} -")
    talk.tell(f"bye ok {'9' * 500}")


def _negative_sizes(talk: Talk) -> None:
    talk.greet()
    talk.tell("lock -1")
    for task in talk.tasks:
        talk.tell(f"begin {task}")
        talk.tell(f"end {task} -5 -{'9' * 30} -")
    talk.tell("bye ok -7")


def _short_frames(talk: Talk) -> None:
    talk.greet()
    for words in ("", "begin", "end", "end s0", "skip", "stderr", "late", "bye", "hello", "eof", "error"):
        talk.tell(words)
        talk.frame(words)
    talk.stay()


def _no_answers(talk: Talk) -> None:
    talk.greet()
    talk.bye()


def _no_bye(talk: Talk) -> None:
    talk.greet()
    talk.answer()


def _many_byes(talk: Talk) -> None:
    talk.greet()
    talk.answer()
    for _ in range(1000):
        talk.bye()


def _dead(talk: Talk) -> None:
    talk.greet()
    talk.frame("eof dead")


def _again(talk: Talk) -> None:
    talk.greet()
    talk.frame("eof again")


def _locked(talk: Talk) -> None:
    talk.greet()
    talk.tell(f"locked \x1b]0;owned\x07\x1b[2J\u202egro.live@x {'9' * 200}")
    for task in talk.tasks:
        talk.tell(f"skip {task} locked")
    talk.tell("bye locked 0")


def _foreign_nonce(talk: Talk) -> None:
    other = secrets.token_hex(16)
    talk.frame("hello", other)
    talk.frame(f"hello started {other} open")
    talk.stay()


def _foreign_job(talk: Talk) -> None:
    """The job's greeting names another nonce than the body's."""
    other = secrets.token_hex(16)
    talk.job = other if talk.is_job else talk.job
    _honest_answers(talk)


def _giant_frame(talk: Talk) -> None:
    talk.greet()
    while True:
        talk.out(f"\x1e{talk.job} begin ".encode() + _CHUNK)


def _separators(talk: Talk) -> None:
    talk.greet()
    while True:
        talk.out(b"\x1e" * 32_000)


def _slow_drip(talk: Talk) -> None:
    talk.greet()
    while True:
        talk.out(b".")
        talk.pause(0.1)


def _login_noise(talk: Talk) -> None:
    while True:
        talk.out(_CHUNK)


def _awaiting(talk: Talk) -> None:
    talk.greet()
    talk.answer()
    while True:
        talk.tell("awaiting 1")
        talk.pause(0.1)


def _bad_words(talk: Talk) -> None:
    talk.greet()
    talk.frame(f"eof done \x1b[2J{'9' * 400} x")
    talk.frame("bye \x1b[2J x y z")
    talk.stay()


def _codes_in_status(talk: Talk) -> None:
    talk.greet()
    talk.tell("skip \x1b[31m \x1b[2J")
    talk.tell("decided \x1b[2J keep\x9b31m")
    talk.tell("bye \x1b[2Jok\u202e 3")


def _refusal(talk: Talk) -> None:
    talk.frame("error \x1b[2Jabsent")
    talk.stay()


def _honest_answers(talk: Talk) -> None:
    talk.greet()
    talk.answer()
    talk.bye()
    talk.stay()


def _hang_up(after: int) -> Mode:
    """Close the connection after so many of the usual frames."""

    def mode(talk: Talk) -> None:
        first = talk.tasks[0] if talk.tasks else "s0"
        steps: tuple[Callable[[], None], ...] = (
            talk.greet,
            lambda: talk.tell(f"begin {first}"),
            lambda: talk.out(b"half a line"),
            lambda: talk.tell(f"end {first} 0 5 -"),
        )
        for step in steps[:after]:
            step()
        talk.channel.get_transport().close()

    return mode


MODES: dict[str, Mode] = {
    "again": _again,
    "awaiting": _awaiting,
    "bad-words": _bad_words,
    "codes-in-status": _codes_in_status,
    "dead": _dead,
    "end-first": _end_first,
    "end-nonsense": _end_nonsense,
    "endless-between": _endless_between,
    "endless-frames": _endless_frames,
    "endless-output": _endless_output,
    "endless-stderr": _endless_stderr,
    "endless-tasks": _endless_tasks,
    "foreign-job": _foreign_job,
    "foreign-nonce": _foreign_nonce,
    "giant-frame": _giant_frame,
    "hang-up-0": _hang_up(0),
    "hang-up-1": _hang_up(1),
    "hang-up-2": _hang_up(2),
    "hang-up-3": _hang_up(3),
    "hang-up-4": _hang_up(4),
    "heartbeats": _heartbeats,
    "honest-answers": _honest_answers,
    "huge-sizes": _huge_sizes,
    "locked": _locked,
    "login-noise": _login_noise,
    "many-byes": _many_byes,
    "negative-sizes": _negative_sizes,
    "no-answers": _no_answers,
    "no-bye": _no_bye,
    "refusal": _refusal,
    "separators": _separators,
    "short-frames": _short_frames,
    "silent-hello": _silent_hello,
    "silent-login": _silent_login,
    "slow-drip": _slow_drip,
    "unknown-ids": _unknown_ids,
}
"""Ways to answer an exec; any file transfer then ends at once."""


def entry(name: str, mode: int = stat.S_IFREG | 0o644) -> SFTPAttributes:
    """One line of a listing."""
    found = SFTPAttributes()
    found.filename, found.st_mode, found.st_size = name, mode, 1
    return found


class _Endless(list[SFTPAttributes]):
    """A listing whose every part is followed by another."""

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, SupportsIndex):
            return entry("one")
        return self if index.start else [entry(f"{secrets.token_hex(90)}") for _ in range(16)]


_NAMES = ("../evil", "a/b", "/etc/passwd", "x\ny", "..", ".", "", "\x1b[2J", "x" * 5000)

SFTP_MODES: dict[str, Callable[[str], list[SFTPAttributes]]] = {
    "sftp-endless": lambda _: _Endless([entry("one")]),
    "sftp-names": lambda _: [entry(name) for name in _NAMES],
    **{
        f"sftp-name-{number}": (lambda _, name=name: [entry(name)])  # type: ignore[misc]
        for number, name in enumerate(_NAMES[:7])
    },
    "sftp-folder-up": lambda _: [entry("..", _FOLDER)],
    "sftp-deep": lambda _: [entry("deeper", _FOLDER)],
    "sftp-wide": lambda _: [entry(f"d{n}", _FOLDER) for n in range(50)],
}
"""Ways to list a folder, for an account without a shell; "sftp-silent" never answers."""
