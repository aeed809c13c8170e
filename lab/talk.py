"""One exec of a hostile host: what was asked, and how to answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

    from paramiko import Channel

__all__ = ["Gone", "Talk"]


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
