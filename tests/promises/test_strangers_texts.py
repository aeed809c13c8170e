"""Promise: what a stranger has chosen is a word in every shell text, and never a template."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.shell_texts import all_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

ROOT = Path(__file__).parents[2]
NOBODY = 65534
CANARY = ": >$CANARY"
HOSTILE = {
    "quotes": f"';{CANARY};'\";{CANARY};\"",
    "substitutions": f"$({CANARY})`{CANARY}`${{X:-$({CANARY})}}",
    "lines": f"\n{CANARY}\n;{CANARY}&\n",
    "end-words": f"\nSITECREW_NAMES\nSITECREW_PROGRAM\nSITECREW_DATA\nSITECREW_TOLD\nEOF\n{CANARY}\n}}\n",
    "escapes": f"\\\n{CANARY}\n\\';{CANARY};\\",
    "syntax": f"|({CANARY})&{CANARY} #\n);;esac;fi;done;}}>x",
}
TOOLS = """
    awk basename cat chmod cp cut date df dirname du env find grep gzip head id ln ls mkdir mv printf pwd
    readlink rm rmdir sed sh sha256sum sha512sum sort stat tail tar tr true uname wc xargs
"""
STUBS = "wp sleep setsid apt-get apt-config apt-cache dpkg dpkg-query systemctl"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Path]:
    """A folder of an account without rights; programs that change a host or wait write down their words."""
    room = Path(f"/var/tmp/{tmp_path.name}-{os.getpid()}")
    bin_ = room / "bin"
    bin_.mkdir(parents=True)
    for name in TOOLS.split():
        if found := shutil.which(name):
            (bin_ / name).symlink_to(found)
    stub = bin_ / "php"
    stub.write_text('#!/bin/sh\nprintf \'%s\\0\' "$@" >>"$WORDS"\n')
    stub.chmod(0o755)
    for name in STUBS.split():
        (bin_ / name).symlink_to("php")
    for one in (room, *room.rglob("*")):
        os.chown(one, NOBODY, NOBODY, follow_symlinks=False)
    yield room
    shutil.rmtree(room)


def run(room: Path, shell: list[str], text: str) -> subprocess.CompletedProcess[bytes]:
    env = {
        "PATH": str(room / "bin"), "HOME": str(room), "LOGNAME": "nobody", "CANARY": str(room / "PWNED"),
        "WORDS": str(room / "words"), "SITECREW_RESTORE": str(room / "restore"),
    }  # fmt: skip
    return subprocess.run(
        [*shell, "-c", text], cwd=room, env=env, user=NOBODY, group=NOBODY, extra_groups=[],
        stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=20,
    )  # fmt: skip


USUAL = {"quotes", "substitutions", "syntax"}
"""The others are `long`."""


def check_syntax(texts: Sequence[tuple[str, str]]) -> None:
    """Each text in a subshell of one program; if that is wrong, one by one."""
    together = "".join(f"(\n{text}\n)\n" for _, text in texts)
    for name, text in [("all", together)] if parses(together) else texts:
        assert parses(text), name


def parses(text: str) -> bool:
    return subprocess.run(["/bin/dash", "-n"], input=text.encode(), check=False).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="runs as another account")
@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[] if kind in USUAL else [pytest.mark.long]) for kind in HOSTILE],
)
def test_no_text_runs_what_a_stranger_has_chosen(room: Path, kind: str) -> None:
    value = HOSTILE[kind]
    texts = list(all_texts(str(room / "srv"), lambda word: f"{word}{value}"))
    check_syntax(texts)
    for name, text in texts:
        for folder in (room / "restore", room / "srv" / f"site{value}".replace("/", "")):
            folder.mkdir(parents=True, exist_ok=True)
            os.chown(folder, NOBODY, NOBODY)
        run(room, ["/bin/dash"], text)
        assert not (room / "PWNED").exists(), f"{name} with {kind}"


@pytest.mark.skipif(os.geteuid() != 0, reason="runs as another account")
def test_the_canary_of_the_test_above_sings(room: Path) -> None:
    for value in HOSTILE.values():
        run(room, ["/bin/dash"], f"true 'x{value}'\nfor f in x{value}")
        run(room, ["/bin/dash"], f'true "{value}"')
        run(room, ["/bin/dash"], f"true x{value}")
        run(room, ["/bin/dash"], f"cat <<'EOF'\nx{value}\nEOF\n")
        assert (room / "PWNED").exists(), value
        (room / "PWNED").unlink()


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / "runner").rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


OTHERS = {
    "runner/report/words.py": "the messages of our own catalogue",
    "runner/notify/render.py": "a template of the workspace, in a sandbox without a loader",
}
"""Modules with templates from elsewhere, and which."""


def test_a_template_is_a_literal_of_the_module_that_fills_it_in() -> None:
    wrong = [
        f"{path}:{node.lineno}: {ast.unparse(node)[:80]}"
        for path, module in modules()
        if path not in OTHERS
        for node in ast.walk(module)
        if _fills_in(node) and not _is_ours(_template(node), _constants(module))
    ]
    assert wrong == []


def _constants(module: ast.Module) -> frozenset[str]:
    """Names that the module itself gives a text, once and for all."""
    return frozenset(
        target.id
        for node in module.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    )


def _fills_in(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in {"format", "format_map", "safe_substitute", "from_string", "vformat"}
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return isinstance(node.right, ast.Tuple | ast.Dict) or isinstance(node.left, ast.Constant)
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Template"


def _template(node: ast.AST) -> ast.expr:
    if isinstance(node, ast.BinOp):
        return node.left
    assert isinstance(node, ast.Call)
    return node.func.value if isinstance(node.func, ast.Attribute) else node.args[0]


def _is_ours(template: ast.expr, constants: frozenset[str]) -> bool:
    literal = isinstance(template, ast.Constant)
    return literal or (isinstance(template, ast.Name) and template.id in constants)


def test_here_documents_hold_only_our_own_programs() -> None:
    """A list of names in a here-document ends where a name says so."""
    paths = [*(path for path, _ in modules()), *_shell_files()]
    found = {path: re.findall(r"<<-?\\?['\"]?(\w+)", (ROOT / path).read_text()) for path in paths}
    words = {path: sorted(set(ends)) for path, ends in found.items() if ends}
    assert words == {
        "runner/steps/sh/archive_files.sh": ["SITECREW_PLACES"],
        "runner/steps/wordpress/sh/cron.sh": ["SITECREW_VISITS"],
        "runner/steps/wordpress/shell.py": ["SITECREW_DATA", "SITECREW_PROGRAM"],
    }


def _shell_files() -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in (ROOT / "runner/steps").rglob("*.sh")]


NOT_WRITTEN = {
    "runner/cli/exec.py": "quotes words that the user typed, see tests/cli/test_exec.py",
    "runner/cli/hints.py": "prints a command for the user",
    "runner/cli/service/command.py": "prints a command for the user",
    "runner/steps/wordpress/composer.py": "prints a command for the user",
    "runner/execute/job.py": "the driver, read as files",
    "runner/execute/read.py": "the driver, read as files",
    "runner/execute/wire.py": "the driver, read as files",
    "runner/execute/garbage.py": "the driver, read as files",
}


def test_every_module_that_builds_shell_text_is_among_the_texts() -> None:
    builders = {path for path, module in modules() if _imports_the_builder(module)}
    used: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename == str(ROOT / "runner/shell.py"):
            caller = frame.f_back
            while caller and caller.f_code.co_filename == frame.f_code.co_filename:
                caller = caller.f_back
            if caller and Path(caller.f_code.co_filename).is_relative_to(ROOT):
                used.add(Path(caller.f_code.co_filename).relative_to(ROOT).as_posix())

    sys.setprofile(note)
    try:
        list(all_texts("/srv", str))
    finally:
        sys.setprofile(None)
    assert builders - used == NOT_WRITTEN.keys()


def _imports_the_builder(module: ast.Module) -> bool:
    """`command` makes what a message asks a person to type, and nothing that is run."""
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "runner.shell"
        and {one.name for one in node.names} != {"command"}
        for node in ast.walk(module)
    )
