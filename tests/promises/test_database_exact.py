"""Promise: a database that is put back is what it was, bit for bit, and leaves no tables of ours behind."""

from __future__ import annotations

import hashlib
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from lab import LabError
from lab.shell import run, until
from runner.model import Host, Site, SitePlan, UndoDatabase
from runner.steps import Context
from runner.steps.base import Guard, Script
from runner.steps.wordpress import database_undo as undo
from tests.steps.wordpress_sites import MARK, Someone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "acme-blog"
TAG = "exact"
NOTHING = Script(text=":\n")
ODD = r"""
SET sql_mode = '';
SET NAMES utf8mb4;
CREATE TABLE wp_odd_numbers (id int PRIMARY KEY, f float, fd float(10,2), fz float unsigned zerofill,
  d double, dd double(20,5), b bit(64), n decimal(40,20), y year, big bigint unsigned);
INSERT INTO wp_odd_numbers VALUES
  (1, 151.20929, 12345678.12, 1.5, 0.1, 1234567890.12345, b'1', 0.00000000000000000001, 1970,
   18446744073709551615),
  (2, 3.4028234e38, -0.01, 0, 1.7976931348623157e308, -1, ~0, -1, 0, 0),
  (3, -1e-60, 0, 16777217, -1e-200 * 1e-200, 0, 0, 0, 2155, 1),
  (4, 1.17549435e-38, 33.333333, 0.1, 5e-324, 0.00001, NULL, NULL, NULL, NULL),
  (5, -33.868820, 1e7, 7e-10, 123456789012345678, 3, 5, 1, 2000, 9007199254740993);
CREATE TABLE wp_odd_texts (latin varchar(90) CHARACTER SET latin1, wide text CHARACTER SET ucs2,
  japan text CHARACTER SET sjis, emoji longtext CHARACTER SET utf8mb4, bin varbinary(90), fixed binary(4),
  blobby longblob, choice enum('a','b',''), wrong enum('a','b'), some set('x','y','z'), js json, place point);
INSERT INTO wp_odd_texts VALUES
  ('Größe', 'x', 'y', 'z', '', '', '', '', '', '', '{"a": 1.0}', POINT(1.5, -0.1)),
  (_latin1 0x80819F00FF27, _ucs2 0x00E9000A002704D8, _sjis 0x835C, _utf8mb4 0xF09F8DB25C0A270D001A,
   0x00FF275C0A, 0x0001, 0x1F8B00, 'a', 'nonsense', 'x,z', '[]', NULL),
  (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE wp_odd_rest (d date DEFAULT '0000-00-00', t timestamp(6) NULL,
  ts timestamp NOT NULL DEFAULT '0000-00-00 00:00:00', a int, sum int GENERATED ALWAYS AS (a + 1) STORED,
  vir int GENERATED ALWAYS AS (a * 2) VIRTUAL, `odd ``name` varchar(20) DEFAULT 'it''s', tm time(3))
  COMMENT='-- Table wp_posts';
INSERT INTO wp_odd_rest (d, t, ts, a, tm) VALUES
  ('0000-00-00', '2024-03-31 02:30:00.123456', 0, 1, '-838:59:59'),
  ('2024-02-00', NULL, '2038-01-19 03:14:07', -5, '00:00:00.001');
CREATE TABLE wp_odd_seen (n int);
CREATE TRIGGER wp_odd_trigger AFTER INSERT ON wp_odd_rest FOR EACH ROW
  INSERT INTO wp_odd_seen VALUES (NEW.a);
CREATE TABLE wp_odd_parent (id int PRIMARY KEY);
CREATE TABLE wp_odd_child (id int PRIMARY KEY, f float, parent int,
  CONSTRAINT wp_odd_bound FOREIGN KEY (parent) REFERENCES wp_odd_parent (id));
INSERT INTO wp_odd_parent VALUES (0), (1);
INSERT INTO wp_odd_child VALUES (1, 151.20929, 0), (2, -33.86882, 1);
CREATE TABLE wp_odd_long (id int, big longblob, txt longtext CHARACTER SET latin1,
  wide longtext CHARACTER SET utf8mb4);
INSERT INTO wp_odd_long VALUES (1, REPEAT(0x00FF27, 3500000), REPEAT('\'', 2000000), 'kurz'),
  (2, 'x', REPEAT(_latin1 0xE4, 1000000), REPEAT(_utf8mb4 0xC3A4275C0A, 500000)), (3, NULL, '', NULL);
"""
"""The row of 10 MB is longer as SQL than the server takes at once (16 MB)."""
TABLES = ("numbers", "texts", "rest", "seen", "parent", "child", "long")
BITS = {
    "numbers": "id, f * 1e0, fd * 1e0, fz * 1e0, d * 1e0, dd * 1e0, b + 0, n, y, big",
    "texts": "HEX(latin), HEX(wide), HEX(japan), HEX(emoji), HEX(bin), HEX(fixed), HEX(blobby), choice + 0,"
    " wrong + 0, some + 0, HEX(js), HEX(place)",
    "rest": "d, t, ts, a, `sum`, vir, HEX(`odd ``name`), tm",
    "long": "id, MD5(big), LENGTH(big), MD5(CAST(txt AS BINARY)), LENGTH(txt), MD5(wide)",
    "child": "id, f * 1e0, parent",
}


