"""The archive store: a snapshot is complete only if it was read back, and verified only if unchanged."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import stat
import tarfile
from typing import TYPE_CHECKING

import pytest

from runner.backup import DATABASE, FILES, MANIFEST, ArchiveStore
from runner.backup.index import read_index
from runner.backup.inspect import inspect_dump, inspect_tree
from runner.backup.outside import leading_out
from runner.backup.tar import Link, Noted
from runner.errors import BackupError

if TYPE_CHECKING:
    from pathlib import Path

    from runner.backup import Snapshot

DUMP = b"CREATE TABLE `a` (x int);\nCREATE TABLE `b` (x int);\nINSERT INTO `a` VALUES ('CREATE TABLE c');\n"
TRAILER = b"-- Dump completed on 2026-11-23  2:00:00\n"


def archive(files: dict[str, bytes]) -> bytes:
    """Return a tar in gzip, as `tar -cf - .` writes it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        folder = tarfile.TarInfo("./wp-content")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()


FILES_IN_IT = {
    "./index.php": b"<?php // hello\n",
    "./wp-content/a file.txt": b"x" * 3_000_000,
    "./empty": b"",
}


def store(folder: Path, *, dump: bytes | None = None, files: bytes | None = None) -> Snapshot:
    draft = ArchiveStore(folder).begin("shop")
    for name, data in ((DATABASE, dump), (FILES, files)):
        if data is not None:
            with draft.open(name) as file:
                file.write(data)
    return draft.commit("weekly-1")


@pytest.fixture
def whole(tmp_path: Path) -> Snapshot:
    return store(tmp_path, dump=gzip.compress(DUMP + TRAILER), files=archive(FILES_IN_IT))


def test_snapshot_describes_its_content(tmp_path: Path, whole: Snapshot) -> None:
    assert (whole.site, whole.run, whole.tables, whole.files) == ("shop", "weekly-1", 2, 3)
    assert [part.name for part in whole.parts] == [DATABASE, FILES, "files.index.gz"]
    assert ArchiveStore(tmp_path).snapshots("shop") == (whole,)
    assert ArchiveStore(tmp_path).verify(whole) == ()


def test_manifest_has_sizes_and_checksums(tmp_path: Path, whole: Snapshot) -> None:
    folder = tmp_path / "shop" / whole.snapshot
    manifest = json.loads((folder / MANIFEST).read_text())
    for part in manifest["parts"]:
        data = (folder / part["name"]).read_bytes()
        assert part["bytes"] == len(data)
        assert part["sha256"] == hashlib.sha256(data).hexdigest()
        assert part["content"] == len(gzip.decompress(data)) or part["name"] == FILES
    assert whole.bytes == sum(part["bytes"] for part in manifest["parts"])


def test_index_lists_every_file_with_its_hash(tmp_path: Path, whole: Snapshot) -> None:
    text = gzip.decompress((tmp_path / "shop" / whole.snapshot / "files.index.gz").read_bytes()).decode()
    listed = [json.loads(line) for line in text.splitlines()]
    assert listed == [
        {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "name": name}
        for name, data in FILES_IN_IT.items()
    ]


def test_snapshot_is_readable_only_by_owner(tmp_path: Path, whole: Snapshot) -> None:
    folder = tmp_path / "shop" / whole.snapshot
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_verify_finds_a_changed_byte(tmp_path: Path, whole: Snapshot) -> None:
    path = tmp_path / "shop" / whole.snapshot / FILES
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert ArchiveStore(tmp_path).verify(whole) == (f"{FILES} differs from its checksum in the manifest",)


def test_verify_finds_missing_and_truncated_parts(tmp_path: Path, whole: Snapshot) -> None:
    folder = tmp_path / "shop" / whole.snapshot
    (folder / DATABASE).unlink()
    cut = (folder / FILES).read_bytes()[:-7]
    (folder / FILES).write_bytes(cut)
    assert ArchiveStore(tmp_path).verify(whole) == (
        f"{DATABASE} is missing",
        f"{FILES} has {len(cut)} bytes, but {len(cut) + 7} in the manifest",
    )


def test_snapshots_are_newest_first_without_drafts(tmp_path: Path) -> None:
    taken = [store(tmp_path, dump=gzip.compress(TRAILER)) for _ in range(3)]
    draft = ArchiveStore(tmp_path).begin("shop")
    found = ArchiveStore(tmp_path).snapshots("shop")
    assert {one.snapshot for one in found} == {one.snapshot for one in taken}
    assert list(found) == sorted(found, key=lambda one: one.snapshot, reverse=True)
    draft.discard()


def test_discarded_draft_leaves_nothing(tmp_path: Path) -> None:
    draft = ArchiveStore(tmp_path).begin("shop")
    with draft.open(DATABASE) as file:
        file.write(b"half")
    draft.discard()
    assert not list((tmp_path / "shop").glob("*[0-9]*"))


def test_draft_of_killed_process_is_removed_by_next_snapshot(tmp_path: Path) -> None:
    dead = tmp_path / "shop/.20261123T020000Z-abcdef.part"
    dead.mkdir(parents=True)
    (dead / FILES).write_bytes(b"half")
    running = ArchiveStore(tmp_path).begin("shop")
    assert not dead.exists()
    store(tmp_path, dump=gzip.compress(TRAILER))
    assert running.folder.exists(), "a snapshot that is being taken is kept"
    running.discard()


