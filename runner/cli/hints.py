"""Commands quoted in messages: with the options that were typed, for the workspace that was named."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

import click

from runner.cli.commands import COMMANDS
from runner.shell import command, word, words

__all__ = ["HIDDEN", "for_workspace", "retyped", "set_workspace"]

HIDDEN = "..."
"""Printed instead of the value of -e NAME=VALUE, which may be a secret. As a value it is refused."""
_VIEW = {"folder", "json_", "quiet", "verbose"}
"""Options about where and how to print, which are not repeated; `for_workspace` adds the folder."""
_WORKSPACE = "named"


def retyped(name: str, *arguments: object, without: Collection[str] = ()) -> str:
    """Return `sitecrew NAME ARGUMENTS` with every option that was typed and that NAME also has.

    Args:
        name: name of the command.
        arguments: its arguments, and options that were not typed.
        without: names of parameters to leave out.
    """
    ctx = click.get_current_context(silent=True)
    if ctx is None:
        return command(name, *arguments)
    root = ctx.find_root().command
    target = root.get_command(ctx, name) if isinstance(root, click.Group) else None
    known = {param.name for param in target.params} if target else set()
    typed = [
        text
        for param in ctx.command.params
        if isinstance(param, click.Option) and param.name in known - _VIEW - set(without)
        for text in _option(ctx, param)
    ]
    return " ".join((command(name, *arguments), *typed))


def _option(ctx: click.Context, param: click.Option) -> Iterator[str]:
    """Yield the option as it was typed, quoted; nothing if it was not typed."""
    source = ctx.get_parameter_source(param.name or "")
    if source is not click.core.ParameterSource.COMMANDLINE:
        return
    value: Any = ctx.params[param.name or ""]
    if param.is_flag:
        yield param.opts[0]
        return
    for one in value if param.multiple else (value,):
        text = _without_secret(one) if param.name == "extra" else str(one)
        yield f"{param.opts[-1]}={word(text)}" if text.startswith("-") else words(param.opts[0], text)


def _without_secret(pair: str) -> str:
    """Return NAME=VALUE unchanged if the value is a reference, else with the value hidden."""
    from runner.load.variables import variable

    name, _, value = pair.partition("=")
    return f"{name}={HIDDEN}" if isinstance(variable(value), str) else pair


def set_workspace(ctx: click.Context, folder: str | None) -> None:
    """Set the folder given by -w, for commands in messages."""
    ctx.find_root().ensure_object(dict)[_WORKSPACE] = folder


def for_workspace(text: str) -> str:
    """Return the text with `-w DIR` added to each `sitecrew COMMAND`, if -w was typed."""
    ctx = click.get_current_context(silent=True)
    folder = (ctx.find_root().obj or {}).get(_WORKSPACE) if ctx else None
    if not folder:
        return text
    prefix = f"sitecrew -w {word(folder)} "
    return _MENTIONED.sub(lambda _: prefix, text)


_NAMES = {name for section in COMMANDS.values() for name in section} - {"init", "completion"}
_MENTIONED = re.compile(rf"(?<![\w./-])sitecrew (?=(?:{'|'.join(sorted(_NAMES))})\b)")
"""A command in a message that takes -w."""
