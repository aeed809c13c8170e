"""An SSH connection and its exec channels. Every wait has a limit."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from runner.errors import UnreachableError
from runner.execute.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramiko import Channel, Transport

    from runner.execute.careful import FileTransfer
    from runner.execute.endpoint import Endpoint

__all__ = ["ClosedError", "CutError", "Exec", "Link"]

READ = 32 * 1024
_PARTING = 10.0
"""Seconds for the message that closes a channel; a host that does not read blocks it."""
_watchdog = Watchdog()


class CutError(Exception):
    """The connection or the channel broke. What happens on the host is unknown."""


class ClosedError(CutError):
    """We closed the connections ourselves; do not reconnect."""


class Exec:
    """An exec channel: one command on the host, with its stdin, stdout and stderr."""

    def __init__(self, link: Link, channel: Channel) -> None:
        self._link = link
        self._channel = channel
        # one event for each stream: the channel has a single timeout, which other threads change
        self._came, self._came_error = threading.Event(), threading.Event()
        channel.in_buffer.set_event(self._came)
        channel.in_stderr_buffer.set_event(self._came_error)

    def send(self, data: bytes, limit: float) -> None:
        """Write to the command's stdin.

        Raises:
            CutError: the connection broke, or `limit` seconds passed.
        """
        with _cuts(), self._link.watched(limit):
            self._channel.settimeout(limit)
            self._channel.sendall(data)

    def finish(self) -> None:
        """Close the command's stdin.

        Raises:
            CutError: the connection broke, or the host does not read.
        """
        with _cuts(), self._link.watched(_PARTING):
            self._channel.shutdown_write()

    def receive(self, limit: float) -> bytes | None:
        """Read from stdout: bytes, empty at its end, or None after `limit` seconds.

        Raises:
            CutError: the connection broke.
        """
        with _cuts():
            return self._channel.recv(READ) if self._came.wait(limit) else None

    def receive_error(self) -> bytes:
        """Read from stderr; empty at its end. Waits without a limit, so call it in a thread of its own."""
        with _cuts():
            self._came_error.wait()
            return self._channel.recv_stderr(READ)

    def waiting_error(self) -> bytes:
        """Read what has arrived on stderr, without waiting."""
        with _cuts():
            return self._channel.recv_stderr(READ) if self._channel.recv_stderr_ready() else b""

    def exit_status(self, limit: float) -> int | None:
        """Wait for the exit status; None after `limit` seconds or if the connection is closed."""
        channel = self._channel
        came = channel.status_event.wait(limit) and self._link.alive and channel.exit_status >= 0
        return channel.exit_status if came else None

    def close(self) -> None:
        """Close the channel. A job continues on the host."""
        with contextlib.suppress(Exception), self._link.watched(_PARTING):
            self._channel.close()
        self._link.forget(self)


class Tunnel:
    """A channel as a socket whose `close` never fails, even if the connection is gone."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def close(self) -> None:
        """Close, ignoring errors."""
        with contextlib.suppress(Exception):
            self._channel.close()


class Link:
    """One authenticated connection, shared by threads."""

    def __init__(self, endpoint: Endpoint, connection: Any) -> None:
        self.endpoint = endpoint
        self._connection = connection
        self._transport: Transport = connection.transport
        self._transport.set_keepalive(15)
        # how often paramiko's reader wakes up; `close` does not wait for it
        self._transport.sock.settimeout(2.0)
        self._change = threading.Condition()
        self._execs: set[Exec] = set()
        self._lingering: dict[str, Exec] = {}
        self.greeted = False
        """Whether the login shell has run a command of ours on this connection."""

    @property
    def alive(self) -> bool:
        """Whether the connection is open, as far as is known here."""
        return bool(self._transport.is_active())

    def run(self, command: str, limit: float, *, data: bytes = b"", window: int | None = None) -> Exec:
        """Start a command and send the first bytes of its stdin, within `limit` seconds.

        If the host allows no more sessions, wait until one of ours ends.

        Raises:
            CutError: the connection broke, or nothing happened for `limit` seconds.
            UnreachableError: the host allows no session at all.
        """
        refusals = 0
        while True:
            with self._change:
                refusals = 0 if self._execs else refusals + 1
            try:
                channel = self._open(command, data, limit, window)
            except _NoSession as error:
                self._make_room(refusals, error)
                continue
            except CutError:
                self.close()  # so that the pool does not hand it out again
                raise
            made = Exec(self, channel)
            with self._change:
                self._execs.add(made)
            return made

    def sftp(self, limit: float) -> FileTransfer:
        """Open an SFTP session in which no wait takes longer than `limit` seconds. The caller closes it.

        Raises:
            CutError: the connection broke, or the host has no SFTP.
        """
        import struct

        from paramiko import SFTPError

        from runner.execute.careful import FileTransfer, bound_channel

        with _cuts(), self.watched(limit):
            try:
                client = FileTransfer.from_transport(self._transport)
            except (SFTPError, struct.error, IndexError) as error:
                raise CutError(f"invalid SFTP greeting: {error}") from error
        if client is None:
            raise CutError("the host opens no SFTP session")
        bound_channel(client.sock, self._transport.default_window_size)
        client.sock.settimeout(limit)
        return client

    def forward(self, host: str, port: int, limit: float) -> Tunnel:
        """Open a TCP connection from the host to another one, as a socket."""
        with _cuts(), self.watched(limit):
            return Tunnel(self._transport.open_channel("direct-tcpip", (host, port), ("", 0), timeout=limit))

    def linger(self, job: str, exec_: Exec) -> None:
        """Keep the channel of a finished job open, for the word `ack`."""
        with self._change:
            old = self._lingering.pop(job, None)
            self._lingering[job] = exec_
            self._change.notify_all()
        if old is not None:
            old.close()

    def lingering(self, job: str) -> Exec | None:
        """Hand over the channel kept for this job, if any."""
        with self._change:
            return self._lingering.pop(job, None)

    def forget(self, exec_: Exec) -> None:
        """Remove a closed channel."""
        with self._change:
            self._execs.discard(exec_)
            self._change.notify_all()

    def close(self) -> None:
        """Close the connection. All waits on it end."""
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
        """Close the connection if the block takes longer: several of paramiko's waits have no limit."""
        with _watchdog.watch(limit, self.close):
            yield

    def _open(self, command: str, data: bytes, limit: float, window: int | None) -> Channel:
        from paramiko import ChannelException

        from runner.execute.careful import bound_channel

        with _cuts(), self.watched(limit + 1):
            try:
                channel = self._transport.open_session(timeout=limit, window_size=window)
            except ChannelException as error:
                raise _NoSession(str(error)) from error
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
        """Send stdin. If the command closes it early, the reason is in its output."""
        try:
            channel.sendall(data)
        except OSError:
            if not (channel.closed and self.alive):
                raise

    def _make_room(self, refusals: int, error: _NoSession) -> None:
        """Close channels of finished jobs, or wait for a running one to end."""
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
                f"{self.endpoint.called}: the host accepts the login but opens no session",
                hint="Check MaxSessions and ForceCommand in its sshd_config.",
            ) from error
        time.sleep(0.03 * refusals)  # the host closes its end of a session a moment after ours


class _NoSession(Exception):  # noqa: N818 - never leaves this module
    """The host allows no further session."""


@contextlib.contextmanager
def _cuts() -> Iterator[None]:
    from paramiko import SSHException

    try:
        yield
    except (OSError, EOFError, SSHException) as error:
        raise CutError(str(error) or type(error).__name__) from error
