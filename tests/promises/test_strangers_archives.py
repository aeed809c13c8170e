"""What a host streams into the backup store costs bounded time, memory and disk, and forges nothing."""

from __future__ import annotations

import gzip
import io
import json
import random
import resource
import shutil
import tarfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from runner.backup import FILES, ArchiveStore
from runner.backup.archive import parse_manifest
from runner.backup.index import Entry, entry_line, read_entry, read_index
from runner.backup.inspect import inspect_dump, inspect_tree, read_dump
from runner.backup.receive import Room
from runner.backup.tar import Limits, members
from runner.errors import BackupError
from tests.fuzz import endure, hostile

TRAILER = b"-- Dump completed on 2026-11-23  2:00:00\n"
ROUNDS = 10_000


@contextmanager
def within(seconds: float, memory: int = 64 << 20) -> Iterator[None]:
    """The block takes at most this processor time, and at most so much more memory."""
    peak, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    yield
    assert time.process_time() - began < seconds
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) * 1024 < memory


def header(name: bytes, size: int, kind: bytes = b"0", magic: bytes = b"ustar\x0000") -> bytes:
    """A header block of a tar; sizes beyond octal are binary."""
    told = b"%011o\0" % size if size < 8**11 else (1 << 95 | size).to_bytes(12, "big")
    head = name[:100].ljust(100, b"\0") + b"0000644\0" * 1 + b"0000000\0" * 2 + told + b"00000000000\0"
    tail = kind + b"\0" * 100 + magic
    summed = sum(head) + 8 * 32 + sum(tail)
    return (head + b"%06o\0 " % summed + tail).ljust(512, b"\0")


def padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 512)


def pax(**records: str) -> bytes:
    """An extended header and its records."""
    data = b""
    for key, value in records.items():
        text = f" {key.replace('__', '.')}={value}\n".encode()
        size = len(text) + len(str(len(text) + 2))
        data += str(size).encode() + text
    return header(b"pax", len(data), b"x") + padded(data)


END = b"\0" * 1024
EXBIBYTE = str(1 << 60)
SPARSE = {
    "old GNU": header(b"./hole", 0, b"S", b"ustar  \0") + END,
    "old GNU, large": header(b"./hole", 1 << 60, b"S", b"ustar  \0") + END,
    "pax 0.0": pax(GNU__sparse__size=EXBIBYTE, GNU__sparse__numblocks="0") + header(b"./hole", 0) + END,
    "pax 0.1": pax(GNU__sparse__size=EXBIBYTE, GNU__sparse__map=f"0,{EXBIBYTE}") + header(b"./hole", 0) + END,
    "pax 1.0": pax(GNU__sparse__major="1", GNU__sparse__minor="0", GNU__sparse__realsize=EXBIBYTE)
    + header(b"./hole", 512)
    + END,
}
BOMBS = {
    "size in the header": header(b"./large", 1 << 60) + END,
    "size in a pax header": pax(size=EXBIBYTE) + header(b"./large", 0) + END,
    "folder with content": header(b"./large", 1 << 60, b"D") + END,
    "long name without end": header(b"././@LongLink", 1 << 60, b"L") + END,
    "pax header without end": header(b"pax", 1 << 60, b"x") + END,
    "headers of headers": (header(b"././@LongLink", 512, b"L") + b"a" * 512) * 5000 + END,
    "name of a megabyte": header(b"././@LongLink", 1 << 20, b"L") + b"a" * (1 << 20) + header(b"a", 0) + END,
    "negative size": header(b"./x", 0)[:124] + b"\xff" * 12 + header(b"./x", 0)[136:] + END,
    "unknown kind": header(b"./x", 0, b"?") + END,
}


