"""A snapshot of a real site, restored by hand, equals the site: every byte of its files, every row."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from fnmatch import fnmatch
from typing import TYPE_CHECKING

import pytest

from runner.backup import DATABASE, FILES, ArchiveStore
from runner.record import Ledger
from runner.steps.backup import USUAL_EXCLUDES
from tests.crew import Crew

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

BACKUP = "name: Keep\nsteps:\n  - backup: {include: [database, files]}\n"
FILES_, FOLLOWED = "[database, files]", "[files], follow: [wp-content/uploads, wp-content/not-there]"
SITE, OTHER = "acme-blog", "globex-www"
SCRATCH = "restored_by_hand"


def test_snapshot_restored_by_hand_equals_the_site(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = Crew(fresh_fleet, tmp_path / "w", BACKUP)
    odd = fresh_fleet.sites[SITE].path / "wp-content/uploads/a name with ünïcode $(x) & spaces.txt"
    odd.parent.mkdir(exist_ok=True)
    odd.write_bytes(bytes(range(256)))
    shutil.chown(odd, fresh_fleet.spec.user("web2"))
    result = crew.say("run", "keep", "-l", SITE, "--json")
    assert result.code == 0, result

    store = ArchiveStore(crew.folder / ".sitecrew/backups")
    [snapshot] = store.snapshots(SITE)
    assert store.verify(snapshot) == ()
    place = store.folder / SITE / snapshot.snapshot

    restored = tmp_path / "restored"
    restored.mkdir()
    subprocess.run(["tar", "-xzf", place / FILES, "-C", restored], check=True)
    kept, there = contents(restored), contents(fresh_fleet.sites[SITE].path)
    assert snapshot.files == len(kept)
    assert {name: there.get(name) for name in kept} == kept
    left_out = there.keys() - kept.keys()
    assert all(any(covers(pattern, name) for pattern in USUAL_EXCLUDES) for name in left_out), left_out
    assert odd.relative_to(fresh_fleet.sites[SITE].path).as_posix() in kept

    database = fresh_fleet.database
    database.sql(f"DROP DATABASE IF EXISTS {SCRATCH}; CREATE DATABASE {SCRATCH}")
    try:
        database.sql(gzip.decompress((place / DATABASE).read_bytes()).decode(), SCRATCH)
        assert checksums(fresh_fleet, SCRATCH) == checksums(fresh_fleet, fresh_fleet.sites[SITE].database)
    finally:
        database.sql(f"DROP DATABASE {SCRATCH}")
    assert snapshot.tables == len(checksums(fresh_fleet, fresh_fleet.sites[SITE].database))


def test_unreadable_parts_are_named_and_the_rest_kept(fresh_fleet: Fleet, tmp_path: Path) -> None:
    """One file is unreadable, and wp-config.php of the other site names a database that does not exist."""
    crew = Crew(fresh_fleet, tmp_path / "w", BACKUP)
    closed = fresh_fleet.sites[SITE].path / "wp-content/uploads/closed.pdf"
    closed.parent.mkdir(exist_ok=True)
    closed.touch(mode=0o000)
    config = fresh_fleet.sites[OTHER].path / "wp-config.php"
    config.write_text(config.read_text().replace(fresh_fleet.sites[OTHER].database, "elsewhere"))
    result = crew.say("run", "keep", "-l", f"{SITE},{OTHER}", "--json")
    assert result.code == 3, result
    assert "could not read the files: ./wp-content/uploads/closed.pdf" in crew.site(SITE)["why"]
    assert "database" in crew.site(OTHER)["why"]
    store = ArchiveStore(crew.folder / ".sitecrew/backups")
    [snapshot] = store.snapshots(SITE)
    assert (store.verify(snapshot), len(snapshot.unread)) == ((), 1)
    assert not store.snapshots(OTHER)
    assert not list(crew.folder.glob(".sitecrew/backups/*/.*.part"))
    with Ledger.open(f"sqlite:///{crew.folder}/.sitecrew/ledger.db", read_only=True) as ledger:
        assert ledger.backups.list(SITE) == (), "an incomplete snapshot does not count as a backup"


@pytest.mark.long
def test_links_are_followed_or_named(fresh_fleet: Fleet, tmp_path: Path) -> None:
    web = fresh_fleet.sites[SITE].path
    shared = web.with_name("shared uploads")
    shutil.rmtree(shared, ignore_errors=True)
    uploads = web / "wp-content/uploads"
    uploads.mkdir(exist_ok=True)
    uploads.rename(shared)
    (shared / "2026").mkdir()
    (shared / "2026/photo.jpg").write_bytes(b"photo")
    (shared / "backwpup-1").mkdir()
    (shared / "backwpup-1/old.zip").write_bytes(b"others' backups")
    uploads.symlink_to("../../shared uploads")
    (web / "inside").symlink_to("wp-content")
    try:
        crew = Crew(
            fresh_fleet, tmp_path / "w", BACKUP, BACKUP.replace("Keep", "Follow").replace(FILES_, FOLLOWED)
        )
        assert crew.say("run", "keep", "-l", SITE).code == 0
        [step] = crew.site(SITE)["steps"]
        assert "wp-content/uploads -> ../../shared uploads (to include it: `follow`)" in step["why"]
        assert "inside" not in step["why"]

        assert crew.say("run", "follow", "-l", SITE).code == 0
        assert not crew.site(SITE)["steps"][0]["why"]
        store = ArchiveStore(crew.folder / ".sitecrew/backups")
        followed, named = store.snapshots(SITE)
        assert (len(followed.outside), len(named.outside)) == (0, 1)
        restored = tmp_path / "restored"
        restored.mkdir()
        place = store.folder / SITE / followed.snapshot / FILES
        subprocess.run(["tar", "-xzf", place, "-C", restored], check=True)
        assert (restored / "wp-content/uploads/2026/photo.jpg").read_bytes() == b"photo"
        assert not (restored / "wp-content/uploads").is_symlink()
        assert not (restored / "wp-content/uploads/backwpup-1").exists()
        assert (restored / "inside").is_symlink()
    finally:
        uploads.unlink()
        shutil.rmtree(shared)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def covers(pattern: str, name: str) -> bool:
    """Return whether an exclude pattern matches this file or a folder above it."""
    parents = ["/".join(name.split("/")[: n + 1]) for n in range(name.count("/") + 1)]
    return any(fnmatch(one if "/" in pattern else one.rsplit("/", 1)[-1], pattern) for one in parents)


def checksums(fleet: Fleet, database: str) -> dict[str, str]:
    """Return the checksum of each table, as MariaDB computes it."""
    tables = fleet.database.sql("SHOW TABLES", database).split()
    rows = fleet.database.sql(f"CHECKSUM TABLE {', '.join(tables)}", database).splitlines()
    return {name.split(".", 1)[1]: checksum for name, checksum in (row.split("\t") for row in rows)}
