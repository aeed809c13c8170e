"""A live connection and the execs on it, each with a limit on every wait."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from runner.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramiko import Channel, Transport

    from runner.execute.careful import FileTransfer
    from runner.execute.endpoint import Endpoint

__all__ = ["ClosedError", "CutError", "Exec", "Link"]

READ = 32 * 1024
_PARTING = 10.0
"""Seconds for the message that ends an exec; a host that does not read blocks it."""


class CutError(Exception):
    """The link or the exec on it broke. Says nothing about what happens on the host."""


class ClosedError(CutError):
    """We closed the connections ourselves: there will be no other."""


class Exec:
    """One command on the host; its stdin, stdout and stderr."""

    def __init__(self, link: Link, channel: Channel) -> None:
        self._link = link
        self._channel = channel
        # one for each stream: the channel has a single timeout, which its other threads set anew
        self._came, self._came_error = threading.Event(), threading.Event()
        channel.in_buffer.set_event(self._came)
        channel.in_stderr_buffer.set_event(self._came_error)

    def send(self, data: bytes, limit: float) -> None:
        """Write to the command's stdin.

        Raises:
            CutError: the link broke, or `limit` seconds passed.
        """
        with _cuts(), self._link.watched(limit):
            self._channel.settimeout(limit)
            self._channel.sendall(data)

    def finish(self) -> None:
        """End the command's stdin: nothing more is sent.

        Raises:
            CutError: the link broke, or the host does not read.
        """
        with _cuts(), self._link.watched(_PARTING):
            self._channel.shutdown_write()

    def receive(self, limit: float) -> bytes | None:
        """What comes next from stdout: bytes, empty at its end, or None when `limit` seconds passed.

        Raises:
            CutError: the link broke.
        """
        with _cuts():
            return self._channel.recv(READ) if self._came.wait(limit) else None

    def receive_error(self) -> bytes:
        """What comes next from stderr; empty at its end. Waits without a limit: for a thread of its own."""
        with _cuts():
            self._came_error.wait()
            return self._channel.recv_stderr(READ)

    def waiting_error(self) -> bytes:
        """What has come from stderr so far, without waiting."""
        with _cuts():
            return self._channel.recv_stderr(READ) if self._channel.recv_stderr_ready() else b""

    def exit_status(self, limit: float) -> int | None:
        """The command's, if it comes within `limit` seconds over a link that lives; a cut link has none."""
        channel = self._channel
        came = channel.status_event.wait(limit) and self._link.alive and channel.exit_status >= 0
        return channel.exit_status if came else None

    def close(self) -> None:
        """Let go of the command; a job goes on."""
        with contextlib.suppress(Exception), self._link.watched(_PARTING):
            self._channel.close()
        self._link.left(self)


