"""Each command's help ends with an example that can be typed."""

from __future__ import annotations

import shlex

import click
import pytest

from runner.cli.commands import COMMANDS
from runner.cli.examples import EXAMPLES
from runner.cli.main import root


def commands() -> dict[str, tuple[click.Command, click.Context]]:
    """All commands that are no groups, by their names."""
    found = {}

    def add(command: click.Command, parent: click.Context, name: str) -> None:
        ctx = click.Context(command, info_name=name.rsplit(maxsplit=1)[-1], parent=parent)
        if isinstance(command, click.Group):
            for child, inner in command.commands.items():
                add(inner, ctx, f"{name} {child}")
        else:
            found[name] = (command, ctx)

    top = click.Context(root, info_name="sitecrew")
    for name in (name for section in COMMANDS.values() for name in section):
        command = root.get_command(top, name)
        assert command is not None
        add(command, top, name)
    return found


def test_every_command_has_an_example() -> None:
    assert set(EXAMPLES) == set(commands()), "add an example to runner/cli/examples.py"


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_shown_and_can_be_parsed(name: str) -> None:
    command, ctx = commands()[name]
    shown = command.get_help(ctx)
    assert shown.rstrip().endswith(f"Example:\n\n    {EXAMPLES[name]}")
    assert all(len(line) <= 80 for line in shown.splitlines())
    words = shlex.split(EXAMPLES[name].removeprefix("source <(").removesuffix(")"))
    assert words[: len(name.split()) + 1] == ["sitecrew", *name.split()]
    command.make_context(words[-1], words[len(name.split()) + 1 :], parent=ctx.parent)
