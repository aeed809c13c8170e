"""`doctor`: find problems before a run does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from runner.cli.hints import for_workspace, retyped
from runner.cli.options import as_json, selecting, verbosity, with_workspace
from runner.cli.output import emit_json, out_wrapped, say, say_commands
from runner.cli.screen import style
from runner.cli.selection import find_playbook, select_sites
from runner.errors import ExitCode
from runner.model import CheckLevel, first_code
from runner.units import count
from runner.untrusted import few, sentence

if TYPE_CHECKING:
    from runner.inspect.check import Check
    from runner.load import Workspace

__all__ = ["doctor"]

_LONGEST = 2000
_NAMED = 3
"""Hosts and sites with problems that the last line names."""
_SIGNS = {
    CheckLevel.OK: style("ok", fg="green"),
    CheckLevel.WARNING: style("! ", fg="yellow", bold=True),
    CheckLevel.PROBLEM: style("!!", fg="red", bold=True),
}


@click.command()
@with_workspace
@click.argument("playbook", required=False)
@selecting
@verbosity
@as_json
def doctor(workspace: Workspace, playbook: str | None, **options: Any) -> int:
    """Check the controller, hosts and sites for problems that would make a run fail.

    Also checks what the steps of PLAYBOOK need; without PLAYBOOK, those of every maintenance window.

    Problems are marked !!, and warnings, with which a run would succeed, are marked !.

    With -q, prints only problems. With -v, also prints how many sites and hosts are checked.
    """
    from runner.inspect.doctor import examine

    book = find_playbook(workspace, playbook) if playbook else None
    sites = select_sites(workspace, options["limit"], options["exclude"])
    if options["verbose"]:
        hosts = {site.host for site in sites}
        say(f"checking {count(len(sites), 'site')} on {count(len(hosts), 'host')}")
    checks = []
    for check in examine(workspace, sites, book):
        checks.append(check)
        if not options["json_"] and not (options["quiet"] and check.level is not CheckLevel.PROBLEM):
            _print(check)
    code = first_code(check.code for check in checks)
    if options["json_"]:
        emit_json({"ok": code is ExitCode.OK, "checks": [_as_json(check) for check in checks]})
    elif not options["quiet"]:
        _print_totals(checks, playbook)
    return code


def _as_json(check: Check) -> dict[str, Any]:
    return {
        "about": check.about,
        "ok": check.code == ExitCode.OK,
        "level": check.level.value,
        "finding": check.finding,
        "hint": for_workspace(check.hint),
    }


def _print(check: Check) -> None:
    sign = _SIGNS[check.level]
    out_wrapped(f"{sign}  {style(check.about, bold=True)}: {sentence(check.finding, _LONGEST)}", indent=4)
    if check.hint:
        out_wrapped(f"      {for_workspace(sentence(check.hint, _LONGEST))}", indent=6)


def _print_totals(checks: Sequence[Check], playbook: str | None) -> None:
    """Print how many problems and warnings there are, and how to print only the problems."""
    levels = Counter(check.level for check in checks)
    found = "no problems found"
    if bad := levels[CheckLevel.PROBLEM]:
        about = dict.fromkeys(check.about for check in checks if check.level is CheckLevel.PROBLEM)
        found = f"{count(bad, 'problem')} ({few(tuple(about), _NAMED)})"
    if warnings := levels[CheckLevel.WARNING]:
        found += f", {count(warnings, 'warning')}"
    say(f"\n{found} in {count(len(checks), 'check')}")
    if 0 < bad < len(checks):
        say_commands({"to print only the problems": retyped("doctor", *filter(None, [playbook]), "-q")})