@dataclass
class Kept:
    """A site with odd tables, and the texts that its host is given."""

    fleet: Fleet
    folder: Path

    def __post_init__(self) -> None:
        worker = Someone(self.fleet, SITE)
        self.worker = worker
        site: Site = worker.site
        host: Host = worker.host
        self.context = Context(
            site=site,
            host=host,
            plan=SitePlan(site=SITE, client="c"),
            mark=MARK,
            tag=TAG,
            before=worker.facts(check_updates=False),
        )

    def do(self, script: Script) -> undo.DatabaseUndo:
        text = f"SITECREW_RESTORE={self.folder}; export SITECREW_RESTORE\n{script.text}"
        done = self.worker.run(Script(text=text))
        return undo.parse_database((done.stdout + done.stderr).decode(), MARK)

    def save(self) -> undo.DatabaseUndo:
        return self.do(undo.save_database(self.context, TAG))

    def put_back(self, *stages: str, look: bool = False) -> undo.DatabaseUndo:
        guard = Guard(save=NOTHING, undo=NOTHING, check=NOTHING)
        return self.do(
            undo.put_back_database(
                self.context, TAG, guard=guard, rule=UndoDatabase.ALWAYS, stages=stages, look=look
            )
        )

    def bits(self) -> dict[str, str]:
        """What is in the tables, by its bytes."""
        found = {}
        for name in TABLES:
            select = f"SELECT {BITS.get(name, '*')}"
            rows = self.fleet.sql(SITE, f"{select} FROM wp_odd_{name}")
            found[name] = "\n".join(sorted(rows.splitlines()))
        triggers = "SELECT trigger_name, sql_mode, action_statement FROM information_schema.triggers"
        found["triggers"] = self.fleet.sql(SITE, f"{triggers} WHERE trigger_schema = DATABASE()")
        return found

    def ours(self) -> str:
        return self.fleet.sql(SITE, r"SHOW TABLES LIKE 'sitecrew\_%'")


@pytest.fixture
def plain(fleet: Fleet) -> Iterator[Kept]:
    fleet.reset(SITE)
    home = fleet.spec.home(fleet.sites[SITE].host)
    folder = home / f"point{time.monotonic_ns()}"
    yield Kept(fleet, folder)
    run("rm", "-rf", folder)
    fleet.reset(SITE)


@pytest.fixture
def kept(plain: Kept) -> Kept:
    """With tables of all kinds."""
    plain.fleet.sql(SITE, ODD)
    return plain


def test_odd_tables_come_back_bit_for_bit(kept: Kept) -> None:
    before = kept.bits()
    assert "151.20928955078125" in before["numbers"]
    saved = kept.save()
    assert (saved.why, saved.state) == ("", "saved")
    assert kept.ours() == ""

    for name in ("numbers", "texts", "rest", "child", "long"):
        kept.fleet.sql(SITE, f"SET sql_mode = ''; ALTER TABLE wp_odd_{name} ADD COLUMN more int DEFAULT 1")
    kept.fleet.sql(SITE, "UPDATE wp_odd_numbers SET f = 1, d = 2; DELETE FROM wp_odd_long")
    back = kept.put_back("schema")
    assert (back.why, back.state) == ("", "put back")
    assert set(back.tables) >= {"wp_odd_numbers", "wp_odd_long", "wp_odd_texts"}
    assert kept.bits() == before
    assert kept.ours() == ""
    assert kept.put_back("schema", "tables", "all").state == "unchanged"


@pytest.mark.long
def test_a_change_of_one_bit_of_a_float_is_seen(kept: Kept) -> None:
    before = kept.bits()
    kept.save()
    kept.fleet.sql(SITE, "UPDATE wp_odd_numbers SET f = f + 0.00002 WHERE id = 1")
    assert kept.bits() != before
    back = kept.put_back("tables")
    assert (back.state, back.tables) == ("put back", ("wp_odd_numbers",))
    assert kept.bits() == before


