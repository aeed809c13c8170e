"""`wordpress.checksums`: files of WordPress and its plugins that are not what wordpress.org published."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

from runner.model import Outcome, SiteKind, Step, StepOutcome
from runner.steps.base import Context, Result, Script, StepKind, by_status
from runner.steps.wordpress.differences import Finding, Subject, compare_core, compare_plugins
from runner.steps.wordpress.disk import Tree
from runner.steps.wordpress.sums import read_sums, sums_script
from runner.untrusted import clean, few, sentence

__all__ = ["ChecksumOptions", "Checksums"]

_TOLD = 100
"""Findings told for each of core and the plugins; the rest is counted."""
_NAMED = 5
"""Files named in the reason."""
_GRAVE = ("changed", "missing", "added")
"""Named first: a flood of added files must not bury these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksumOptions:
    """What may stand below `wordpress.checksums`."""

    core: bool = field(default=True, metadata={"doc": "look at the files of WordPress itself"})
    plugins: bool = field(default=True, metadata={"doc": "look at the files of plugins from wordpress.org"})
    ignore: tuple[str, ...] = field(
        default=(),
        metadata={"doc": "files that may differ, below WordPress's folder; `*` and `?` match, also slashes"},
    )
    on_finding: Literal["fail", "report"] = field(
        default="fail",
        metadata={"doc": "what a finding makes of the step: `failed`, or `ok` with the finding told"},
    )

    def __post_init__(self) -> None:
        if not (self.core or self.plugins):
            raise ValueError("there is nothing to look at: leave `core` or `plugins` true")
        for pattern in self.ignore:
            if not pattern.strip("*?/ ") or pattern.startswith("/"):
                raise ValueError(f"{pattern!r} is not a file below WordPress's folder, like wp-admin/x.php")


class Checksums(StepKind):
    """Read-only. What it finds is a break-in, or an edit that an update would lose."""

    name = "wordpress.checksums"
    becomes = False
    summary = "Compares the files of WordPress and its plugins with what wordpress.org published."
    options = ChecksumOptions
    example = """\
- wordpress.checksums: {ignore: [wp-content/plugins/my-shop/config.php], on_finding: fail}
"""
    reads = (
        "every file of WordPress and its plugins, by the host's own programs: neither WordPress nor the "
        "site's PHP is started. Versions are read from disk, as text. Links are named and never followed. "
        "The lists for exactly these versions are asked of wordpress.org by the controller."
    )
    plans = "nothing."
    changes = "nothing."
    understood = (
        "by the findings: none is `ok`; else `failed` with the first five names, so that nothing is "
        "updated on a site that somebody may have broken into. What nobody publishes lists for is said "
        "to be not verifiable. An answer that did not come is a failure, never `ok`."
    )
    undone = "by nothing: there is nothing to undo."
    sites = frozenset({SiteKind.WORDPRESS})

    def script(self, step: Step, context: Context) -> Script:  # noqa: ARG002
        """Sums of the files, in a few programs of the host."""
        return sums_script(context.site, context.host, context.mark)

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """`failed` where a file differs (or `ok` with `on_finding: report`) and where nobody could be asked.

        What nobody published a list for is told and is no failure.
        """
        options = cast("ChecksumOptions", step.options)
        if result.why:
            return by_status(step, result, Outcome.OK)
        cores, contents, problem = read_sums(result.output, context.mark)
        if not problem and not cores and options.core:
            problem = "there is no WordPress in the site's folder"
        subjects = [compare_core(tree, context.published) for tree in cores if options.core]
        for tree in contents if options.plugins else ():
            subjects += compare_plugins(tree, context.published)
        ignored = [re.compile(fnmatch.translate(pattern.removeprefix("./"))) for pattern in options.ignore]
        findings = [
            finding
            for subject in subjects
            for finding in subject.findings
            if not any(pattern.match(finding.file) for pattern in ignored)
        ]
        findings.sort(key=_gravity)
        unasked = sorted(subject.name for subject in subjects if subject.state == "unasked")
        reasons = [_reason(findings)] if findings else []
        if unasked:
            reasons.append(f"wordpress.org could not be asked about {_list(unasked)}")
        if problem:
            reasons.append(f"not all could be looked at: {problem}")
        bad = (bool(findings) and options.on_finding == "fail") or bool(unasked) or bool(problem)
        return StepOutcome(
            step=step.id,
            outcome=Outcome.FAILED if bad else Outcome.OK,
            why="; ".join(reasons) or _unverifiable(subjects),
            seconds=result.seconds,
            output=_report(subjects, findings, contents),
        )


def _gravity(finding: Finding) -> tuple[int, str]:
    grave = _GRAVE.index(finding.what) if finding.what in _GRAVE else len(_GRAVE)
    return grave, finding.file


def _reason(findings: Sequence[Finding]) -> str:
    count = len(findings)
    named = ", ".join(f"{finding.file} ({finding.what})" for finding in findings[:_NAMED])
    more = f" and {count - _NAMED} more" if count > _NAMED else ""
    files = "1 file is" if count == 1 else f"{count} files are"
    return f"{files} not what wordpress.org published: {named}{more}"


def _unverifiable(subjects: Sequence[Subject]) -> str:
    names = sorted(subject.name for subject in subjects if subject.state == "unverifiable")
    return f"not verifiable: {_list(names)}" if names else ""


def _report(subjects: Sequence[Subject], findings: Sequence[Finding], contents: Sequence[Tree]) -> str:
    """Every subject and every finding, a line each, for whoever looks into it."""
    lines = []
    for subject in subjects:
        about = subject.why or f"{len(subject.findings)} files differ"
        lines.append(f"{subject.name} {subject.version}: {subject.state}, {about}")
    lines += [f"{finding.what}: {finding.file}" for finding in findings[:_TOLD]]
    lines += [f"{len(findings) - _TOLD} more are not listed"] if len(findings) > _TOLD else []
    unlisted = [path for tree in contents for path in tree.unlisted]
    lines += [f"not verifiable, runs with every page: {sentence(path)}" for path in unlisted[:_TOLD]]
    return clean("\n".join(lines))


def _list(names: Sequence[str]) -> str:
    return sentence(few(names, _NAMED))
