"""`doctor`: find problems before a run does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from runner.cli.hints import for_workspace
from runner.cli.options import as_json, selecting, verbosity, with_workspace
from runner.cli.output import emit_json, out_wrapped, say
from runner.cli.screen import style
from runner.cli.selection import find_playbook, select_sites
from runner.errors import ExitCode
from runner.model import first_code
from runner.units import count
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.inspect.check import Check
    from runner.load import Workspace

__all__ = ["doctor"]

_LONGEST = 2000


@click.command()
@with_workspace
@click.argument("playbook", required=False)
@selecting
@verbosity
@as_json
def doctor(workspace: Workspace, playbook: str | None, **options: Any) -> int:
    """Check the controller, hosts and sites for problems that would make a run fail.

    Also checks what the steps of PLAYBOOK need; without PLAYBOOK, those of every maintenance window.

    With -q, prints only what failed. With -v, also prints how many sites and hosts are checked.
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
        if not options["json_"] and not (options["quiet"] and check.code == ExitCode.OK):
            _print(check)
    code = first_code(check.code for check in checks)
    if options["json_"]:
        emit_json({"ok": code is ExitCode.OK, "checks": [_as_json(check) for check in checks]})
    elif not options["quiet"]:
        bad = sum(check.code != ExitCode.OK for check in checks)
        say(f"\n{bad} of {count(len(checks), 'check')} found a problem" if bad else "\nno problems found")
    return code


def _as_json(check: Check) -> dict[str, Any]:
    return {
        "about": check.about,
        "ok": check.code == ExitCode.OK,
        "finding": check.finding,
        "hint": for_workspace(check.hint),
    }


def _print(check: Check) -> None:
    good = check.code == ExitCode.OK
    sign = style("ok", fg="green") if good else style("!!", fg="red", bold=True)
    out_wrapped(f"{sign}  {style(check.about, bold=True)}: {sentence(check.finding, _LONGEST)}", indent=4)
    if check.hint:
        out_wrapped(f"      {for_workspace(sentence(check.hint, _LONGEST))}", indent=6)
