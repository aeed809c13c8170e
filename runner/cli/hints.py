"""Commands in messages: with the options that were typed, for the workspace that was named."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

import click

from runner.shell import command, word, words

__all__ = ["HIDDEN", "for_workspace", "named", "retyped"]

HIDDEN = "..."
"""Stands for the value of -e NAME=VALUE, which may be a secret. Typed as it is, it is refused."""
_VIEW = {"folder", "json_", "quiet", "verbose"}
"""Options that say where and how to print; `for_workspace` adds the folder."""
_NAMED = "named"


def retyped(name: str, *arguments: object, without: Collection[str] = ()) -> str:
    """`sitecrew NAME ARGUMENTS` with the options that were typed and that NAME has too.

    Args:
        name: of the command.
        arguments: its arguments, and options that were not typed.
        without: names of parameters that are left out.
    """
    from runner.cli.main import root

    ctx = click.get_current_context(silent=True)
    if ctx is None:
        return command(name, *arguments)
    target = root.get_command(ctx, name)
    known = {param.name for param in target.params} if target else set()
    typed = [
        text
        for param in ctx.command.params
        if isinstance(param, click.Option) and param.name in known - _VIEW - set(without)
        for text in _option(ctx, param)
    ]
    return " ".join((command(name, *arguments), *typed))


def _option(ctx: click.Context, param: click.Option) -> Iterator[str]:
    """The option as it was typed, quoted; nothing where it was not."""
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
    """A reference as it is; of a value only the name."""
    from runner.load.variables import variable

    name, _, value = pair.partition("=")
    return f"{name}={HIDDEN}" if isinstance(variable(value), str) else pair


def named(ctx: click.Context, folder: str | None) -> None:
    """Remember the folder that -w names, for commands in messages."""
    ctx.find_root().ensure_object(dict)[_NAMED] = folder


def for_workspace(text: str) -> str:
    """The text with `-w DIR` in each `sitecrew COMMAND`, where -w was typed."""
    ctx = click.get_current_context(silent=True)
    folder = (ctx.find_root().obj or {}).get(_NAMED) if ctx else None
    if not folder:
        return text
    prefix = f"sitecrew -w {word(folder)} "
    return _commands().sub(lambda _: prefix, text)


def _commands() -> re.Pattern[str]:
    from runner.cli.main import COMMANDS

    names = {name for section in COMMANDS.values() for name in section} - {"init", "completion"}
    return re.compile(rf"(?<![\w./-])sitecrew (?=(?:{'|'.join(sorted(names))})\b)")
