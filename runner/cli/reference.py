"""The pages that are written from the code: `python -m runner.cli.reference docs`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from runner.cli.main import COMMANDS, root
from runner.cli.vocabulary import step_pages

__all__ = ["pages", "reference"]

_HEAD = """\
# Commands

Every command takes `-h`. stdout is data, stderr is talk; with `--json`, `run`, `resume`, `cancel`, `undo`,
`serve` and `tick` print one JSON event a line and everything else one document ([shapes](json.md)). With
`-q`, errors only: a line for each site that did not end well, nothing where all is well. A command in a
message repeats what was typed; `...` in it stands for a value of `-e`, which may be a secret. How a process
ends: [exit codes](exit-codes.md). Written from the commands by `python -m runner.cli.reference docs`.
"""


def pages(docs: Path) -> Mapping[Path, str]:
    """Every written page of the documentation, by its path."""
    steps = step_pages(docs / "steps/notes").items()
    return {docs / "commands.md": reference(), **{docs / "steps" / name: text for name, text in steps}}


def reference() -> str:
    """Markdown with every command, argument and option."""
    return "\n".join([_HEAD, *_sections()]) + "\n"


def _sections() -> Iterator[str]:
    context = click.Context(root, info_name="sitecrew")
    for title, commands in COMMANDS.items():
        yield f"## {title}\n"
        for name in commands:
            command = root.get_command(context, name)
            if command is not None:
                yield from _command(command, context, name)


def _command(command: click.Command, parent: click.Context, name: str) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                yield from _command(found, context, child)
        return
    arguments = " ".join(command.collect_usage_pieces(context))
    yield f"### `{context.command_path} {arguments}`\n".replace(" [OPTIONS]", "")
    yield f"{_prose(command.help or '')}\n"
    rows = [record for option in command.params if (record := option.get_help_record(context))]
    if rows:
        yield "| option | |\n|---|---|"
        yield from (f"| `{names}` | {_cell(text)} |" for names, text in rows)
        yield ""


def _prose(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    for path, text in pages(Path(sys.argv[1])).items():
        path.write_text(text, encoding="utf-8")