class Tunnel:
    """A channel as a socket that can be closed although the link under it is gone."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def close(self) -> None:
        """Close; never an error."""
        with contextlib.suppress(Exception):
            self._channel.close()


class Link:
    """One logged-in connection. Threads share it."""

    def __init__(self, endpoint: Endpoint, connection: Any) -> None:
        self.endpoint = endpoint
        self._connection = connection
        self._transport: Transport = connection.transport
        self._transport.set_keepalive(15)
        # paramiko's reader wakes up this often without cause; `close` does not wait for it
        self._transport.sock.settimeout(2.0)
        self._change = threading.Condition()
        self._execs: set[Exec] = set()
        self._lingering: dict[str, Exec] = {}
        self.greeted = False
        """Whether a command of ours was reached over this link: the login's shell runs what it is given."""

    @property
    def alive(self) -> bool:
        """As far as is known here."""
        return bool(self._transport.is_active())

    def run(self, command: str, limit: float, *, data: bytes = b"", window: int | None = None) -> Exec:
        """Start a command and give it the first of its stdin, within `limit` seconds.

        Where the host allows no more sessions, waits for one of ours to end.

        Raises:
            CutError: the link broke, or nothing happened for `limit` seconds.
            UnreachableError: the host allows no session at all.
        """
        refusals = 0
        while True:
            with self._change:
                refusals = 0 if self._execs else refusals + 1
            try:
                channel = self._open(command, data, limit, window)
            except _NoRoom as error:
                self._make_room(refusals, error)
                continue
            except CutError:
                self.close()  # so that nobody is handed this link again
                raise
            made = Exec(self, channel)
            with self._change:
                self._execs.add(made)
            return made

    def sftp(self, limit: float) -> FileTransfer:
        """A session of file transfer; no wait in it takes longer than `limit` seconds. The caller closes it.

        Raises:
            CutError: the link broke, or the host has no file transfer.
        """
        import struct

        from paramiko import SFTPError

        from runner.execute.careful import FileTransfer, bound_channel

        with _cuts(), self.watched(limit):
            try:
                client = FileTransfer.from_transport(self._transport)
            except (SFTPError, struct.error, IndexError) as error:
                raise CutError(f"its file transfer does not begin as it should: {error}") from error
        if client is None:
            raise CutError("the host opens no session for file transfer")
        bound_channel(client.sock, self._transport.default_window_size)
        client.sock.settimeout(limit)
        return client

    def forward(self, host: str, port: int, limit: float) -> Tunnel:
        """A TCP connection from the host to elsewhere, as a socket."""
        with _cuts(), self.watched(limit):
            return Tunnel(self._transport.open_channel("direct-tcpip", (host, port), ("", 0), timeout=limit))

    def linger(self, job: str, exec_: Exec) -> None:
        """Keep an exec whose job is over: it takes the word `ack`."""
        with self._change:
            old = self._lingering.pop(job, None)
            self._lingering[job] = exec_
            self._change.notify_all()
        if old is not None:
            old.close()

    def lingering(self, job: str) -> Exec | None:
        """The exec kept for this job; it is the caller's now."""
        with self._change:
            return self._lingering.pop(job, None)

    def left(self, exec_: Exec) -> None:
        """An exec of this link was closed."""
        with self._change:
            self._execs.discard(exec_)
            self._change.notify_all()

    def close(self) -> None:
        """Break the connection, and with it every wait on it."""
        with contextlib.suppress(Exception):
            self._transport.sock.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(Exception):
            self._connection.client.close()
        with contextlib.suppress(Exception):
            self._transport.sock.close()
        with self._change:
            self._execs.clear()
            self._lingering.clear()
            self._change.notify_all()

    @contextlib.contextmanager
    def watched(self, limit: float) -> Iterator[None]:
        """Close the link when the block takes longer: several of paramiko's waits have no limit."""
        timer = threading.Timer(limit, self.close)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _open(self, command: str, data: bytes, limit: float, window: int | None) -> Channel:
        from paramiko import ChannelException

        from runner.execute.careful import bound_channel

        with _cuts(), self.watched(limit + 1):
            try:
                channel = self._transport.open_session(timeout=limit, window_size=window)
            except ChannelException as error:
                raise _NoRoom(str(error)) from error
            bound_channel(channel, window or self._transport.default_window_size)
            try:
                channel.exec_command(command)
                channel.settimeout(limit)
                self._feed(channel, data)
            except BaseException:
                channel.close()
                raise
            return channel

    def _feed(self, channel: Channel, data: bytes) -> None:
        """Give a command its stdin. One that ends before it has read all has said why."""
        try:
            channel.sendall(data)
        except OSError:
            if not (channel.closed and self.alive):
                raise

    def _make_room(self, refusals: int, error: _NoRoom) -> None:
        """Let go of execs that only linger, else wait for one that works."""
        with self._change:
            if self._execs and not self._lingering:
                self._change.wait(5.0)
                refusals = 1
            lingering = list(self._lingering.values())
            self._lingering.clear()
        for exec_ in lingering:
            exec_.close()
        if refusals > 6:  # noqa: PLR2004
            raise UnreachableError(
                f"{self.endpoint.called}: the host takes the login and then opens no session",
                hint="May the account run commands? Look at MaxSessions and ForceCommand of its sshd.",
            ) from error
        time.sleep(0.03 * refusals)  # the host's end of a session closes a moment after ours


class _NoRoom(Exception):  # noqa: N818 - never leaves this module
    """The host opens no further session."""


@contextlib.contextmanager
def _cuts() -> Iterator[None]:
    from paramiko import SSHException

    try:
        yield
    except (OSError, EOFError, SSHException) as error:
        raise CutError(str(error) or type(error).__name__) from error
