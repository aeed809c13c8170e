"""`wordpress.maintenance`: show visitors the maintenance page while a job runs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from runner.model import ItemKind, Outcome, SiteKind, Step, StepOutcome
from runner.shell import word
from runner.steps.base import Context, Result, Script, StepKind, by_status
from runner.steps.wordpress.fatal import fatal_error
from runner.steps.wordpress.shell import shell_source, site_script
from runner.untrusted import clean, sentence

__all__ = ["Maintenance", "MaintenanceOptions"]

_SIGN = "sitecrew"
"""Identifies our own `.maintenance`; the mark of its job follows."""
_REASONS = {
    "foreign": "there is a .maintenance that Sitecrew did not create; it was not changed",
    "unwritable": "this login cannot write .maintenance in WordPress's folder",
}
_EPOCH = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceOptions:
    """The options of `wordpress.maintenance`."""

    on: bool = field(
        default=True,
        metadata={
            "doc": "`true` closes the site to visitors until `false`, a step that the controller takes part "
            "in (an update, a backup, a health check), the end of the job, or ten minutes; `false` opens it",
            "scalar": "on",
        },
    )


class Maintenance(StepKind):
    """Creates or removes `.maintenance`. WordPress ignores one that is older than ten minutes."""

    name = "wordpress.maintenance"
    becomes = False
    item = ItemKind.CORE
    summary = "Closes the site to visitors while the following steps run, or opens it again."
    options = MaintenanceOptions
    example = """\
- wordpress.maintenance: true
- shell: wp search-replace old.example new.example
- wordpress.maintenance: false
"""
    reads = "the folder of WordPress, and whether it contains a `.maintenance`."
    plans = "nothing."
    changes = (
        "`true` creates a `.maintenance` that names its job; it never replaces one that it did not create. "
        "`false` removes it."
    )
    understood = (
        "by the file afterwards, and by whether WordPress, in a new process, reports maintenance mode. If "
        "Sitecrew did not create the file, the step is `failed` and nothing is changed."
    )
    undone = (
        "by removing the file: with `false`, before a step that the controller takes part in, and at the end "
        "of the job, whatever its outcome. WordPress itself ignores the file after ten minutes."
    )
    sites = frozenset({SiteKind.WORDPRESS})
    facts = True

    def script(self, step: Step, context: Context) -> Script:
        """Create the file exclusively, so that it never replaces another one."""
        options = cast("MaintenanceOptions", step.options)
        sign = word(f"{_SIGN} {context.mark}")
        head = shell_source("maintenance", file=word(_file(context)), sign=sign, word=_SIGN)
        body = head + shell_source("maintenance_on" if options.on else "maintenance_off")
        return site_script(context.site, context.host, context.mark, body)

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """Judge by the file afterwards, and by whether WordPress reports maintenance mode."""
        if result.why:
            return by_status(step, result, Outcome.CHANGED)
        found = re.findall(rf"^{re.escape(context.mark)} ([a-z-]+)(?: (\S+))?$", result.output, re.MULTILINE)
        state, detail = found[-1] if found else ("", "")
        outcome, why = _meaning(state, detail, result)
        lines = [line for line in result.output.splitlines() if not line.startswith(f"{context.mark} ")]
        output = clean("\n".join(lines).strip())
        return StepOutcome(step=step.id, outcome=outcome, why=why, seconds=result.seconds, output=output)

    def cleanup(self, step: Step, context: Context) -> str:
        """Open the site again if this job closed it."""
        if not cast("MaintenanceOptions", step.options).on:
            return ""
        file = word(_file(context))
        sign = word(f"// {_SIGN} {context.mark}")
        return f"[ ! -f {file} ] || [ -L {file} ] || ! grep -qF {sign} {file} || rm -f {file}"


def _file(context: Context) -> str:
    root = context.before.root if context.before else ""
    return f"{root or context.site.path.rstrip('/') + '/'}.maintenance"


def _meaning(state: str, detail: str, result: Result) -> tuple[Outcome, str]:
    until = f"closed until {_clock(detail)} UTC, or until the job ends" if _EPOCH.fullmatch(detail) else ""
    if state == "closed":
        return Outcome.CHANGED, until
    if state == "unconfirmed":
        return Outcome.FAILED, "the file is there, but WordPress does not report maintenance mode"
    if state == "open":
        return Outcome.CHANGED, ""
    if state == "none":
        return Outcome.OK, "was not closed, or is open again"
    if state == "problem":
        return Outcome.FAILED, f"the host has {detail.replace('-', ' ')}"
    reason = fatal_error(result.output) or sentence(result.output) or f"exit status {result.status}"
    return Outcome.FAILED, _REASONS.get(state, reason)


def _clock(epoch: str) -> str:
    return f"{datetime.fromtimestamp(int(epoch), UTC):%H:%M:%S}"
