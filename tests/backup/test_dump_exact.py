"""Promise: a database restored from a backup, with any client, is the same bit for bit."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from lab import LabError
from runner.steps.backup import database_script, dump_is_complete, left_out
from runner.steps.wordpress.identity import addresses_of
from tests.promises.test_database_exact import BITS, ODD, TABLES
from tests.steps.wordpress_sites import MARK, Someone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "acme-blog"
SCRATCH = "dump restored"
MORE = r"""
SET sql_mode = '';
CREATE TABLE wp_more_sets (a set({letters}), e enum('x') CHARACTER SET utf8mb3,
  s varchar(20) CHARACTER SET swe7,
  k varchar(20) CHARACTER SET koi8r, n int INVISIBLE DEFAULT 5, c int CHECK (c < 10), u uuid, i inet6);
INSERT INTO wp_more_sets (a, e, s, k, c, u, i) VALUES
  (18446744073709551615, 'nonsense', '[]{{|}}~', _koi8r 0xC1C2, 1,
  '123e4567-e89b-12d3-a456-426655440000', '::1'),
  (9223372036854775809, 'x', _swe7 0x5B5C5D, 'x', NULL, NULL, NULL);
SET check_constraint_checks = 0;
INSERT INTO wp_more_sets (n, c) VALUES (NULL, 99);
CREATE TABLE wp_more_zero (id int AUTO_INCREMENT PRIMARY KEY, v varchar(5)) AUTO_INCREMENT=4711;
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'; INSERT INTO wp_more_zero VALUES (0, 'zero'), (-3, 'less');
SET sql_mode = 'ALLOW_INVALID_DATES';
CREATE TABLE wp_more_dates (d date, t datetime(3));
INSERT INTO wp_more_dates VALUES ('2023-02-31', '0000-00-00');
CREATE TABLE wp_more_empty (id int) ENGINE=MyISAM;
CREATE TABLE wp_more_myisam (f float, t text, FULLTEXT (t)) ENGINE=MyISAM;
INSERT INTO wp_more_myisam VALUES (0.1, 'a');
CREATE TABLE wp_more_aria (f float) ENGINE=Aria; INSERT INTO wp_more_aria VALUES (16777.217);
CREATE TABLE wp_more_parts (id int, f float) PARTITION BY RANGE (id)
  (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE);
INSERT INTO wp_more_parts VALUES (1, 0.3), (50, 1e-7);
CREATE TABLE wp_more_merge (f float) ENGINE=MERGE UNION=(wp_more_merged);
CREATE TABLE wp_more_merged (f float) ENGINE=MyISAM; INSERT INTO wp_more_merged VALUES (0.7);
CREATE TABLE wp_more_space (p polygon NOT NULL, l linestring, SPATIAL INDEX (p)) ENGINE=Aria;
INSERT INTO wp_more_space VALUES (ST_GeomFromText('POLYGON((0 0,0 1.1,1 1,0 0))', 4326),
  ST_GeomFromText('LINESTRING(0 0,1 2)'));
