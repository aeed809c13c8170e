"""`static.release`: a folder of files put online by switching a link.

The site's path is a symbolic link to a release. Each release has its own folder in the folder of releases,
next to the link. The link is replaced by one rename, so visitors see either the old release or the new one.
"""

from __future__ import annotations

from typing import cast

from runner.model import ChangeOutcome, ItemKind, Outcome, SiteKind, Step, StepOutcome
from runner.shell import assign
from runner.steps.base import Context, Result, Script, StepKind, Where, by_status
from runner.steps.sources import shell_source
from runner.steps.static.layout import Layout, ReleaseOrder, SwitchOrder
from runner.steps.static.refusal import ReleaseOptions
from runner.steps.static.switch import SWITCH, switch_script
from runner.steps.static.tree import SHELL
from runner.untrusted import sentence

__all__ = ["StaticRelease"]


class StaticRelease(StepKind):
    """Uploads a release, checks it, switches to it, and reads it again through the link."""

    name = "static.release"
    becomes = False
    switches = True
    item = ItemKind.RELEASE
    summary = "Puts a folder of files online as a new release by switching a link."
    options = ReleaseOptions
    example = """\
- static.release: {from: build}
- static.release: {from: "dist/{site}", keep: 10, exclude: ["*.map", drafts/], adopt: true}
"""
    reads = (
        "the files online and the files to be released, with their SHA-256, size and permissions. A link "
        "that leads out of the folder is refused by name."
    )
    plans = (
        "`release`, from the one online to the new one, with the numbers of new, changed and removed files "
        "and the bytes to upload."
    )
    changes = (
        "the link that is the site's path. The release is uploaded to a folder next to it and checked file "
        "by file, then the link is replaced by one rename. A release that is empty or has lost a third of "
        "its files or bytes is refused. Releases beyond `keep` are removed, but never one that is online."
    )
    understood = "by the files that the host reads through the link after the switch."
    undone = (
        "by switching back to the previous release, which is one rename: automatically if reading the files "
        "again fails, or if the health check finds the site worse than before (status, text, size, "
        "stylesheets), for which the job on the host waits. With `force`, the site is not compared with "
        "before. Later by hand: `sitecrew undo RUN`."
    )
    where = Where.UPLOAD
    sites = frozenset({SiteKind.STATIC})

    def guarded(self, step: Step, context: Context) -> str:  # noqa: ARG002
        """Return the folder of releases, because the link leads to another folder after the step."""
        return Layout.of(context.site.path).releases

    def script(self, step: Step, context: Context) -> Script:
        """Return a script that checks the release, switches to it, reads it again and prunes old releases."""
        order = context.prepared
        if not isinstance(order, SwitchOrder):
            return Script(text="exit 3\n")
        if not isinstance(order, ReleaseOrder):
            layout, serving = Layout.of(context.site.path), order.standing.release
            return Script(text=switch_script(layout, order.name, context.mark, expect=serving))
        options = cast("ReleaseOptions", step.options)
        layout, standing = Layout.of(context.site.path), order.standing
        values = {
            "mark": context.mark,
            "path": layout.path,
            "parent": layout.parent,
            "room": layout.room,
            "releases": layout.releases,
            "name": order.name,
            "part": layout.incoming(order.name),
            "list": layout.sums(order.name),
            "count": str(order.files),
            "keep": str(options.keep),
            "was": standing.path,
            "target": standing.target,
            "adopted": order.adopted,
            "did": str(order.difference),
        }
        head = f"{assign(values)}{SHELL}{SWITCH}"
        release = shell_source("runner.steps.static", "release")
        return Script(text=f"sitecrew() {{\n{head}{release}}}\nsitecrew </dev/null\n")

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """Determine the outcome from what the host read through the link after the switch."""
        report = _parse_report(result.output, context.mark)
        problem = report.get("problem", "")
        output = "\n".join(f"{word}: {value}" for word, value in report.items())
        if result.why or (problem and not result.status) or "to" not in report:
            found = by_status(step, result, Outcome.FAILED)
            if problem:
                found = StepOutcome(
                    step=step.id,
                    outcome=Outcome.FAILED,
                    why=_problem(problem),
                    seconds=result.seconds,
                    output=output,
                )
            return found
        change = ChangeOutcome(
            item="release",
            kind=ItemKind.RELEASE,
            from_version=sentence(report.get("from", ""), _NAME),
            to_version=sentence(report["to"], _NAME),
            outcome=Outcome.CHANGED,
            why=sentence("; ".join(report[verb] for verb in ("did", "adopted", "gap") if report.get(verb))),
        )
        return StepOutcome(
            step=step.id, outcome=Outcome.CHANGED, seconds=result.seconds, changes=(change,), output=output
        )


def _parse_report(output: str, mark: str) -> dict[str, str]:
    """Return the lines that start with `mark`, by their first word."""
    report: dict[str, str] = {}
    for line in output.splitlines():
        if line.startswith(f"{mark} "):
            word, _, value = line.removeprefix(f"{mark} ").partition(" ")
            report[word] = f"{report[word]}, {value}" if word == "pruned" and word in report else value
    return report


_NAME = 255
_PROBLEMS = {
    "no-folder": "the folder of the link does not exist",
    "leads-out": "the folder of releases is a link to another folder; nothing was put online",
    "vanished": "the uploaded files are gone from the host; run it again",
    "damaged": "the files on the host are not those of the release; nothing was put online; run it again",
    "no-link": "the host could not create a link",
    "no-rename": "the host could not switch the link; nothing was put online",
    "no-release": "the release does not exist on the host",
    "reread": "after the switch the files online were not those of the release; switched back",
}


def _problem(word: str) -> str:
    name, _, rest = word.partition(" ")
    if name == "moved":
        target = sentence(rest) or "something else"
        return f"the site was changed during the release: its path now leads to {target}"
    if name == "exists":
        return f"release {sentence(rest)} already exists with different files; start a new run"
    return _PROBLEMS.get(name, sentence(word))