@pytest.mark.long
def test_what_could_not_be_put_back_is_not_called_saved(plain: Kept) -> None:
    """A value that is longer than what the server takes now: it would be NULL."""
    fill = "INSERT INTO wp_odd_broken VALUES (REPEAT('x', 3000000))"
    plain.fleet.sql(SITE, f"CREATE TABLE wp_odd_broken (t longblob); {fill}")
    plain.fleet.database.sql("SET GLOBAL max_allowed_packet = 1048576")
    try:
        saved = plain.save()
    finally:
        plain.fleet.database.sql("SET GLOBAL max_allowed_packet = 16777216")
    assert saved.state == "impossible", saved
    assert "wp_odd_broken" in saved.why, saved
    assert plain.ours() == ""


@pytest.mark.long
def test_rows_that_a_server_would_refuse_today_come_back_too(plain: Kept) -> None:
    """Past rows, dates that are none, rows that break a check, the negative zero of a FLOAT, a SET of 64."""
    plain.fleet.sql(
        SITE,
        """SET sql_mode = 'ALLOW_INVALID_DATES';
        CREATE TABLE wp_odd_old (id int PRIMARY KEY, d date, c int, f float, s set(LETTERS),
          CHECK (c < 3));
        SET check_constraint_checks = 0;
        INSERT INTO wp_odd_old VALUES (1, '2023-02-31', 9, -1e-60, 9223372036854775809),
          (2, NULL, 1, 0, NULL);
        CREATE TABLE wp_odd_past (id int, f float) WITH SYSTEM VERSIONING;
        INSERT INTO wp_odd_past VALUES (1, 0.1); UPDATE wp_odd_past SET f = 0.2; DELETE FROM wp_odd_past
        """.replace("LETTERS", ",".join(f"'m{n}'" for n in range(64))),
    )
    read = (
        "SELECT id, d, c, ATAN2(f, -1), s | 0 FROM wp_odd_old; "
        "SELECT *, row_start, row_end FROM wp_odd_past FOR SYSTEM_TIME ALL ORDER BY row_end"
    )
    before = plain.fleet.sql(SITE, read)
    assert "2023-02-31\t9\t-3.14" in before
    saved = plain.save()
    assert (saved.why, saved.state) == ("", "saved")
    plain.fleet.sql(SITE, "SET check_constraint_checks = 0; DELETE FROM wp_odd_old; DROP TABLE wp_odd_past")
    plain.fleet.sql(SITE, "ALTER TABLE wp_odd_old ADD more int")
    back = plain.put_back("schema")
    assert (back.why, back.state) == ("", "put back")
    assert plain.fleet.sql(SITE, read) == before


@pytest.mark.long
def test_tables_of_a_killed_process_go_and_those_of_a_live_one_stay(plain: Kept) -> None:
    plain.fleet.sql(
        SITE, "CREATE TABLE sitecrew_0123abcd_0 (a int); CREATE TABLE sitecrew_0123abcd_a1 (a int)"
    )
    plain.fleet.sql(SITE, "CREATE TABLE sitecrew_notes (a int)")
    plain.save()
    assert plain.ours() == "sitecrew_notes\n"
    plain.fleet.sql(SITE, "CREATE TABLE sitecrew_0123abcd_0 (a int)")
    assert plain.put_back("schema", look=True).state in {"not needed", "saved"}
    assert plain.ours() == "sitecrew_notes\n"

    plain.fleet.sql(SITE, "CREATE TABLE sitecrew_0123abcd_0 (a int)")
    name = hashlib.md5(plain.fleet.sites[SITE].database.encode(), usedforsecurity=False).hexdigest()[:8]
    lock = f"SELECT GET_LOCK('sitecrew_0123abcd_{name}', 1), SLEEP(20)"
    holder = threading.Thread(target=lambda: suppressed(plain, lock))
    holder.start()
    until(lambda: "SLEEP" in plain.fleet.sql(SITE, "SHOW PROCESSLIST"), "the lock to be held")
    plain.save()
    assert plain.ours() == "sitecrew_0123abcd_0\nsitecrew_notes\n"
    plain.fleet.sql(SITE, f"KILL {number(plain)}")
    holder.join()


def suppressed(plain: Kept, sql: str) -> None:
    with suppress(LabError):
        plain.fleet.sql(SITE, sql)


def number(plain: Kept) -> str:
    """Of the connection that sleeps."""
    rows = plain.fleet.sql(SITE, "SHOW PROCESSLIST").splitlines()
    return next(row.split("\t")[0] for row in rows if "SLEEP(" in row)
