"""Names of tables, columns and triggers from a site's database are always quoted."""

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
    """The result of the code, after php/sql.php, for each value."""
    source = PHP.joinpath("sql.php").read_text().removeprefix("<?php\n")
    body = f"{source}\n$in = json_decode( stream_get_contents( STDIN ), true );\n"
    body += f"echo json_encode( array_map( {code}, $in ), JSON_THROW_ON_ERROR );"
    done = subprocess.run(
        ["php", "-n", "-r", body], input=json.dumps(values), capture_output=True, text=True, check=True
    )
    found: list[str] = json.loads(done.stdout)
    return found


@needs_php
def test_name_is_quoted_as_one_name() -> None:
    for name, quoted in zip(NAMES, php("'sitecrew_name'", NAMES), strict=True):
        match = QUOTED.fullmatch(quoted)
        assert match, quoted
        assert match[1].replace("``", "`") == name


@needs_php
def test_text_after_a_name_stays_outside() -> None:
    make = "function ( $n ) { return 'SELECT MAX(' . sitecrew_name( $n ) . ') FROM ' . sitecrew_name( $n ); }"
    for name, statement in zip(NAMES, php(make, NAMES), strict=True):
        found = [match[1].replace("``", "`") for match in QUOTED.finditer(statement)]
        assert found == [name, name]
        assert QUOTED.sub("?", statement) == "SELECT MAX(?) FROM ?"


@needs_php
@pytest.mark.parametrize("who", ["`root`@`localhost`", "`a``b`@`%`", "```@```@`h``; DROP TABLE x; -- `"])
def test_trigger_loses_only_its_definer(who: str) -> None:
    rest = " TRIGGER `t``x` BEFORE INSERT ON `wp_posts` FOR EACH ROW SET @a = ' DEFINER=`a`@`b`'"
    assert php("'sitecrew_without_definer'", [f"CREATE DEFINER={who}{rest}"]) == [f"CREATE{rest}"]
    assert php("'sitecrew_without_definer'", [f"CREATE{rest}"]) == [f"CREATE{rest}"]


def test_programs_quote_every_name() -> None:
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
