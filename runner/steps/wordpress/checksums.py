"""`wordpress.checksums`: files of WordPress and its plugins that are not what wordpress.org published."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from runner.model import Outcome, SiteKind, Step, StepOutcome
from runner.steps.base import Context, Result, Script, StepKind, by_status
from runner.steps.wordpress.fatal import fatal_error
from runner.steps.wordpress.said import marked
from runner.steps.wordpress.shell import program, site_script
from runner.untrusted import clean, sentence

__all__ = ["ChecksumOptions", "Checksums"]

_TOLD = 100
"""Findings told for each of core and the plugins; the rest is counted."""
_NAMED = 5
"""Files named in the reason."""
_BODY = """
verify() {{
{program}
}}
said=$(verify --skip-plugins --skip-themes 2>&1 | tail -c 2000000)
printf '%s\\n' "$said"
case $said in *"$mark {{\\"end\\""*) exit 0 ;; esac
{fallback}
exit 1
"""
_FALLBACK = "wp core verify-checksums 2>&1 | head -n 300"
"""Needs no WordPress that starts: a missing file of the core often keeps it from starting."""
_GRAVE = ("changed", "missing")
"""Named first: a flood of added files must not bury these."""
_WORDS = {
    "File doesn't exist": "missing",
    "File doesn't verify against checksum": "changed",
    "File should not exist": "added",
}


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
    summary = "Compares the files of WordPress and its plugins with what wordpress.org published."
    options = ChecksumOptions
    example = """\
- wordpress.checksums: {ignore: [wp-content/plugins/my-shop/config.php], on_finding: fail}
"""
    reads = (
        "the lists that wordpress.org published for exactly these versions, and every file, in one boot "
        "of WordPress without plugins and themes. Links are never followed out of the site."
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

    def script(self, step: Step, context: Context) -> Script:
        """One boot without plugins and themes; without a boot where WordPress does not start."""
        options = cast("ChecksumOptions", step.options)
        ignore = [pattern.removeprefix("./") for pattern in options.ignore]
        data = {"core": options.core, "plugins": options.plugins, "ignore": ignore, "limit": _TOLD}
        body = _BODY.format(
            program=program("checksums", context.mark, data, '"$@" '),
            fallback=_FALLBACK if options.core else ":",
        )
        return site_script(context.site, context.host, context.mark, body)

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """`failed` where a file differs (or `ok` with `on_finding: report`) and where nobody could be asked.

        What nobody published a list for is told and is no failure.
        """
        options = cast("ChecksumOptions", step.options)
        if result.why:
            return by_status(step, result, Outcome.OK)
        lines = list(marked(result.output, context.mark))
        subjects = [line for line in lines if "subject" in line]
        ended = any("end" in line for line in lines)
        findings = [finding for line in subjects for finding in _findings(line)]
        if not ended:
            findings += _without_a_boot(result.output)
        findings.sort(key=lambda finding: _GRAVE.index(finding[0]) if finding[0] in _GRAVE else len(_GRAVE))
        count = max(sum(_whole(line.get("count")) for line in subjects), len(findings))
        unasked = sorted(str(line["subject"]) for line in subjects if line.get("state") == "unasked")
        reasons = [_reason(findings, count)] if findings else []
        if unasked:
            reasons.append(f"wordpress.org could not be asked about {_list(unasked)}")
        if not ended:
            reasons.append(_why_it_died(result.output, context.mark))
        bad = (bool(findings) and options.on_finding == "fail") or bool(unasked) or not ended
        return StepOutcome(
            step=step.id,
            outcome=Outcome.FAILED if bad else Outcome.OK,
            why="; ".join(reasons) or _unverifiable(subjects),
            seconds=result.seconds,
            output=_report(subjects, findings, count),
        )


def _findings(line: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for entry in line.get("findings") or ():
        if isinstance(entry, list) and len(entry) == 2:  # noqa: PLR2004
            yield sentence(str(entry[0])), sentence(str(entry[1]))


def _without_a_boot(output: str) -> list[tuple[str, str]]:
    found = re.findall(r"^Warning: (File [^:]+): (.+)$", output, re.MULTILINE)
    return [(_WORDS[words], sentence(name)) for words, name in found if words in _WORDS][:_TOLD]


def _reason(findings: Sequence[tuple[str, str]], count: int) -> str:
    named = ", ".join(f"{name} ({what})" for what, name in findings[:_NAMED])
    more = f" and {count - _NAMED} more" if count > _NAMED else ""
    files = "1 file is" if count == 1 else f"{count} files are"
    return f"{files} not what wordpress.org published: {named}{more}"


def _unverifiable(subjects: Sequence[dict[str, Any]]) -> str:
    names = sorted(str(line["subject"]) for line in subjects if line.get("state") == "unverifiable")
    return f"not verifiable: {_list(names)}" if names else ""


def _why_it_died(output: str, mark: str) -> str:
    if match := re.search(rf"^{re.escape(mark)} problem (\S+)$", output, re.MULTILINE):
        return f"the host has {match[1].replace('-', ' ')}"
    reason = fatal_error(output) or "it ended without a word of why"
    return f"WordPress does not start, so not all could be looked at: {reason}"


def _report(subjects: Sequence[dict[str, Any]], findings: Sequence[tuple[str, str]], count: int) -> str:
    """Every subject and every finding, a line each, for whoever looks into it."""
    lines = []
    for line in subjects:
        about = sentence(str(line.get("why") or "")) or f"{_whole(line.get('count'))} files differ"
        lines.append(f"{line['subject']} {line.get('version')}: {line.get('state')}, {about}")
    lines += [f"{what}: {name}" for what, name in findings]
    lines += [f"{count - len(findings)} more are not listed"] if count > len(findings) else []
    return clean("\n".join(lines))


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return sentence(", ".join(names[:_NAMED]) + more)


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
