"""SMTP connections that cannot be held up: answers have a maximum length, and everything has a time limit."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from runner.deliver.results import SmtpLimits

__all__ = ["Deadline", "PlainClient", "TlsClient"]

_LINE = 2048
"""Maximum bytes per line of an answer; the protocol allows 512."""
_LINES = 100
_CODE = re.compile(rb"[2-5][0-9][0-9](?=[ \r\n-]|$)")
_TOLERANCE = 0.02
"""Seconds: the last wait and the whole conversation end at the same time."""


class Deadline:
    """The time limit of a conversation, which closes the connection when it passes."""

    def __init__(self, limits: SmtpLimits) -> None:
        self.client: smtplib.SMTP | None = None
        self._limits = limits
        self._end = time.monotonic() + limits.whole
        self._passed = False

    @property
    def passed(self) -> bool:
        """Whether the time limit passed."""
        return self._passed or time.monotonic() > self._end - _TOLERANCE

    def next_wait(self) -> float:
        """Return the seconds that the next wait may take.

        Raises:
            TimeoutError: the time limit passed.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            self._passed = True
            raise TimeoutError("the time limit passed")
        return min(self._limits.wait, left)

    def shorten(self, seconds: float) -> None:
        """Set a new time limit, counted from now; at most that of one wait."""
        self._end = time.monotonic() + min(self._limits.wait, seconds)

    @contextmanager
    def enforced(self) -> Iterator[None]:
        """Close the connection when the time limit passes, even if the server keeps sending bytes."""
        timer = threading.Timer(max(self._end - time.monotonic(), 0), self._close_socket)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _close_socket(self) -> None:
        self._passed = True
        if self.client is not None and self.client.sock is not None:
            with suppress(OSError):
                self.client.sock.shutdown(socket.SHUT_RDWR)


class _BoundedClient(smtplib.SMTP):
    """Reads answers of limited length, and within the time limit of the conversation.

    It registers itself before it connects, so that the deadline can close the connection at any time.
    """

    deadline: Deadline

    def getreply(self) -> tuple[int, bytes]:
        """Return code and text of the next answer; the code is -1 if the answer has none.

        Raises:
            smtplib.SMTPServerDisconnected: the connection was lost, or the answer is too long.
            TimeoutError: the time limit passed.
        """
        lines: list[bytes] = []
        while len(lines) < _LINES:
            line = self._line()
            lines.append(line[4:].strip(b" \t\r\n"))
            if not _CODE.match(line) or line[3:4] != b"-":
                return int(line[:3]) if _CODE.match(line) else -1, b"\n".join(lines)
        self.close()
        raise smtplib.SMTPServerDisconnected(f"the answer has more than {_LINES} lines")

    def _line(self) -> bytes:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        self.sock.settimeout(self.deadline.next_wait())
        if self.file is None:
            self.file = self.sock.makefile("rb")
        try:
            line = self.file.readline(_LINE + 1)
        except OSError as error:
            self.close()
            raise smtplib.SMTPServerDisconnected(f"connection lost: {error}") from error
        if line.endswith(b"\n") and len(line) <= _LINE:
            return line
        self.close()
        why = "the answer has a line that is too long" if len(line) > _LINE else "connection lost"
        raise smtplib.SMTPServerDisconnected(why)


class PlainClient(_BoundedClient):
    """A connection that is encrypted later with STARTTLS, or not at all."""

    def __init__(self, deadline: Deadline, host: str, port: int) -> None:
        self.deadline, deadline.client = deadline, self
        super().__init__(host, port, timeout=deadline.next_wait())


class TlsClient(_BoundedClient, smtplib.SMTP_SSL):
    """A connection that is encrypted from the first byte."""

    def __init__(self, deadline: Deadline, host: str, port: int, *, context: ssl.SSLContext) -> None:
        self.deadline, deadline.client = deadline, self
        super().__init__(host, port, timeout=deadline.next_wait(), context=context)
