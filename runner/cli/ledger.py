"""`ledger`: check the record, give a client's part of it out, and erase it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.cli.options import as_json, with_workspace
from runner.cli.output import emit_json, say
from runner.cli.screen import out, style
from runner.errors import ExitCode

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["ledger"]


@click.group()
def ledger() -> None:
    """Check, export and erase what is recorded."""


@ledger.command()
@with_workspace
@click.option("--head", default="", metavar="HASH", help="A hash that was noted earlier and must be in it.")
@as_json
def verify(workspace: Workspace, head: str, json_: bool) -> int:
    """Check the chain of acts, and each run's order against the act that began it.

    Prints the hash of the last act. Note it elsewhere: a chain that was written anew does not contain it.
    """
    from runner.cli.show import reading

    with reading(workspace) as found:
        verdict = found.verify_acts(head.strip().lower())
    if json_:
        emit_json({"acts": verdict.acts, "head": verdict.head, "problem": verdict.problem or None})
    else:
        out(f"{verdict.acts} acts, head {verdict.head}")
    if verdict.problem:
        say(f"{style('error:', fg='red', bold=True)} {verdict.problem}")
        return ExitCode.FAILED
    return ExitCode.OK