CREATE TABLE `wp odd ``100%`` "é` (`a b``c` int, `select` varchar(9));
INSERT INTO `wp odd ``100%`` "é` VALUES (1, 'x;--');
CREATE SEQUENCE wp_more_seq START WITH 7 INCREMENT BY 3 CACHE 5 CYCLE MAXVALUE 50;
SELECT NEXTVAL(wp_more_seq), NEXTVAL(wp_more_seq);
CREATE TABLE wp_more_next (id bigint DEFAULT NEXTVAL(wp_more_seq), v int);
INSERT INTO wp_more_next (v) VALUES (1);
CREATE TABLE wp_more_past (id int PRIMARY KEY, f float) WITH SYSTEM VERSIONING;
CREATE TABLE wp_more_named (id int, s timestamp(6) GENERATED ALWAYS AS ROW START,
  e timestamp(6) GENERATED ALWAYS AS ROW END,
  PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING;
INSERT INTO wp_more_past VALUES (1, 0.1), (2, 0.2);
UPDATE wp_more_past SET f = 0.3 WHERE id = 1; DELETE FROM wp_more_past WHERE id = 2;
INSERT INTO wp_more_named (id) VALUES (1); UPDATE wp_more_named SET id = 2;
CREATE VIEW wp_more_a AS SELECT f, {database}.wp_more_z.g AS g, '`{database}`.`x`' AS w
  FROM wp_more_aria JOIN wp_more_zz wp_more_z;
"""
# A view that reads another view, which sorts after it.
VIEWS = r"""
CREATE VIEW wp_more_zz AS SELECT id AS g FROM wp_more_parts;
"""
PROGRAMS = r"""
DELIMITER $
CREATE DEFINER='gone'@'localhost' PROCEDURE wp_more_closed() SELECT 1$
CREATE DEFINER={owner} FUNCTION wp_more_two(a double) RETURNS double DETERMINISTIC RETURN a * 2$
CREATE DEFINER={owner} AGGREGATE FUNCTION wp_more_sum(x int) RETURNS int BEGIN
  DECLARE s int DEFAULT 0; DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN s;
  LOOP FETCH GROUP NEXT ROW; SET s = s + x; END LOOP; END$
CREATE DEFINER={owner} PROCEDURE wp_more_own(IN n int) COMMENT 'it''s' BEGIN
  -- a comment; with ;; in it
  SELECT "a;;b", n; END$
CREATE EVENT wp_more_event ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DISABLE
  DO BEGIN SELECT 1; END$
SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'$
CREATE TRIGGER "wp ""trigger" BEFORE INSERT ON wp_more_empty FOR EACH ROW BEGIN SET NEW."id" = 1 || 2; END$
CREATE TRIGGER wp_more_then BEFORE INSERT ON wp_more_empty FOR EACH ROW SET NEW.id = NEW.id + 1$
CREATE VIEW wp_more_called AS SELECT wp_more_two(f) AS twice FROM wp_more_aria$
DELIMITER ;
"""
WIDE = "SELECT *, row_start, row_end FROM wp_more_past FOR SYSTEM_TIME ALL ORDER BY 1, 4"


@dataclass
class Dumped:
    """A site, and a scratch database of another name."""

    fleet: Fleet

    def dump(self) -> tuple[str, tuple[str, ...]]:
        worker = Someone(self.fleet, SITE)
        done = worker.run(database_script(worker.site, worker.host, MARK))
        stderr = done.stderr.decode()
        assert done.returncode == 0, stderr
        return gzip.decompress(done.stdout).decode(), left_out(stderr, MARK)

    def restore(self, dump: str) -> None:
        self.fleet.database.sql(f"DROP DATABASE IF EXISTS `{SCRATCH}`; CREATE DATABASE `{SCRATCH}`")
        self.fleet.database.sql(dump, SCRATCH)

    def both(self, sql: str) -> tuple[str, str]:
        """Return the answers of the site's database and of the restored one."""
        name = self.fleet.sites[SITE].database
        return self.fleet.database.sql(sql, name), self.fleet.database.sql(sql, SCRATCH).replace(
            SCRATCH, name
        )


@pytest.fixture
def site(fleet: Fleet) -> Iterator[Dumped]:
    fleet.reset(SITE)
    yield Dumped(fleet)
    fleet.database.sql(f"DROP DATABASE IF EXISTS `{SCRATCH}`")
    fleet.reset(SITE)


def test_odd_tables_and_routines_are_restored_exactly(fleet: Fleet, site: Dumped) -> None:
    letters = ",".join(f"'m{n}'" for n in range(64))
    name = fleet.sites[SITE].database
    parts = MORE.format(letters=letters, database=name).rpartition("CREATE VIEW")
    fleet.database.sql(ODD, name)
    fleet.database.sql(
        "SET NAMES utf8mb4;\n"
        + parts[0]
        + VIEWS
        + parts[1]
        + parts[2]
        + PROGRAMS.replace("{owner}", f"'{name}'@'127.%'"),
        name,
    )
    dump, lacks = site.dump()
    assert lacks == ("procedure wp_more_closed: the database account in wp-config.php cannot read it",)
    fleet.sql(SITE, "DROP PROCEDURE wp_more_closed")
    site.restore(dump)

    for table in TABLES:
        columns = f"SELECT {BITS.get(table, '*')}"
        there, back = site.both(f"{columns} FROM wp_odd_{table}")
        assert sorted(back.splitlines()) == sorted(there.splitlines()), table
        assert table != "numbers" or "151.20928955078125" in back
    for sql in (
        "SELECT a | 0, e | 0, HEX(s), HEX(k), n, c, u, i FROM wp_more_sets ORDER BY c",
        "SELECT HEX(p), HEX(l), ST_SRID(p) FROM wp_more_space",
        "SELECT f * 1e0 FROM wp_more_aria UNION ALL SELECT f * 1e0 FROM wp_more_parts",
        "SELECT f * 1e0 FROM wp_more_myisam UNION ALL SELECT f * 1e0 FROM wp_more_merge",
        WIDE,
        "SELECT *, s, e FROM wp_more_named FOR SYSTEM_TIME ALL ORDER BY 1",
        "SELECT next_not_cached_value, cycle_count FROM wp_more_seq",
        "SELECT * FROM wp_more_next",
        "SELECT * FROM wp_more_a",
        "SELECT * FROM wp_more_called",
        (
            "SELECT trigger_name, sql_mode, action_statement, action_order, collation_connection"
            " FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY 1"
        ),
        (
            "SELECT routine_name, routine_type, sql_mode, MD5(routine_definition), routine_comment"
            " FROM information_schema.routines WHERE routine_schema = DATABASE() ORDER BY 1"
        ),
        (
            "SELECT event_name, sql_mode, event_definition, interval_value, starts, status, time_zone"
            " FROM information_schema.events WHERE event_schema = DATABASE()"
        ),
    ):
        there, back = site.both(sql)
        assert there, sql
        assert back == there, sql
    assert len(site.both(WIDE)[1].splitlines()) == 4 - 1
    names = [row.split("\t") for row in site.both("SHOW FULL TABLES")[0].splitlines()]
    for table, kind in names:
        word = "VIEW" if kind == "VIEW" else "SEQUENCE" if kind == "SEQUENCE" else "TABLE"
        quoted = "`" + table.replace("`", "``") + "`"
        there, back = map(without_definer, site.both(f"SHOW CREATE {word} {quoted}"))
        assert back == there, table
        if word == "TABLE":
            there, back = site.both(f"CHECKSUM TABLE {quoted}")
            assert back.split("\t")[-1] == there.split("\t")[-1], table


def without_definer(create: str) -> str:
    return re.sub(r"DEFINER=\S+ ", "", create)


@pytest.mark.long
def test_too_long_value_stops_the_restore(fleet: Fleet, site: Dumped) -> None:
    """Without the error, the value would silently become NULL."""
    fleet.sql(SITE, "CREATE TABLE wp_long (b longblob); INSERT INTO wp_long VALUES (REPEAT('x', 5000000))")
    dump, lacks = site.dump()
    assert lacks == ()
    site.restore(dump)
    there, back = site.both("SELECT MD5(b), LENGTH(b) FROM wp_long")
    assert back == there
    fleet.database.sql("SET GLOBAL max_allowed_packet = 2097152")
    try:
        with pytest.raises(LabError, match=r"ERROR 1242 .* more than 1 row"):
            site.restore(dump)
    finally:
        fleet.database.sql("SET GLOBAL max_allowed_packet = 16777216")


@pytest.mark.long
def test_dump_without_mysqli_reports_rounded_floats(fleet: Fleet, site: Dumped) -> None:
    worker = Someone(fleet, SITE)
    fleet.sql(SITE, "CREATE TABLE wp_kept (t text); INSERT INTO wp_kept VALUES ('kept')")
    php = fleet.spec.home(worker.site.host) / "php-without-mysqli"
    extensions = " ".join(f"-d extension={name}" for name in ("phar", "tokenizer", "ctype", "iconv"))
    php.write_text(f'#!/bin/sh\nexec /usr/bin/php -n {extensions} "$@"\n')
    php.chmod(0o755)
    try:
        host = replace(worker.host, php=str(php))
        done = worker.run(database_script(worker.site, host, MARK))
    finally:
        php.unlink()
    stderr = done.stderr.decode()
    assert done.returncode == 0, stderr
    dump = gzip.decompress(done.stdout).decode()
    assert ("kept" in dump, dump_is_complete(dump.encode())) == (True, True)
    [lacking] = left_out(stderr, MARK)
    assert "FLOAT columns are rounded" in lacking
    assert addresses_of(stderr, MARK) is None
