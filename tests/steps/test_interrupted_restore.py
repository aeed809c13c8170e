"""A plugin's folder is restored completely, wherever this is interrupted, and exists at any time."""

from __future__ import annotations

import os
import subprocess

import pytest

from runner.model import ItemKind
from runner.steps.base import Script
from runner.steps.static.pinned import EXCHANGE
from runner.steps.wordpress.shell import php_source
from tests.steps.test_guards_and_links import FORMS, SHELLS, Ground

STEPS = ("lay ", "exchange ", "mv ", "rm -f ")
"""Commands before which it is cut."""
CUT = 'n=0\ncut() { n=$((n + 1)); [ "$n" -le %d ] || exit 9; }\n'
FILE = FORMS[ItemKind.PLUGIN]


@pytest.fixture(params=SHELLS)
def ground(request, tmp_path):
    return Ground(tmp_path, SHELLS[request.param])


def undo(guard, cuts=None, *, tool=True):
    """The restore script, which exits before the command with this number."""
    text = guard.undo.text
    head, mark, body = text.partition("back() (")
    assert mark
    body, end, tail = body.partition("\n)\n")
    if not tool:
        head = head.replace("exchange() {", "exchange() { return 1; }\nunused() {")
    if cuts is not None:
        for step in STEPS:
            body = body.replace(step, f"cut && {step}")
        head = CUT % cuts + head
    return Script(text=head + mark + body + end + tail)


def version(ground):
    path = ground.site / FILE
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize(
    "cuts", [pytest.param(cuts, marks=[] if cuts in {0, 3, 6} else [pytest.mark.long]) for cuts in range(7)]
)
@pytest.mark.parametrize("tool", [True, False], ids=["exchange", "renames"])
@pytest.mark.parametrize("again", [True, False], ids=["twice", "once"])
def test_interrupted_restore_completes_when_repeated(ground, cuts, tool, again):
    guard = ground.guard(ItemKind.PLUGIN)
    assert ground.run(guard.save) == 0
    (ground.site / FILE).write_text("new")
    ground.run(undo(guard, cuts, tool=tool))
    assert version(ground) in ({"old", "new"} if tool else {"old", "new", ""})
    for _ in range(1 + again):
        assert ground.run(undo(guard, tool=tool)) == 0
        assert version(ground) == "old"


def test_restore_without_stat_uses_renames(ground):
    guard = ground.guard(ItemKind.PLUGIN)
    assert ground.run(guard.save) == 0
    (ground.site / FILE).write_text("new")
    text = guard.undo.text.replace("inode() { stat", "inode() { no-such-tool")
    assert text != guard.undo.text
    assert ground.run(Script(text=text)) == 0
    assert version(ground) == "old"


def test_second_trial_restores_its_own_files(ground):
    guard = ground.guard(ItemKind.PLUGIN)
    for cuts in (3, 4, 5, None):
        assert ground.run(guard.save) == 0
        (ground.site / FILE).write_text("new")
        ground.run(undo(guard, cuts))
        assert ground.run(undo(guard)) == 0
        assert version(ground) == "old"


def php(code, *arguments):
    program = f"$GLOBALS['sitecrew'] = array( 'swap' => {code_word(swap_text())} );\n{code}\n"
    parts = php_source("ownership") + php_source("swap")
    command = ["php", "-d", "display_errors=stderr", *arguments]
    text = f"<?php\n{parts}\n{program}"
    return subprocess.run(command, input=text.encode(), check=False, capture_output=True, env=os.environ)


def swap_text():
    return f'{EXCHANGE}exchange "$1" "$2"'


def code_word(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@pytest.mark.parametrize(
    "without",
    [(), ("ffi.enable=0",), ("ffi.enable=0", "disable_functions=proc_open")],
    ids=["by PHP", "by a tool", "by renames"],
)
def test_folders_are_exchanged_with_any_tool(tmp_path, without):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "says").write_text(name)
    options = [part for one in without for part in ("-d", one)]
    one, other = (code_word(str(tmp_path / name)) for name in ("one", "other"))
    done = php(f"exit( sitecrew_trade( {one}, {other} ) ? 0 : 1 );", *options)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "one/says").read_text() == "other"
    assert (tmp_path / "other/says").read_text() == "one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "other"]


@pytest.mark.parametrize("without", [(), ("ffi.enable=0", "disable_functions=proc_open")])
def test_exchange_with_missing_folder_does_nothing(tmp_path, without):
    (tmp_path / "other").mkdir()
    options = [part for one in without for part in ("-d", one)]
    one, other = (code_word(str(tmp_path / name)) for name in ("one", "other"))
    done = php(f"exit( sitecrew_trade( {one}, {other} ) ? 0 : 1 );", *options)
    assert done.returncode == 1, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
