"""What a reader copies from the docs works: commands parse, files validate, units are correct."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from runner.cli.main import root
from runner.load import load_playbook, load_workspace
from tests.crew import sitecrew

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.glob("*.md")])
QUICK_START = DOCS / "quick-start.md"
_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(sitecrew(?: [^`]+)?)`")
_OPERATORS = {"&&", "||", "|", ";", ">", ">>", "<", "&"}


def blocks(page: Path, language: str) -> list[str]:
    """Return the code blocks of a page in one language."""
    found = _BLOCK.findall(page.read_text())
    return [textwrap.dedent(text) for _, of, text in found if of == language]


def command_lines(page: Path) -> Iterator[list[str]]:
    """Yield the arguments of each `sitecrew` in the shell blocks and in the text of a page."""
    text = page.read_text()
    lines = [line for block in blocks(page, "sh") for line in block.replace("\\\n", " ").splitlines()]
    lines += [" ".join(code.split()) for code in _INLINE.findall(_BLOCK.sub("", text))]
    for line in lines:
        lexer = shlex.shlex(line.replace("$(", "\n"), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word in _OPERATORS:
                if Path(next(iter(words), "")).name == "sitecrew":
                    yield words[1:]
                words = []
            else:
                words.append(word)


def parse(words: list[str]) -> None:
    """Parse a command line as `sitecrew` does, without running it."""
    context = click.Context(root, info_name="sitecrew")
    command: click.Command = root
    while isinstance(command, click.Group):
        if not words or words[0] in {"--version", "-h", "-w"}:
            return
        name, *words = words
        found = command.get_command(context, name)
        assert found, f"there is no command {name}"
        command, context = found, click.Context(found, info_name=name, parent=context)
        if isinstance(found, click.Group) and not words:
            return  # a group as a whole
    parser = command.make_parser(context)
    values, left, _ = parser.parse_args(args=list(words))
    assert not left or command.allow_extra_args, left
    for parameter in command.params:
        value = values.get(parameter.name)
        placeholder = isinstance(value, str) and value.isupper()
        if isinstance(parameter, click.Option) and value is not None and not placeholder:
            parameter.type_cast_value(context, value)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_of_the_docs_parse(page: Path) -> None:
    wrong = []
    for words in command_lines(page):
        try:
            parse(words)
        except (click.UsageError, AssertionError) as error:
            wrong.append(f"sitecrew {shlex.join(words)}: {error}")
    assert not wrong


@pytest.mark.parametrize(
    "words", [["run", "--nothing"], ["rnu"], ["doctor", "a", "b"], ["schedule", "next", "--count", "x"]]
)
def test_wrong_command_line_does_not_parse(words: list[str]) -> None:
    with pytest.raises((click.UsageError, AssertionError)):
        parse(words)


def write_quick_start(folder: Path) -> None:
    """Follow the quick start: init, then replace the files by those of the page."""
    assert sitecrew("init", str(folder), "--yes").code == 0
    for text in blocks(QUICK_START, "yaml"):
        name = re.match(r"# (\S+)", text)
        assert name
        (folder / name[1]).write_text(text)


def test_quick_start_validates_as_printed(tmp_path: Path) -> None:
    write_quick_start(tmp_path / "my-crew")
    said = sitecrew("validate", folder=tmp_path / "my-crew")
    assert (said.code, said.err) == (0, "")
    assert said.out in blocks(QUICK_START, "text")


def test_quick_start_has_a_next_window(tmp_path: Path) -> None:
    write_quick_start(tmp_path)
    said = sitecrew("schedule", "next", "--from", "2026-11-28T00:00:00Z", "--count", "1", folder=tmp_path)
    assert "Tue 2026-12-01 02:00" in said.out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_whole_files_of_the_docs_are_valid(page: Path, tmp_path: Path) -> None:
    for number, text in enumerate(blocks(page, "yaml")):
        folder = tmp_path / str(number)
        (folder / "playbooks").mkdir(parents=True)
        heading = re.match(r"# ([\w./-]+\.yaml)", text)
        name = heading[1] if heading else ""
        if name.startswith("playbooks/"):
            (folder / name).write_text(text if "name:" in text else f"name: Example\n{text}")
            load_playbook(folder, Path(name).stem)
        elif name == "inventory.yaml" and "clients:" in text:
            hosts = "" if "hosts:" in text else "hosts: {web1: {address: a}}\n"
            (folder / name).write_text(text + hosts)
            load_workspace(folder)
