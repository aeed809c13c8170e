"""Limits that paramiko lacks, against hosts that send more than SSH allows."""

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
"""Bytes in one packet; OpenSSH sends at most 256 KiB."""
_BANNER = 64 << 10
"""Bytes in the server's greeting."""
_SLACK = 1 << 20
_NAMES = 10_000
"""Names in one answer to a listing; OpenSSH sends at most a hundred."""


def bound_transport(transport: Transport, seconds: float) -> None:
    """Limit the size of packets, and the size and duration of the server's greeting."""
    packetizer: Any = transport.packetizer
    read_all, read_some = packetizer.read_all, packetizer._read_timeout  # noqa: SLF001 - no public hook
    until = time.monotonic() + seconds
    left = _BANNER

    def limited(size: int, check_rekey: bool = False) -> bytes:  # noqa: FBT001, FBT002 - as paramiko calls it
        if size > _PACKET:
            raise SSHException("the host sent a packet larger than SSH allows")
        return bytes(read_all(size, check_rekey))

    def greeting(timeout: float) -> bytes:
        nonlocal left
        data = bytes(read_some(timeout))
        left -= len(data)
        if left < 0 or time.monotonic() > until:
            raise SSHException(": the greeting does not end")
        return data

    packetizer.read_all, packetizer._read_timeout = limited, greeting  # noqa: SLF001


def bound_channel(channel: Channel, window: int) -> None:
    """Close the connection if the host sends more than the channel's window allows."""
    for pipe in (channel.in_buffer, channel.in_stderr_buffer):
        _bound(pipe, window + _SLACK)


def _bound(pipe: Any, limit: int) -> None:
    feed = pipe.feed

    def limited(data: bytes) -> None:
        if len(pipe) + len(data) > limit:
            raise SSHException("the host sent more than the channel's window allows")
        if data:  # no data would wake a reader, which would then block
            feed(data)

    pipe.feed = limited


class FileTransfer(SFTPClient):
    """An SFTP client that checks listings, and whose error messages are safe to print."""

    def entries(self, folder: str) -> Iterator[SFTPAttributes]:
        """List a directory without ``.`` and ``..``, one answer at a time.

        If the caller stops early, the server's handle stays open until the session ends.
        """
        kind, message = self._request(CMD_OPENDIR, folder)
        if kind != CMD_HANDLE:
            raise SFTPError("no handle for a directory")
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
            raise SFTPError("the packet is too large")
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
            raise OSError("the server reported an error that is not UTF-8") from error
        except OSError as error:
            raise OSError(error.errno, sentence(error.strerror or str(error))) from error


def _names(message: Any) -> Iterator[SFTPAttributes]:
    count = message.get_int()
    if not 0 < count <= _NAMES:
        raise SFTPError(f"a listing with {count} names")
    for _ in range(count):
        name, long = message.get_text(), message.get_text()
        _refuse_extended(message)
        found = SFTPAttributes._from_msg(message, name, long)  # type: ignore[attr-defined]  # noqa: SLF001
        if name not in {".", ".."}:
            yield found


def _refuse_extended(message: Any) -> None:
    """Extended attributes: paramiko would read as many as the server announces, up to four billion."""
    here = message.packet.tell()
    flags = message.get_int()
    message.packet.seek(here)
    if flags & SFTPAttributes.FLAG_EXTENDED:
        raise SFTPError("extended file attributes")
