"""The findings of a site as checks of `doctor`, grouped if several items have the same finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runner.errors import ExitCode
from runner.inspect.check import Check
from runner.model import Finding, FindingKind, Severity, Site
from runner.untrusted import few

__all__ = ["checks_of"]

_NAMED = 5
"""Items that a check names; for the others it gives their number."""
_TOGETHER = {FindingKind.DISPUTE, FindingKind.UNTRUSTED}
"""Kinds that become one check per site although their texts differ."""
_CODES = {
    Severity.BLOCKS: ExitCode.FAILED,
    Severity.FAILS: ExitCode.FAILED,
    Severity.HOLDS: ExitCode.OK,
    Severity.TELLS: ExitCode.OK,
}


def checks_of(site: Site, findings: Iterable[Finding]) -> Iterator[Check]:
    """Yield the checks of a site: one per finding, or one for several items with the same finding."""
    groups: dict[tuple[FindingKind, str], dict[Finding, None]] = {}
    for finding in findings:
        about = "" if finding.kind in _TOGETHER else finding.what
        groups.setdefault((finding.kind, about), {})[finding] = None
    for group in groups.values():
        yield _check(site, tuple(group))


def _check(site: Site, group: tuple[Finding, ...]) -> Check:
    first = group[0]
    if first.kind in _TOGETHER:
        named = "; ".join(f"{_name(one.item)}: {one.what}" for one in group[:_NAMED])
        finding = named + (f"; and {len(group) - _NAMED} more" if len(group) > _NAMED else "")
    else:
        names = tuple(dict.fromkeys(_name(one.item) for one in group if one.item))
        finding = f"{few(names, _NAMED)}: {first.what}" if names else first.what
    return Check(
        about=site.name,
        finding=finding,
        code=_CODES[first.severity],
        hint=_hint(first),
        holds=first.severity is Severity.HOLDS,
    )


def _name(item: str) -> str:
    return "WordPress" if item == "core" else item


def _hint(finding: Finding) -> str:
    text = "; ".join(filter(None, (finding.means, finding.remedy)))
    return ": ".join(filter(None, (text, "; ".join(finding.lines))))
