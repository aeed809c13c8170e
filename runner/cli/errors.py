"""Errors and warnings of the command line, in one style: `error: message`, then indented hints.

With `--json`, each error is one JSON object on a line of its own, on stderr.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import click

from runner.cli.commands import COMMANDS
from runner.cli.hints import for_workspace
from runner.cli.screen import json_text, say, style
from runner.errors import ExitCode, Problem, SitecrewError, UsageError, ValidationError
from runner.untrusted import clean

__all__ = ["JSON", "PROBLEM_KEYS", "complain", "from_click", "print_error", "wants_json", "warn"]

JSON = "json"
"""Key in the context's object: whether `--json` is on the command line."""
PROBLEM_KEYS = ("file", "line", "column", "path", "message", "hint")
"""Keys of a mistake in a file, in JSON."""
_SHOWN = 100
"""Columns shown of a line of input."""


def wants_json(words: Sequence[str]) -> bool:
    """Return whether `--json` or `--log-format json` is on a command line, before any `--`."""
    own = words[: words.index("--")] if "--" in words else words
    formats = {f"{name} {value}" for name, value in pairwise(own)} | {*own}
    return not formats.isdisjoint({"--json", "--log-format json", "--log-format=json"})


def warn(text: str) -> None:
    """Print a warning."""
    say(f"{style('warning:', fg='yellow', bold=True)} {text}")


def complain(error: SitecrewError) -> None:
    """Print an error and its hint; for input files, every problem with its line."""
    if isinstance(error, ValidationError):
        problems = [{key: getattr(one, key) for key in PROBLEM_KEYS} for one in error.problems]
        more: dict[str, Any] = {"errors": problems}
    else:
        more = {}
    if isinstance(error, ValidationError) and not _is_json():
        for problem in error.problems:
            _print_problem(problem)
    print_error(str(error), clean(error.hint).splitlines(), code=error.exit_code, more=more)


def print_error(
    message: str, hints: Sequence[str] = (), *, code: ExitCode, more: Mapping[str, Any] | None = None
) -> None:
    """Print an error as a line and indented hints, or as one JSON object with `more`."""
    if _is_json():
        hint = for_workspace("\n".join(hints))
        document = {"error": for_workspace(clean(message)), "hint": hint, "code": int(code), **(more or {})}
        say(json_text(document), wrapped=False)
        return
    say(f"{style('error:', fg='red', bold=True)} {message}")
    for line in hints:
        say(f"  {line}")


def _is_json() -> bool:
    ctx = click.get_current_context(silent=True)
    return bool(ctx and (ctx.find_root().obj or {}).get(JSON))


def _print_problem(problem: Problem) -> None:
    position = f"{problem.file}:{problem.line}:{problem.column}"
    path = f"{problem.path}: " if problem.path else ""
    hint = f" ({problem.hint})" if problem.hint else ""
    say(f"{style(position, bold=True)}: {path}{problem.message}{hint}")
    if problem.source:
        source, column = _around(problem.source, problem.column)
        say(f"    {source}", wrapped=False)
        say(f"    {' ' * (column - 1)}{style('^', fg='red')}", wrapped=False)


def _around(line: str, column: int) -> tuple[str, int]:
    """Return the part of a long line around `column`, and the column in that part."""
    first = max(0, column - _SHOWN // 2) if len(line) > _SHOWN else 0
    shown = line[first : first + _SHOWN]
    if first:
        shown = f"…{shown[1:]}"
    if first + _SHOWN < len(line):
        shown = f"{shown[:-1]}…"
    return shown, column - first


def from_click(error: click.ClickException, words: Sequence[str]) -> UsageError:
    """Return a mistake that click found in the words of a command line, in the style of our other errors."""
    message, hints = _described(error)
    ctx = getattr(error, "ctx", None)
    command = ctx.command_path if ctx else " ".join(["sitecrew", *_command(words)])
    return UsageError(message, hint="\n".join([*hints, f"see: {command} -h"]))


def _command(words: Sequence[str]) -> list[str]:
    names = {name for section in COMMANDS.values() for name in section}
    return [word for word in words if word in names][:1]


def _described(error: click.ClickException) -> tuple[str, list[str]]:
    from runner.cli.habits import INSTEAD_OF_OPTIONS

    if name := getattr(error, "command_name", ""):
        return f"there is no command {name!r}", _near(getattr(error, "possibilities", ()))
    match error:
        case click.NoSuchOption():
            instead = INSTEAD_OF_OPTIONS.get(error.option_name, "")
            hints = [f"use {instead}"] if instead else _near(error.possibilities)
            return f"there is no option {error.option_name}", hints
        case click.MissingParameter() if error.param is not None:
            choices = error.param.type.get_missing_message(error.param, error.ctx) or ""
            hints = [_lowered(" ".join(choices.split()))] if choices else []
            return f"missing {error.param.param_type_name} {_name(error)}", hints
        case click.BadParameter() if error.param is not None:
            return f"{_name(error)}: {_lowered(error.message)}", []
    return _lowered(error.format_message()), []


def _name(error: click.BadParameter) -> str:
    """Return the name of the parameter as it is typed: `-f/--forks` or `PLAYBOOK`."""
    if isinstance(error.param, click.Option):
        return "/".join(error.param.opts)
    name = error.param.human_readable_name if error.param else ""
    return name.strip("[]")


def _near(names: Sequence[str] | None) -> list[str]:
    return [f"did you mean {names[0]}?"] if names else []


def _lowered(text: str) -> str:
    """Return a sentence of click as ours are written: lower case, no full stop."""
    plain = text.strip().removesuffix(".")
    return plain[:1].lower() + plain[1:]
