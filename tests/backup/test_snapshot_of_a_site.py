"""A snapshot of a real site, put back by hand, is that site: every byte of its files, every row."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from fnmatch import fnmatch
from typing import TYPE_CHECKING

import pytest

from runner.backup import DATABASE, FILES, ArchiveStore
from runner.steps.backup import USUAL_EXCLUDES
from tests.crew import Crew

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

BACKUP = "name: Keep\nsteps:\n  - backup: {include: [database, files]}\n"
SITE, OTHER = "acme-blog", "globex-www"
SCRATCH = "restored_by_hand"


def test_a_snapshot_put_back_by_hand_is_the_site(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = Crew(fresh_fleet, tmp_path / "w", BACKUP)
    odd = fresh_fleet.sites[SITE].path / "wp-content/uploads/a name with ünïcode $(x) & spaces.txt"
    odd.parent.mkdir(exist_ok=True)
    odd.write_bytes(bytes(range(256)))
    shutil.chown(odd, fresh_fleet.spec.user("web2"))
    said = crew.say("run", "keep", "-l", SITE, "--json")
    assert said.code == 0, said

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


def test_a_snapshot_that_would_lack_something_is_none(fresh_fleet: Fleet, tmp_path: Path) -> None:
    """A file that the account may not read, and a database that wp-config.php leads nowhere to."""
    crew = Crew(fresh_fleet, tmp_path / "w", BACKUP)
    closed = fresh_fleet.sites[SITE].path / "wp-content/uploads/closed.pdf"
    closed.parent.mkdir(exist_ok=True)
    closed.touch(mode=0o000)
    config = fresh_fleet.sites[OTHER].path / "wp-config.php"
    config.write_text(config.read_text().replace(fresh_fleet.sites[OTHER].database, "elsewhere"))
    said = crew.say("run", "keep", "-l", f"{SITE},{OTHER}", "--json")
    assert said.code == 3, said
    assert "closed.pdf" in crew.site(SITE)["why"]
    assert "database" in crew.site(OTHER)["why"]
    store = ArchiveStore(crew.folder / ".sitecrew/backups")
    assert not store.snapshots(SITE)
    assert not store.snapshots(OTHER)
    assert not list(crew.folder.glob(".sitecrew/backups/*/.*.part"))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def covers(pattern: str, name: str) -> bool:
    """Whether something that is left out is this file or holds it."""
    parents = ["/".join(name.split("/")[: n + 1]) for n in range(name.count("/") + 1)]
    return any(fnmatch(one if "/" in pattern else one.rsplit("/", 1)[-1], pattern) for one in parents)


def checksums(fleet: Fleet, database: str) -> dict[str, str]:
    """Each table's, as MariaDB computes it."""
    tables = fleet.database.sql("SHOW TABLES", database).split()
    rows = fleet.database.sql(f"CHECKSUM TABLE {', '.join(tables)}", database).splitlines()
    return {name.split(".", 1)[1]: checksum for name, checksum in (row.split("\t") for row in rows)}
