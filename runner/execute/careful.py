"""Paramiko's classes with the limits that they lack: a host may send more than SSH allows it to send."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from paramiko import SFTPAttributes, SFTPClient, SFTPError, SSHException
from paramiko.sftp import CMD_ATTRS, CMD_CLOSE, CMD_HANDLE, CMD_NAME, CMD_OPENDIR, CMD_READDIR

from runner.untrusted import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramiko import Channel, Transport

__all__ = ["FileTransfer", "bound_channel", "bound_transport"]

_PACKET = 1 << 20
"""Bytes of one packet; OpenSSH sends at most 256 KiB."""
_BANNER = 64 << 10
"""Bytes before the end of the server's greeting."""
_SLACK = 1 << 20
_NAMES = 10_000
"""Of one answer to a listing; OpenSSH gives at most a hundred."""


def bound_transport(transport: Transport, seconds: float) -> None:
    """Limit the size of a packet, and the size and time of the server's greeting."""
    packetizer: Any = transport.packetizer
    read_all, read_some = packetizer.read_all, packetizer._read_timeout  # noqa: SLF001 - no public hook
    until = time.monotonic() + seconds
    left = _BANNER

    def limited(size: int, check_rekey: bool = False) -> bytes:  # noqa: FBT001, FBT002 - as paramiko calls it
        if size > _PACKET:
            raise SSHException("a packet larger than SSH allows")
        return bytes(read_all(size, check_rekey))

    def greeting(timeout: float) -> bytes:
        nonlocal left
        data = bytes(read_some(timeout))
        left -= len(data)
        if left < 0 or time.monotonic() > until:
            raise SSHException(": a greeting without end")
        return data

    packetizer.read_all, packetizer._read_timeout = limited, greeting  # noqa: SLF001


def bound_channel(channel: Channel, window: int) -> None:
    """Give the connection up when the host sends more than the channel's window allows."""
    for pipe in (channel.in_buffer, channel.in_stderr_buffer):
        _bound(pipe, window + _SLACK)


def _bound(pipe: Any, limit: int) -> None:
    feed = pipe.feed

    def limited(data: bytes) -> None:
        if len(pipe) + len(data) > limit:
            raise SSHException("the host sends more than the channel's window")
        if data:  # nothing would wake a reader, who would then wait for more
            feed(data)

    pipe.feed = limited


class FileTransfer(SFTPClient):
    """A client that takes no listing on trust, and whose errors are fit for a screen."""

    def entries(self, folder: str) -> Iterator[SFTPAttributes]:
        """What the server lists, answer by answer, without ``.`` and ``..``.

        A caller that stops early leaves the server's handle open until the session ends.
        """
        kind, message = self._request(CMD_OPENDIR, folder)
        if kind != CMD_HANDLE:
            raise SFTPError("a folder that opens without a handle")
        handle = message.get_string()
        while True:
            try:
                kind, message = self._request(CMD_READDIR, handle)
            except EOFError:
                break
            if kind != CMD_NAME:
                raise SFTPError("a listing without names")
            yield from _names(message)
        self._request(CMD_CLOSE, handle)

    def _read_all(self, n: int) -> bytes:
        if n > _PACKET:
            raise SFTPError("a packet larger than any answer")
        return bytes(super()._read_all(n))  # type: ignore[misc]

    def _request(self, kind: int, *arguments: Any) -> tuple[int, Any]:
        answer: tuple[int, Any] = super()._request(kind, *arguments)  # type: ignore[misc]
        if answer[0] == CMD_ATTRS:
            _refuse_extended(answer[1])
        return answer

    def _convert_status(self, msg: Any) -> None:
        try:
            super()._convert_status(msg)  # type: ignore[misc]
        except EOFError:
            raise
        except UnicodeDecodeError as error:
            raise OSError("an error whose words are not UTF-8") from error
        except OSError as error:
            raise OSError(error.errno, sentence(error.strerror or str(error))) from error


def _names(message: Any) -> Iterator[SFTPAttributes]:
    count = message.get_int()
    if not 0 < count <= _NAMES:
        raise SFTPError(f"an answer with {count} names")
    for _ in range(count):
        name, long = message.get_text(), message.get_text()
        _refuse_extended(message)
        found = SFTPAttributes._from_msg(message, name, long)  # type: ignore[attr-defined]  # noqa: SLF001
        if name not in {".", ".."}:
            yield found


def _refuse_extended(message: Any) -> None:
    """Paramiko reads as many extended attributes as the server announces: four thousand million."""
    here = message.packet.tell()
    flags = message.get_int()
    message.packet.seek(here)
    if flags & SFTPAttributes.FLAG_EXTENDED:
        raise SFTPError("attributes that no file has")