def test_damaged_manifest_is_named_in_error(tmp_path: Path, whole: Snapshot) -> None:
    path = tmp_path / "shop" / whole.snapshot / MANIFEST
    path.write_text(path.read_text()[:-20])
    with pytest.raises(BackupError, match="manifest"):
        ArchiveStore(tmp_path).snapshots("shop")


def test_unwritable_store_hints_at_setting(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where a folder should be")
    with pytest.raises(BackupError) as caught:
        ArchiveStore(tmp_path / "store").begin("shop")
    assert "backups.store" in caught.value.hint


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (gzip.compress(DUMP), "is incomplete"),
        (gzip.compress(DUMP + TRAILER + b"INSERT" * 200), "is incomplete"),
        (gzip.compress(DUMP * 2000 + TRAILER)[:-30], "read back"),
        (gzip.compress(DUMP + TRAILER)[:-4], "read back"),
        (b"Error: Access denied", "read back"),
        (b"", "is incomplete"),
    ],
    ids=[
        "no trailer",
        "trailer is not the end",
        "truncated",
        "truncated in its checksum",
        "no gzip",
        "empty",
    ],
)
def test_incomplete_dump_is_refused(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(BackupError, match=says):
        store(tmp_path, dump=data)
    assert ArchiveStore(tmp_path).snapshots("shop") == ()


@pytest.mark.parametrize("cut", [1, 8, 200, 2000])
def test_truncated_archive_is_refused(tmp_path: Path, cut: int) -> None:
    noise = b"".join(hashlib.sha256(bytes([n % 256, n // 256])).digest() for n in range(2000))
    with pytest.raises(BackupError, match="read back"):
        store(tmp_path, files=archive({"./noise": noise})[:-cut])


@pytest.mark.parametrize("data", [archive({}), gzip.compress(b"\0" * 10240)], ids=["folders only", "nothing"])
def test_empty_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BackupError, match="empty"):
        store(tmp_path, files=data)


def test_damaged_dump_is_refused(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(DUMP * 500 + TRAILER))
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "dump").write_bytes(data)
    with pytest.raises(BackupError):
        inspect_dump(tmp_path / "dump")


def test_tables_are_counted_across_chunks(tmp_path: Path) -> None:
    row = b"INSERT INTO `t` VALUES ('" + b"x" * 997 + b"');\n"
    text = b"".join(b"CREATE TABLE `t%d` (x int);\n" % n + row for n in range(4000))
    (tmp_path / "dump").write_bytes(gzip.compress(text + TRAILER, 1))
    assert inspect_dump(tmp_path / "dump").tables == 4000
    assert inspect_dump(tmp_path / "dump").content == len(text + TRAILER)


def test_file_names_that_are_not_utf8_are_kept(tmp_path: Path) -> None:
    name = b"./caf\xe9.txt".decode(errors="surrogateescape")
    (tmp_path / "files").write_bytes(archive({name: b"x"}))
    inspect_tree(tmp_path / "files", tmp_path / "index")
    assert [entry.name for entry in read_index(tmp_path / "index")] == [name]


def test_links_leading_out_are_listed() -> None:
    links = [
        Link(b"./wp-content/uploads", b"../../shared/uploads"),
        Link(b"./a/inside", b"../wp-content"),
        Link(b"./absolute", b"/srv/site/wp-content"),
        Link(b"./beside", b"/srv/site-2"),
        Link(b"./up/and/down", b"../../../site/x"),
        Link(b"./etc", b"/etc"),
        Link(b"./kept", b"/srv/shared"),
        Link(b"srv/app/uploads", b"../shared"),
        Link(b"srv/app/languages", b"plugins/x"),
        Link(b"./odd\n\x1b[31m", b"/x"),
    ]
    noted = Noted(links)
    for folder in (b"./wp-content/", b"srv/app/", b"srv/app/plugins/", b"wp-content/uploads/./2026"):
        noted.folder(folder)
    assert noted.places == [b"srv/app"]
    assert leading_out(noted, "/srv/site/", {b"kept"}) == (
        "wp-content/uploads -> ../../shared/uploads",
        "beside -> /srv/site-2",
        "etc -> /etc",
        "srv/app/uploads -> ../shared",
        "odd -> /x",
    )
    assert len(leading_out(Noted(links * 100), "/srv/site", ())) == 100


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_link_targets_are_read_in_every_format(tmp_path: Path, kind: int) -> None:
    target = "/out/" + ("x" * 90 if kind == tarfile.USTAR_FORMAT else "x/" * 150 + "end")
    with tarfile.open(tmp_path / "files", "w:gz", format=kind) as archive:
        for name, linkname in (("./link", target), ("./file", "")):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = (tarfile.SYMTYPE, linkname) if linkname else (tarfile.REGTYPE, "")
            archive.addfile(entry)
    found = inspect_tree(tmp_path / "files", tmp_path / "index", "/srv/site")
    assert (found.files, len(found.outside)) == (1, 1)
    assert found.outside[0].startswith("link -> /out/x")
