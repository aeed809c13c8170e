"""Promise: one bad object in a database costs neither the backup nor the week; what is left out is named."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from lab.gauntlet import prepare
from lab.migrations import MIGRATIONS
from runner.backup import DATABASE, MANIFEST, ArchiveStore
from tests.crew import Crew
from tests.promises.test_dead_man import ONE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "acme-blog"
FOR_EVER = {case.name: case for case in MIGRATIONS}["an option changed for ever"]
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
    assert sorted(lack.partition(":")[0] for lack in snapshot.lacks) == [
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


WORSE = r"""
CREATE TABLE wp_bad_crashed (id int PRIMARY KEY, t text) ENGINE=MyISAM;
INSERT INTO wp_bad_crashed SELECT seq, REPEAT('x', 100) FROM seq_1_to_2000;
CREATE TABLE wp_bad_fileless (id int) ENGINE=MyISAM; INSERT INTO wp_bad_fileless VALUES (1);
CREATE TABLE wp_bad_engine (id int) ENGINE=MEMORY;
CREATE TABLE wp_bad_column (id int, gone int);
CREATE FUNCTION wp_bad_function() RETURNS int RETURN 1;
CREATE VIEW wp_bad_by_column AS SELECT gone FROM wp_bad_column;
CREATE VIEW wp_bad_by_function AS SELECT wp_bad_function() AS n;
ALTER TABLE wp_bad_column DROP COLUMN gone; DROP FUNCTION wp_bad_function;
CREATE TABLE `wp_bad 100%s ``é` (id int); INSERT INTO `wp_bad 100%s ``é` VALUES (9);
CREATE TABLE WP_BAD_Case (id int); CREATE TABLE wp_bad_case (id int); INSERT INTO WP_BAD_Case VALUES (3);
FLUSH TABLES;
"""


@pytest.fixture
def worse(fleet: Fleet) -> Iterator[Fleet]:
    """A database with tables that cannot be read, as after a full disk or a move to another server."""
    prepare(fleet, SITE, FOR_EVER)
    fleet.sql(SITE, WORSE)
    data = fleet.database.folder / "data" / fleet.sites[SITE].database
    whole = (data / "wp_bad_crashed.MYD").read_bytes()
    (data / "wp_bad_crashed.MYD").write_bytes(whole[: len(whole) // 2 + 13])
    (data / "wp_bad_fileless.MYD").unlink()
    (data / "wp_bad_fileless.MYI").unlink()
    definition = data / "wp_bad_engine.frm"
    text = bytearray(definition.read_bytes())
    text[3] = 16  # the number of an engine that this server has not
    definition.write_bytes(text.replace(b"MEMORY", b"ROTTEN"))
    fleet.sql(SITE, "FLUSH TABLES")
    yield fleet
    fleet.reset(SITE)
    fleet.catalogue.reset()


@pytest.mark.long
def test_tables_that_cannot_be_read_are_named_and_the_rest_is_kept_and_updated(
    worse: Fleet, tmp_path: Path
) -> None:
    fleet = worse
    crew = Crew(fleet, tmp_path / "w", PLAYBOOK, ONE)
    said = crew.say("run", "keep", "-l", SITE)
    assert said.code == 0, said
    store = ArchiveStore(crew.folder / ".sitecrew/backups")
    [snapshot] = store.snapshots(SITE)
    named = {lack.partition(":")[0]: lack for lack in snapshot.lacks}
    assert set(named) == {
        "table wp_bad_crashed",
        "table wp_bad_fileless",
        "table wp_bad_engine",
        "view wp_bad_by_column",
        "view wp_bad_by_function",
    }, snapshot.lacks
    dump = gzip.decompress((store.folder / SITE / snapshot.snapshot / DATABASE).read_bytes()).decode()
    fleet.database.sql("CREATE DATABASE elsewhere")
    try:
        fleet.database.sql(dump, "elsewhere")
        assert fleet.database.sql("SELECT id FROM `wp_bad 100%s ``é`", "elsewhere").split() == ["9"]
        assert fleet.database.sql("SELECT id FROM WP_BAD_Case", "elsewhere").split() == ["3"]
        posts = "SELECT COUNT(*), MAX(ID) FROM wp_posts"
        assert fleet.database.sql(posts, "elsewhere") == fleet.sql(SITE, posts)
    finally:
        fleet.database.sql("DROP DATABASE elsewhere")

    tables = fleet.sql(SITE, "SHOW TABLES")
    said = crew.say("run", "one", "-l", SITE)
    assert said.code == 5, crew.site(SITE)
    [change] = crew.site(SITE)["steps"][0]["changes"]
    assert (change["outcome"], "restored" in change["why"]) == ("undone", True), change
    assert fleet.sql(SITE, "SHOW TABLES") == tables