@pytest.mark.parametrize("data", [*SPARSE.values(), *BOMBS.values()], ids=[*SPARSE, *BOMBS])
def test_a_small_archive_that_promises_much_is_refused_at_once(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "files").write_bytes(gzip.compress(data))
    with within(1.0), pytest.raises(BackupError):
        inspect_tree(tmp_path / "files", tmp_path / "index")


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stream of 384 MiB in about 400 kB."""
    path = tmp_path_factory.mktemp("bomb") / "bomb"
    packer = zlib.compressobj(9, wbits=31)
    piece = b"\0" * (8 << 20)
    path.write_bytes(b"".join(packer.compress(piece) for _ in range(48)) + packer.flush())
    return path


def test_a_stream_that_unpacks_to_far_more_than_it_is_is_refused(tmp_path: Path, bomb: Path) -> None:
    assert bomb.stat().st_size < 1 << 20
    with within(3.0), pytest.raises(BackupError, match="unpacks to more"):
        inspect_dump(bomb)
    packer = zlib.compressobj(9, wbits=31)
    (tmp_path / "files").write_bytes(
        packer.compress(header(b"./zeros", 384 << 20))
        + b"".join(packer.compress(b"\0" * (8 << 20)) for _ in range(48))
        + packer.flush()
    )
    with within(3.0), pytest.raises(BackupError, match="larger than the archive"):
        inspect_tree(tmp_path / "files", tmp_path / "index")


def test_a_stream_behind_a_stream_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dump").write_bytes(gzip.compress(TRAILER) * 2)
    with pytest.raises(BackupError, match="after the end"):
        inspect_dump(tmp_path / "dump")


def test_a_dump_without_a_line_feed_is_read_in_linear_time_and_little_memory(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "dump", "wb", compresslevel=1) as file:
        file.write(b"CREATE TABLE `a` (x int);\n")
        for _ in range(100):
            file.write(random.Random(1).randbytes(1 << 14) * 64)  # noqa: S311 - the same each time
        file.write(b"\n" + TRAILER)
    with within(5.0):
        assert inspect_dump(tmp_path / "dump").tables >= 1


def test_as_many_members_as_one_likes_take_no_memory_and_end_at_a_ceiling() -> None:
    block = header(b"./x", 0)
    tar = io.BytesIO(block * 20_000 + END)

    class Plain:
        read = staticmethod(tar.read)
        exactly = staticmethod(tar.read)

    with within(3.0), pytest.raises(BackupError, match="more than 10000 members"):
        for _ in members(Plain(), Limits(content=1 << 20, members=10_000)):
            pass


def test_a_name_cannot_forge_a_line_of_the_index(tmp_path: Path) -> None:
    forged = f"./a\n{'0' * 64} 5 ./forged.php"
    packed = io.BytesIO()
    names = [forged, "../../etc/passwd", "/etc/passwd", "./\u202egnp.php", "./x\r\x1b[2J", "./caf\udce9"]
    with tarfile.open(
        fileobj=packed, mode="w:gz", format=tarfile.GNU_FORMAT, errors="surrogateescape"
    ) as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name))
    (tmp_path / "files").write_bytes(packed.getvalue())
    assert inspect_tree(tmp_path / "files", tmp_path / "index").files == len(names)
    assert [entry.name for entry in read_index(tmp_path / "index")] == names
    lines = gzip.decompress((tmp_path / "index").read_bytes())
    assert lines.count(b"\n") == len(names)
    assert lines.isascii()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["files", "index"], "nothing is extracted"


def test_an_index_of_an_older_snapshot_is_read(tmp_path: Path) -> None:
    sums = "ab" * 32
    (tmp_path / "index").write_bytes(gzip.compress(f"{sums} 7 ./a file.txt\n".encode()))
    assert list(read_index(tmp_path / "index")) == [Entry(sums, 7, "./a file.txt")]


def test_links_to_anywhere_are_not_followed_and_not_listed(tmp_path: Path) -> None:
    data = header(b"./link", 0, b"2") + header(b"./hard", 0, b"1") + header(b"./real", 0) + END
    (tmp_path / "files").write_bytes(gzip.compress(data))
    inspect_tree(tmp_path / "files", tmp_path / "index")
    assert [entry.name for entry in read_index(tmp_path / "index")] == ["./real"]


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_every_format_of_an_honest_archive_is_read(tmp_path: Path, kind: int) -> None:
    packed = io.BytesIO()
    long = "./" + "/".join(["folder" * 6] * 5) + "/file.txt"
    with tarfile.open(fileobj=packed, mode="w:gz", format=kind) as tar:
        for name in ("./a", long):
            info = tarfile.TarInfo(name)
            info.size = 1000
            tar.addfile(info, io.BytesIO(b"x" * 1000))
    (tmp_path / "files").write_bytes(packed.getvalue())
    assert inspect_tree(tmp_path / "files", tmp_path / "index").content == 2000
    assert [entry.name for entry in read_index(tmp_path / "index")] == ["./a", long]


class Disk(NamedTuple):
    """What `shutil.disk_usage` tells."""

    total: int
    used: int
    free: int


def test_a_stream_without_end_stops_before_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = 0
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(100 << 30, 0, (1 << 30) + (64 << 20) - sent))
    draft = ArchiveStore(tmp_path).begin("shop")

    def endless() -> None:
        nonlocal sent
        with draft.open(FILES) as file:
            while sent < 1 << 30:
                file.write(b"\0" * (1 << 20))
                sent += 1 << 20

    with pytest.raises(BackupError, match="1024 MiB left"):
        endless()
    assert sent <= 64 << 20
    draft.discard()
    assert not list((tmp_path / "shop").glob("*[0-9]*")), "nothing of it stays"


def test_a_snapshot_has_a_ceiling_for_all_of_its_streams(tmp_path: Path) -> None:
    room = Room(tmp_path, largest=1000)
    room.take(600)
    with pytest.raises(BackupError, match="more than"):
        room.take(600)


def test_hostile_archives_are_endured(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in ("./a", "./" + "b" * 200):
            info = tarfile.TarInfo(name)
            info.size = 700
            tar.addfile(info, io.BytesIO(b"x" * 700))
    corpus = (
        packed.getvalue()[:4608],
        *SPARSE.values(),
        *(bomb for bomb in BOMBS.values() if len(bomb) < 9999),
    )

    def parse(data: bytes) -> None:
        tar = io.BytesIO(data)

        class Plain:
            read = staticmethod(tar.read)
            exactly = staticmethod(tar.read)

        for member in members(Plain(), Limits(content=1 << 20)):
            for _ in member.chunks:
                pass

    assert endure(parse, hostile(corpus, ROUNDS))


def test_hostile_streams_are_endured() -> None:
    corpus = [gzip.compress(b"CREATE TABLE `a` (x int);\n" * 9 + TRAILER), gzip.compress(b"\0" * 9999)]
    assert endure(lambda data: read_dump(io.BytesIO(data), len(data)), hostile(corpus, ROUNDS))


def test_hostile_lines_of_an_index_are_endured() -> None:
    corpus = [entry_line(Entry("ab" * 32, 7, "./a"))[:-1], b"ab" * 32 + b" 7 ./a"]
    assert endure(read_entry, hostile(corpus, ROUNDS))


def test_hostile_manifests_are_endured(tmp_path: Path) -> None:
    part = {"name": FILES, "bytes": 1, "sha256": "ab" * 32, "content": 1}
    told = {"snapshot": "a", "site": "shop", "taken": "2026-11-23T02:00:00+00:00", "run": "weekly-1"}
    corpus = [json.dumps({**told, "parts": [part], "files": 1, "tables": None}).encode()]
    parse_manifest(corpus[0])
    assert endure(parse_manifest, hostile(corpus, ROUNDS), refusals=(ValueError,))
    for name in ("../../../etc/passwd", "/etc/passwd", "manifest.json"):
        with pytest.raises(ValueError, match="unknown part"):
            parse_manifest(json.dumps({**told, "parts": [{**part, "name": name}]}).encode())
