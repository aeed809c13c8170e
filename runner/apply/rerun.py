"""The command that repeats a run on one of its sites, for messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.model import SecretRef, SecretSource
from runner.shell import command

if TYPE_CHECKING:
    from runner.model import Order

__all__ = ["rerun_command"]


def rerun_command(order: Order, site: str, *more: str) -> str:
    """Return `sitecrew run` or `undo` with the order's playbook, steps and variables, and `more` options.

    Values of variables that were given with -e are not stored; they appear as `...`.
    """
    if undo := order.undo:
        options = {"--database": undo.database, "--force": undo.force}
        more = tuple(dict.fromkeys((*(option for option, given in options.items() if given), *more)))
        return command("undo", undo.run, "-l", site, *more)
    tags = [part for tag in order.tags for part in ("-t", tag)]
    tags += [part for tag in order.playbook.skip_tags for part in ("--skip-tags", tag)]
    start = ("--start-at", order.playbook.start_at) if order.playbook.start_at else ()
    values = (part for name, value in order.variables.items() for part in ("-e", f"{name}={_given(value)}"))
    return command("run", order.playbook.name, "-l", site, *tags, *start, *values, *more)


def _given(value: str | SecretRef) -> str:
    """Return a reference as it is typed; `...` for a value."""
    if isinstance(value, str):
        return "..."
    file = value.source is SecretSource.FILE
    return f"@{value.value}" if file else f"{{{value.source.value}: {value.value}}}"
