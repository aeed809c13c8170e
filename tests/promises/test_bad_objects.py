"""Promise: one bad object in a database costs neither the backup nor the week; what is left out is named."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from runner.backup import DATABASE, MANIFEST, ArchiveStore
from tests.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "acme-blog"
GUEST = "restorer"
PLAYBOOK = """\
name: Keep
steps:
  - backup: {include: [database]}
  - shell: {run: 'true', changes: true}
"""
BAD = """
CREATE TABLE wp_odd_base (id int); INSERT INTO wp_odd_base VALUES (7);
CREATE TABLE wp_odd_lost (id int);
CREATE VIEW wp_odd_fine AS SELECT id FROM wp_odd_base;
CREATE VIEW wp_odd_broken AS SELECT id FROM wp_odd_lost;
CREATE VIEW `wp odd $(x) broken` AS SELECT id FROM wp_odd_lost;
DROP TABLE wp_odd_lost;
CREATE USER IF NOT EXISTS 'restorer one'@'localhost'; GRANT ALL ON *.* TO 'restorer one'@'localhost';
CREATE DEFINER='restorer one'@'localhost' VIEW wp_odd_orphan AS SELECT id AS more FROM wp_odd_base;
CREATE DEFINER='restorer one'@'localhost' TRIGGER wp_odd_trigger BEFORE INSERT ON wp_odd_base
  FOR EACH ROW SET NEW.id = NEW.id + 100;
DROP USER 'restorer one'@'localhost';
"""


@pytest.fixture
def site(fleet: Fleet) -> Iterator[None]:
    fleet.reset(SITE)
    fleet.sql(SITE, BAD)
    yield
    fleet.database.sql(f"DROP USER IF EXISTS {GUEST}")
    fleet.reset(SITE)


def test_what_cannot_be_dumped_is_left_out_and_named(fleet: Fleet, site: None, tmp_path: Path) -> None:
    crew = Crew(fleet, tmp_path / "w", PLAYBOOK)
    said = crew.say("run", "keep", "-l", SITE)
    assert said.code == 0, said
    backup, after = crew.site(SITE)["steps"]
    assert (backup["outcome"], after["outcome"]) == ("ok", "changed")
    assert "view wp_odd_broken: (1356)" in backup["why"]
    assert "view wp odd $(x) broken" in backup["why"]
    assert "orphan" not in backup["why"]
    assert "view wp_odd_broken" in crew.say("show", "last").out

    store = ArchiveStore(crew.folder / ".sitecrew/backups")
    [snapshot] = store.snapshots(SITE)
    assert [lack.partition(":")[0] for lack in snapshot.lacks] == [
        "view wp odd $(x) broken",
        "view wp_odd_broken",
    ]
    place = store.folder / SITE / snapshot.snapshot
    assert len(json.loads((place / MANIFEST).read_text())["lacks"]) == 2

    dump = gzip.decompress((place / DATABASE).read_bytes()).decode()
    name = fleet.sites[SITE].database
    for sql in ("DROP DATABASE {0}", "CREATE DATABASE {0}", "CREATE USER {1}", "GRANT ALL ON {0}.* TO {1}"):
        fleet.database.sql(sql.format(name, GUEST))
    fleet.database.sql_as(GUEST, dump, name)
    read = "SELECT id FROM wp_odd_fine; SELECT more FROM wp_odd_orphan"
    assert fleet.sql(SITE, read).split() == ["7", "7"]
    fleet.sql(SITE, "INSERT INTO wp_odd_base VALUES (1)")
    assert fleet.sql(SITE, "SELECT MAX(id) FROM wp_odd_base").split() == ["101"]


def test_a_database_without_bad_objects_lacks_nothing(fleet: Fleet, tmp_path: Path) -> None:
    fleet.reset(SITE)
    crew = Crew(fleet, tmp_path / "w", PLAYBOOK)
    assert crew.say("run", "keep", "-l", SITE).code == 0
    [snapshot] = ArchiveStore(crew.folder / ".sitecrew/backups").snapshots(SITE)
    assert snapshot.lacks == ()
    assert crew.site(SITE)["steps"][0]["why"] == ""
