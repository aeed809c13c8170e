"""`doctor`: what would go wrong tonight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from runner.cli.hints import for_workspace
from runner.cli.options import as_json, selecting, with_workspace
from runner.cli.output import emit_json, say
from runner.cli.run import find_playbook, select_sites
from runner.cli.screen import out, style
from runner.errors import ExitCode
from runner.model import first_code
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
@as_json
def doctor(workspace: Workspace, playbook: str | None, **options: Any) -> int:
    """Look at the controller, the hosts and the sites, and say what would go wrong tonight.

    What the playbooks of the windows need is looked for as well, and what PLAYBOOK needs.
    """
    from runner.inspect.doctor import examine

    book = find_playbook(workspace, playbook) if playbook else None
    sites = select_sites(workspace, options["limit"], options["exclude"])
    checks = []
    for check in examine(workspace, sites, book):
        checks.append(check)
        if not options["json_"]:
            _show(check)
    code = first_code(check.code for check in checks)
    if options["json_"]:
        emit_json(
            {
                "ok": code is ExitCode.OK,
                "checks": [
                    {
                        "about": c.about,
                        "ok": c.code == ExitCode.OK,
                        "finding": c.finding,
                        "hint": for_workspace(c.hint),
                    }
                    for c in checks
                ],
            }
        )
    else:
        bad = sum(c.code != ExitCode.OK for c in checks)
        say("\nnothing stands in the way" if not bad else f"\n{bad} of {len(checks)} checks found something")
    return code


def _show(check: Check) -> None:
    good = check.code == ExitCode.OK
    sign = style("ok", fg="green") if good else style("!!", fg="red", bold=True)
    out(f"{sign}  {style(check.about, bold=True)}: {sentence(check.finding, _LONGEST)}")
    if check.hint:
        out(f"      {for_workspace(sentence(check.hint, _LONGEST))}")
