"""Commands in messages exist and repeat the options that were typed."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from runner.cli.hints import for_workspace, retyped, set_workspace
from runner.cli.main import COMMANDS, _run, root
from runner.shell import command
from tests.cli.workspaces import write_workspace

RUNNER = Path(__file__).parents[2] / "runner"
NAMES = {name for section in COMMANDS.values() for name in section}
TYPED = re.compile(rf"(?<![\w./-])sitecrew (?:-w \S+ )?(?:{'|'.join(sorted(NAMES))})\b[^`\n;,)]*")
ANY = re.compile(r"(?<![\w./-])sitecrew (?:-w \S+ )?[a-z][a-z-]*\b[^`\n;,)]*")
"""Matches unknown commands too."""


def parsed(line: str) -> tuple[str, click.Context]:
    """Return the command of a line and its parsed options. Fail if the command does not exist."""
    ctx, words = click.Context(root), shlex.split(line)[1:]
    if words[0] == "-w":
        words = words[2:]
    group: click.Command = root
    path = []
    while isinstance(group, click.Group):
        assert words, f"{line}: no command of {path}"
        path.append(words[0])
        found = group.get_command(ctx, words.pop(0))
        assert found is not None, f"{line}: there is no such command"
        group = found
    return " ".join(path), group.make_context("sitecrew", words, resilient_parsing=False)


def lines_in(text: str, what: re.Pattern[str] = TYPED) -> list[str]:
    """Return the commands in a message, without the prose that follows."""
    found = [match[0].rstrip(" .:?!") for match in what.finditer(text)]
    return [
        re.split(r" {2,}| (?:and|then|begins|makes|shows|prints|brings|or|answers)\b", line)[0]
        for line in found
    ]


def literals() -> Iterator[tuple[str, str]]:
    """Yield each command in the code's texts, with its position."""
    for path in sorted(RUNNER.rglob("*.py")):
        for line, found in literals_of(ast.parse(path.read_text())):
            yield f"{path.relative_to(RUNNER)}:{line}", found


def literals_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the commands in the texts of a module, without docstrings, with their lines."""
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            text = node.value
        elif isinstance(node, ast.Call):
            text = built(node)
        else:
            continue
        for found in lines_in(text, ANY):
            yield node.lineno, found


def built(call: ast.Call) -> str:
    """Return the command that a call of `command` or `retyped` builds, with `X` for values; else empty."""
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    words = [arg for arg in call.args if not isinstance(arg, ast.Starred)]
    if name not in {"command", "retyped"} or not words or not isinstance(words[0], ast.Constant):
        return ""
    said = [str(arg.value) if isinstance(arg, ast.Constant) else "X" for arg in words]
    return " ".join(("sitecrew", *said))


def test_no_message_formats_a_value_into_a_command() -> None:
    """Only `command` and `retyped` quote values."""
    assert [found for found in literals() if "{}" in found[1]] == []


def test_every_command_in_a_message_exists() -> None:
    found = list(literals())
    assert len(found) > 40
    assert any(line == "sitecrew cancel X" for _, line in found), "calls are found too"
    wrong = []
    for where, line in found:
        try:
            parsed(line)
        except (click.UsageError, AssertionError) as error:
            if not (isinstance(error, click.MissingParameter)):
                wrong.append(f"{where}: {line}: {error}")
    assert wrong == []


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("hint = 'see `sitecrew outbox list`'", "sitecrew outbox list"),
        ("hint = f'see: {command(\"outbox\", run)}'", "sitecrew outbox X"),
        ("say(retyped('ledger', 'burn'))", "sitecrew ledger burn"),
    ],
)
def test_unknown_command_is_found(source: str, line: str) -> None:
    assert line in [found for _, found in literals_of(ast.parse(source))]
    with pytest.raises(AssertionError):
        parsed(line)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = write_workspace(tmp_path / "an agency")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SITECREW_WORKSPACE", raising=False)
    return folder


WRONG = [
    "run nightly -l nothing",
    "run nightly -l ,",
    "run nightly -l @failed",
    "run nightly --plan none.json",
    "show",
    "show last",
    "logs last acme-shop",
    "resume",
    "cancel",
    "undo last",
    "list runs",
    "schedule list",
    "backup list acme-shop",
    "unhold core -l acme-shop",
    "hold core -l acme-shop --until 2000-01-01",
    "trust web1",
    "ledger verify",
    "ledger erase acme",
    "doctor",
    "plan nightly -l acme-shop",
    "run nightly -l acme-shop",
    "host clean web1",
    "validate",
    "report acme --period 2026-11",
    "tick",
]


@pytest.mark.parametrize("words", WRONG)
@pytest.mark.parametrize("place", ["before", "after"])
def test_printed_commands_repeat_the_workspace(
    workspace: Path, words: str, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    option = ["-w", "an agency"]
    typed = [*option, *shlex.split(words)] if place == "before" else [*shlex.split(words), *option]
    _run(typed)
    said = capsys.readouterr()
    assert workspace.is_dir()
    for line in lines_in(said.err + said.out):
        parsed(line)
        assert line.startswith("sitecrew -w 'an agency' "), line


def test_retyped_command_repeats_known_options() -> None:
    command_ = root.get_command(click.Context(root), "plan")
    assert command_ is not None
    typed = [
        "nightly",
        "-l",
        "a b",
        "--limit",
        "tag:x",
        "--exclude",
        "-odd",
        "-t",
        "it's",
        "-D",
        "--out",
        "f",
    ]
    typed += ["-e", "word=secret", "-e", "file=@here", "-e", "env={env: X}", "--json"]
    with click.Context(root) as parent, command_.make_context("plan", typed, parent=parent):
        assert retyped("run", "nightly", without={"diff"}) == (
            "sitecrew run nightly -e word=... -e file=@here -e 'env={env: X}' -l 'a b' -l tag:x "
            "--exclude=-odd -t 'it'\"'\"'s'"
        )
        assert retyped("show", "r1") == "sitecrew show r1"


def test_retyped_command_omits_defaults() -> None:
    command_ = root.get_command(click.Context(root), "run")
    assert command_ is not None
    with click.Context(root) as parent, command_.make_context("run", ["nightly"], parent=parent):
        assert retyped("run", "nightly") == "sitecrew run nightly"


def test_hidden_value_is_refused_as_input(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["-w", str(workspace), "plan", "nightly", "-e", "word=..."]) == 2
    assert "replace the dots with the value" in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["plain", "with space", "$(x)", "it's"])
def test_folder_of_workspace_is_quoted(folder: str) -> None:
    with click.Context(root, obj={}) as ctx:
        set_workspace(ctx, folder)
        said = for_workspace(f"see {command('show', 'r1')}, `sitecrew init` and /opt/sitecrew run")
    assert shlex.split(said)[:5] == ["see", "sitecrew", "-w", folder, "show"]
    assert said.endswith(", `sitecrew init` and /opt/sitecrew run")
