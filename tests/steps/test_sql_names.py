"""Names of tables, columns and triggers come from a site's database: none of them leaves its quotes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from importlib.resources import files

import pytest

PHP = files("runner.steps").joinpath("php")
NAMES = [
    "wp_posts",
    "`",
    "``",
    "a`b",
    "`; DROP TABLE wp_users; -- ",
    "wp_x` WHERE 1=1 OR `a",
    "wp_x``; DROP TABLE `wp_users",
    "\\`",
    "wp_x\\",
    "'\"` /* */ -- #",
    "wp_ü`é\u2019",
    "a" * 63 + "`",
]
QUOTED = re.compile(r"`((?:[^`]|``)+)`")
"""A quoted name as MySQL and MariaDB read it: only a backtick has a meaning in it, whatever the SQL mode."""

needs_php = pytest.mark.skipif(not shutil.which("php"), reason="no php here")


def php(code: str, values: list[str]) -> list[str]:
    """What the code, with php/sql.php before it, makes of each value."""
    source = PHP.joinpath("sql.php").read_text().removeprefix("<?php\n")
    body = f"{source}\n$in = json_decode( stream_get_contents( STDIN ), true );\n"
    body += f"echo json_encode( array_map( {code}, $in ), JSON_THROW_ON_ERROR );"
    done = subprocess.run(
        ["php", "-n", "-r", body], input=json.dumps(values), capture_output=True, text=True, check=True
    )
    found: list[str] = json.loads(done.stdout)
    return found


@needs_php
def test_a_name_is_one_quoted_name_and_means_itself() -> None:
    for name, quoted in zip(NAMES, php("'sitecrew_name'", NAMES), strict=True):
        match = QUOTED.fullmatch(quoted)
        assert match, quoted
        assert match[1].replace("``", "`") == name


@needs_php
def test_what_follows_a_name_stays_outside_of_it() -> None:
    make = "function ( $n ) { return 'SELECT MAX(' . sitecrew_name( $n ) . ') FROM ' . sitecrew_name( $n ); }"
    for name, statement in zip(NAMES, php(make, NAMES), strict=True):
        found = [match[1].replace("``", "`") for match in QUOTED.finditer(statement)]
        assert found == [name, name]
        assert QUOTED.sub("?", statement) == "SELECT MAX(?) FROM ?"


@needs_php
@pytest.mark.parametrize("who", ["`root`@`localhost`", "`a``b`@`%`", "```@```@`h``; DROP TABLE x; -- `"])
def test_a_trigger_loses_its_definer_and_nothing_else(who: str) -> None:
    rest = " TRIGGER `t``x` BEFORE INSERT ON `wp_posts` FOR EACH ROW SET @a = ' DEFINER=`a`@`b`'"
    assert php("'sitecrew_without_definer'", [f"CREATE DEFINER={who}{rest}"]) == [f"CREATE{rest}"]
    assert php("'sitecrew_without_definer'", [f"CREATE{rest}"]) == [f"CREATE{rest}"]


def test_no_program_puts_a_name_into_a_statement_by_itself() -> None:
    by_hand = re.compile(
        r"\b(?:FROM|INTO|TABLES?|EXISTS|TRIGGER|JOIN|UPDATE|TO)\s+`?(?:\{?\$|[\"']\s*\.\s*\$)"
    )
    backtick = re.compile(r"`(?:\{?\$|[\"']\s*\.)")
    sources = [path for path in PHP.iterdir() if path.name.endswith(".php") and path.name != "sql.php"]
    assert len(sources) > 10
    for path in sources:
        for line in path.read_text().splitlines():
            assert not by_hand.search(line), (path.name, line)
            assert not backtick.search(line), (path.name, line)
    assert by_hand.search('"SELECT a FROM {$table} WHERE"')
    assert by_hand.search("'SELECT a FROM ' . $table")
    assert backtick.search('"SELECT `$column` FROM x"')
