"""`wordpress.maintenance`: visitors are asked to wait while a job works on the site."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from runner.model import Outcome, SiteKind, Step, StepOutcome
from runner.shell import word
from runner.steps.base import Context, Result, Script, StepKind, by_status
from runner.steps.wordpress.fatal import fatal_error
from runner.steps.wordpress.shell import shell_source, site_script
from runner.untrusted import clean, sentence

__all__ = ["Maintenance", "MaintenanceOptions"]

_SIGN = "sitecrew"
"""Stands in each `.maintenance` that is ours, before the mark of the job that made it."""
_REASONS = {
    "foreign": "a .maintenance of somebody else lies there; it is left alone",
    "unwritable": "this login may not write .maintenance in WordPress's folder",
}


_EPOCH = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceOptions:
    """What may stand below `wordpress.maintenance`."""

    on: bool = field(
        default=True,
        metadata={
            "doc": "`true` closes the site to visitors until `false`, a step that the controller takes part "
            "in (an update, a backup, a look), the end of the job, or ten minutes; `false` opens it",
            "scalar": "on",
        },
    )


class Maintenance(StepKind):
    """A `.maintenance` of our own. WordPress ignores one that is older than ten minutes."""

    name = "wordpress.maintenance"
    becomes = False
    summary = "Closes the site to visitors while the steps behind it work, or opens it again."
    options = MaintenanceOptions
    example = """\
- wordpress.maintenance: true
- shell: wp search-replace old.example new.example
- wordpress.maintenance: false
"""
    reads = "where WordPress lies, and whether a `.maintenance` is there."
    plans = "nothing."
    changes = (
        "`true` makes a `.maintenance` that names its job; it never replaces another's. `false` takes it "
        "away."
    )
    understood = (
        "by the file as it is afterwards, and by what WordPress says of itself in a process of its own. "
        "Somebody else's file is `failed`, and nothing is touched."
    )
    undone = (
        "by taking the file away: by `false`, before a step in which the controller takes part, at the "
        "end of the job however it ends, and by WordPress itself after ten minutes."
    )
    sites = frozenset({SiteKind.WORDPRESS})
    facts = True

    def script(self, step: Step, context: Context) -> Script:
        """The file is made by an exclusive create, so that it never replaces another's."""
        options = cast("MaintenanceOptions", step.options)
        sign = word(f"{_SIGN} {context.mark}")
        head = shell_source("maintenance", file=word(_file(context)), sign=sign, word=_SIGN)
        body = head + shell_source("maintenance_on" if options.on else "maintenance_off")
        return site_script(context.site, context.host, context.mark, body)

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """By the file as it is afterwards, and by what WordPress says of itself, in a process of its own."""
        if result.why:
            return by_status(step, result, Outcome.CHANGED)
        found = re.findall(rf"^{re.escape(context.mark)} ([a-z-]+)(?: (\S+))?$", result.output, re.MULTILINE)
        word, detail = found[-1] if found else ("", "")
        outcome, why = _meaning(word, detail, result)
        said = [line for line in result.output.splitlines() if not line.startswith(f"{context.mark} ")]
        output = clean("\n".join(said).strip())
        return StepOutcome(step=step.id, outcome=outcome, why=why, seconds=result.seconds, output=output)

    def cleanup(self, step: Step, context: Context) -> str:
        """Opens the site, if this job closed it, however it ends."""
        if not cast("MaintenanceOptions", step.options).on:
            return ""
        file = word(_file(context))
        sign = word(f"// {_SIGN} {context.mark}")
        return f"[ ! -f {file} ] || [ -L {file} ] || ! grep -qF {sign} {file} || rm -f {file}"


def _file(context: Context) -> str:
    root = context.before.root if context.before else ""
    return f"{root or context.site.path.rstrip('/') + '/'}.maintenance"


def _meaning(word: str, detail: str, result: Result) -> tuple[Outcome, str]:
    until = f"closed until {_clock(detail)} UTC, or until the job ends" if _EPOCH.fullmatch(detail) else ""
    if word == "closed":
        return Outcome.CHANGED, until
    if word == "unconfirmed":
        return Outcome.FAILED, "the file is there, but WordPress does not say that it is in maintenance"
    if word == "open":
        return Outcome.CHANGED, ""
    if word == "none":
        return Outcome.OK, "was not closed, or no longer"
    if word == "problem":
        return Outcome.FAILED, f"the host has {detail.replace('-', ' ')}"
    reason = fatal_error(result.output) or sentence(result.output) or f"exit status {result.status}"
    return Outcome.FAILED, _REASONS.get(word, reason)


def _clock(epoch: str) -> str:
    return f"{datetime.fromtimestamp(int(epoch), UTC):%H:%M:%S}"
