"""Streams survive rekeying, which hosts may ask for every few megabytes."""

from __future__ import annotations

import hashlib
import os
import threading

import pytest
from paramiko import Transport
from paramiko.packet import Packetizer

from runner.execute import Command, stream, upload

SIZE = 48_000_000
FEW = 2_000_000
"""Bytes of a stream that is too short for the host to rekey."""
PIECE = 1 << 16
COMMAND = Command("a", f"head -c {SIZE} /dev/zero")


@pytest.fixture
def exchanges(monkeypatch):
    """A list with one entry for each key exchange."""
    begun = []
    begin = Transport._send_kex_init
    monkeypatch.setattr(Transport, "_send_kex_init", lambda self: (begun.append(self), begin(self)))
    return begun


def test_a_download_survives_rekeying(hosts, pool, exchanges):
    got = bytearray()
    record = stream(pool, hosts.endpoint(), [COMMAND], lambda _, data: got.extend(data))["a"]
    assert (record.size, len(got), got.count(0)) == (SIZE, SIZE, SIZE)
    assert len(exchanges) > 3


def test_an_upload_survives_rekeying(hosts, pool, exchanges):
    sent_sum = hashlib.sha256()

    def source(pipe):
        for _ in range(SIZE // PIECE):
            piece = os.urandom(PIECE)
            sent_sum.update(piece)
            pipe.write(piece)

    sent = upload(pool, hosts.endpoint(), "true", "sha256sum", source)
    assert (sent.code, sent.output.split()[0]) == (0, sent_sum.hexdigest())
    assert len(exchanges) > 3


def test_we_do_not_rekey_while_channels_close(hosts, pool, exchanges, monkeypatch):
    """Paramiko's thread would deadlock, and the connection would be lost."""
    monkeypatch.setattr(Packetizer, "REKEY_BYTES", 1 << 20)
    sizes = []

    def receive():
        command = Command("a", f"head -c {FEW} /dev/zero")
        sizes.append(stream(pool, hosts.endpoint(), [command], lambda *_: None)["a"].size)

    readers = [threading.Thread(target=receive) for _ in range(3)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(60)
    assert sizes == [FEW] * 3
    assert len(exchanges) == 1
