"""The table of commands and options for shell completion, generated from the commands themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from runner.cli.commands import COMMANDS
from runner.cli.main import root

__all__ = ["TABLE", "completion_table"]

TABLE = Path(__file__).with_name("table.json")
_KINDS = {
    "playbook": "playbook",
    "site": "site",
    "client": "client",
    "run": "run",
    "limit": "selector",
    "exclude": "selector",
    "rings": "selector",
    "tags": "tag",
    "start_at": "step",
    "window": "window",
    "opening": "opening",
    "period": "period",
    "page": "page",
}
"""What a parameter of this name is completed with."""
_METAVARS = {"HOST": "host", "HOST...": "host", "FILE": "file", "DIR": "folder"}
_HELP = ["-h", "--help"]
"""As in the settings of the root command, which click may not have passed on yet."""
_ITEMS = {"unhold": "held item", "hold": "item"}


def completion_table() -> str:
    """Return the table as JSON, with a line for each command."""
    context = click.Context(root, info_name="sitecrew")
    commands = []
    for section in COMMANDS.values():
        for name, (_, summary) in section.items():
            if command := root.get_command(context, name):
                node = _node(command, name, summary)
                commands.append(f"{json.dumps(name)}: {json.dumps(node, ensure_ascii=False)}")
    options = json.dumps(list(_options(root, context)))
    body = ",\n".join(commands)
    return f'{{"shipped": {json.dumps(_shipped())},\n"options": {options},\n"commands": {{\n{body}\n}}}}\n'


def _node(command: click.Command, name: str, summary: str) -> dict[str, Any]:
    context = click.Context(command, info_name=name)
    if isinstance(command, click.Group):
        children = {
            child: _node(found, child, found.get_short_help_str(200))
            for child in command.list_commands(context)
            if (found := command.get_command(context, child))
        }
        return {"help": summary, "commands": children}
    arguments = [
        [_kind(param, name), param.nargs < 0] for param in command.params if isinstance(param, click.Argument)
    ]
    return {"help": summary, "arguments": arguments, "options": list(_options(command, context))}


def _options(command: click.Command, context: click.Context) -> Iterator[list[Any]]:
    """Yield the names of each option, what its value is (null for a flag), and the start of its help."""
    for param in command.get_params(context):
        if isinstance(param, click.Option) and not param.hidden:
            takes_value = not (param.is_flag or param.count)
            kind = _kind(param, command.name or "") if takes_value else None
            names = _HELP if "--help" in param.opts else [*param.opts, *param.secondary_opts]
            yield [names, kind, (param.help or "").partition(". ")[0]]


def _kind(param: click.Parameter, command: str) -> str | list[str]:
    """Return what the parameter is completed with: a kind, a list of words, or `text` for nothing."""
    if isinstance(param.type, click.Choice):
        return list(param.type.choices)
    if isinstance(param.type, click.Path):
        return "folder"
    if param.name == "item":
        return _ITEMS.get(command, "text")
    return _METAVARS.get(param.metavar or "") or _KINDS.get(param.name or "", "text")


def _shipped() -> dict[str, Any]:
    """Return the names, tags and steps of the built-in playbooks."""
    import yaml

    from runner.load.shipped import shipped_playbooks

    books = {name: yaml.safe_load(file.read_text("utf-8")) for name, file in shipped_playbooks().items()}
    tags = {
        name: sorted({tag for step in book["steps"] for tag in step.get("tags", ())})
        for name, book in books.items()
    }
    return {
        "playbook": {name: book["name"] for name, book in books.items()},
        "tags": tags,
        "steps": {name: [] for name in books},
    }
