"""Sizes and packets of a file server are not believed: nothing is reserved or awaited on its word."""

from __future__ import annotations

import io
import struct
from functools import partial

import pytest
from paramiko import SFTPAttributes, SFTPHandle, SFTPServer
from paramiko.sftp import CMD_VERSION

from lab import hostile
from lab.hostile import HostileHost
from runner.errors import ProtocolError, UnreachableError
from runner.execute import Pool
from runner.execute.sftp import transfer
from tests.promises.evil_endpoint import evil_endpoint

HUGE = 1 << 60


class Bottomless(SFTPHandle):
    """A file that has any byte that is asked for."""

    def stat(self):
        found = SFTPAttributes()
        found.st_size, found.st_mode = HUGE, 0o100644
        return found

    def read(self, _offset, length):
        return b"x" * min(length, 32_768)

    def write(self, _offset, _data):
        return 0

    def chattr(self, _attributes):
        return 0


@pytest.fixture
def reach(tmp_path, monkeypatch):
    """The endpoint of a host whose files are all bottomless."""
    for name, answer in (
        ("open", lambda _files, _path, _flags, _attributes: Bottomless()),
        ("chattr", lambda _files, _path, _attributes: 0),
    ):
        monkeypatch.setattr(hostile._Files, name, answer, raising=False)

    return partial(evil_endpoint, folder=tmp_path)


def test_a_file_is_not_summed_beyond_the_size_that_was_sent(reach):
    with (
        HostileHost("sftp-deep") as host,
        Pool() as pool,
        pytest.raises(ProtocolError, match="larger"),
        transfer(pool, reach(host)) as files,
    ):
        files.put(io.BytesIO(b"abc"), "/site/file", mode=0o644, mtime=0)


def test_the_beginning_of_a_file_without_end_has_the_size_that_was_asked_for(reach):
    with HostileHost("sftp-deep") as host, Pool() as pool, transfer(pool, reach(host)) as files:
        assert len(files.read("/site/file", 100_000)) == 100_000


@pytest.mark.parametrize(
    "packet",
    [
        struct.pack(">IB", 0xFFFFFFF0, CMD_VERSION) + b"x" * 2000,
        struct.pack(">IB", 1, CMD_VERSION),
        struct.pack(">IB", 5, 99) + b"\0\0\0\3",
        struct.pack(">I", 0),
    ],
    ids=["4-gigabytes", "no-version", "another-packet", "empty"],
)
def test_a_session_that_begins_with_nonsense_is_our_error(packet, reach, monkeypatch):
    def begin(server):
        server.sock.sendall(packet)
        raise EOFError

    monkeypatch.setattr(SFTPServer, "_send_server_version", begin)
    with (
        HostileHost("sftp-deep") as host,
        Pool() as pool,
        pytest.raises(UnreachableError),
        transfer(pool, reach(host)) as files,
    ):
        files.names("/site")
