"""`wordpress.checksums`: compare the files of WordPress and its plugins with what wordpress.org published."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

from runner.model import Outcome, SiteKind, Step, StepOutcome
from runner.steps.base import Context, Result, Script, StepKind, by_status
from runner.steps.wordpress.differences import Finding, State, Subject, compare_core, compare_plugins
from runner.steps.wordpress.disk import Tree
from runner.steps.wordpress.sums import read_sums, sums_script
from runner.untrusted import clean, few, sentence

__all__ = ["ChecksumOptions", "Checksums"]

_LISTED = 100
"""Findings and unlisted files in the log; the rest is counted."""
_NAMED = 5
"""Files and items named in the reason."""
_SERIOUS = ("changed", "missing", "added")
"""Named first, so that many added files do not hide them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksumOptions:
    """The options of `wordpress.checksums`."""

    core: bool = field(default=True, metadata={"doc": "check the files of WordPress itself"})
    plugins: bool = field(default=True, metadata={"doc": "check the files of plugins from wordpress.org"})
    ignore: tuple[str, ...] = field(
        default=(),
        metadata={
            "doc": "files that may differ, relative to WordPress's folder; `*` and `?` match slashes too"
        },
    )
    on_finding: Literal["fail", "report"] = field(
        default="fail",
        metadata={
            "doc": "outcome of the step if a file differs: `failed`, or `ok` with the finding reported"
        },
    )

    def __post_init__(self) -> None:
        if not (self.core or self.plugins):
            raise ValueError("nothing to check: set `core` or `plugins` to true")
        for pattern in self.ignore:
            if not pattern.strip("*?/ ") or pattern.startswith("/"):
                raise ValueError(
                    f"{pattern!r} is not a path relative to WordPress's folder, like wp-admin/x.php"
                )


class Checksums(StepKind):
    """Read-only. A difference is a break-in, or a local edit that an update would overwrite."""

    name = "wordpress.checksums"
    becomes = False
    summary = "Compares the files of WordPress and its plugins with what wordpress.org published."
    options = ChecksumOptions
    example = """\
- wordpress.checksums: {ignore: [wp-content/plugins/my-shop/config.php], on_finding: fail}
"""
    reads = (
        "every file of WordPress and its plugins, with the host's own programs: WordPress and the site's "
        "PHP are not started. Versions are read from disk, as text. Links are reported and never followed. "
        "The controller downloads the lists for exactly these versions from wordpress.org."
    )
    plans = "nothing."
    changes = "nothing."
    understood = (
        "`ok` without findings; otherwise `failed` with the first five names, so that nothing is updated on "
        "a site that may be hacked. Items without a published list are reported as not verifiable. If "
        "wordpress.org does not answer, the step fails."
    )
    undone = "never: the step changes nothing."
    sites = frozenset({SiteKind.WORDPRESS})

    def script(self, step: Step, context: Context) -> Script:  # noqa: ARG002
        """Compute the checksums with the host's own programs."""
        return sums_script(context.site, context.host, context.mark)

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """`failed` if a file differs (`ok` with `on_finding: report`) or wordpress.org did not answer.

        Items without a published list are reported and do not fail the step.
        """
        options = cast("ChecksumOptions", step.options)
        if result.why:
            return by_status(step, result, Outcome.OK)
        cores, contents, problem = read_sums(result.output, context.mark)
        if not problem and not cores and options.core:
            problem = "no WordPress in the site's folder"
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
        findings.sort(key=_sort_key)
        unchecked = sorted(subject.name for subject in subjects if subject.state is State.UNCHECKED)
        reasons = [_reason(findings)] if findings else []
        if unchecked:
            reasons.append(f"no answer from wordpress.org about {_list(unchecked)}")
        if problem:
            reasons.append(f"the check is incomplete: {problem}")
        bad = (bool(findings) and options.on_finding == "fail") or bool(unchecked) or bool(problem)
        return StepOutcome(
            step=step.id,
            outcome=Outcome.FAILED if bad else Outcome.OK,
            why="; ".join(reasons) or _unverifiable(subjects),
            seconds=result.seconds,
            output=_report(subjects, findings, contents),
        )


def _sort_key(finding: Finding) -> tuple[int, str]:
    grave = _SERIOUS.index(finding.what) if finding.what in _SERIOUS else len(_SERIOUS)
    return grave, finding.file


def _reason(findings: Sequence[Finding]) -> str:
    count = len(findings)
    named = ", ".join(f"{finding.file} ({finding.what})" for finding in findings[:_NAMED])
    more = f" and {count - _NAMED} more" if count > _NAMED else ""
    files = "1 file differs" if count == 1 else f"{count} files differ"
    return f"{files} from what wordpress.org published: {named}{more}"


def _unverifiable(subjects: Sequence[Subject]) -> str:
    names = sorted(subject.name for subject in subjects if subject.state is State.UNVERIFIABLE)
    return f"not verifiable: {_list(names)}" if names else ""


def _report(subjects: Sequence[Subject], findings: Sequence[Finding], contents: Sequence[Tree]) -> str:
    """The log: a line for each subject and each finding."""
    lines = []
    for subject in subjects:
        detail = subject.why or f"{len(subject.findings)} files differ"
        lines.append(f"{subject.name} {subject.version}: {subject.state}, {detail}")
    lines += [f"{finding.what}: {finding.file}" for finding in findings[:_LISTED]]
    lines += [f"{len(findings) - _LISTED} more findings are not listed"] if len(findings) > _LISTED else []
    unlisted = [path for tree in contents for path in tree.unlisted]
    lines += [f"not verifiable, loaded with every page: {sentence(path)}" for path in unlisted[:_LISTED]]
    return clean("\n".join(lines))


def _list(names: Sequence[str]) -> str:
    return sentence(few(names, _NAMED))
