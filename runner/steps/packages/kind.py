"""`system.packages`: the host's own packages, by apt or dnf."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Literal, cast

from runner.model import Action, Change, ItemKind, Step, SystemFacts, SystemPackage
from runner.steps.base import Context, Script, StepKind, Where

__all__ = ["Packages", "PackagesOptions"]

_NAME = re.compile(r"[A-Za-z0-9*?][A-Za-z0-9+._:*?-]*")
_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.@\\-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagesOptions:
    """What may stand below `system.packages`."""

    upgrade: Literal["security", "all", "none"] | tuple[str, ...] = field(
        default="security",
        metadata={
            "doc": "security fixes, everything, nothing, or these packages (`*` and `?` match)",
            "scalar": "upgrade",
        },
    )
    exclude: tuple[str, ...] = field(
        default=(),
        metadata={"doc": "packages that are left as they are (`*` and `?` match)", "alias": "except"},
    )
    restart: Literal["auto", "never"] | tuple[str, ...] = field(
        default="auto",
        metadata={
            "doc": "services: those that still run replaced files, none, or these whenever something changed"
        },
    )
    reboot: Literal["never", "when-needed"] = field(
        default="never", metadata={"doc": "whether the host is rebooted where that is needed"}
    )
    autoremove: bool = field(
        default=False, metadata={"doc": "remove packages that nothing depends on any more"}
    )
    wait: timedelta = field(
        default=timedelta(minutes=5),
        metadata={"doc": "how long to wait for another package manager to end"},
    )

    def __post_init__(self) -> None:
        for name in (*(self.upgrade if isinstance(self.upgrade, tuple) else ()), *self.exclude):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a name of a package")
        for name in self.restart if isinstance(self.restart, tuple) else ():
            if not _SERVICE.fullmatch(name):
                raise ValueError(f"{name!r} is not a name of a service")


class Packages(StepKind):
    """Belongs to the host: done once for all of its sites in a run."""

    name = "system.packages"
    summary = (
        "Upgrades the packages of the host, restarts what needs it, and reboots where that is asked for."
    )
    options = PackagesOptions
    example = """\
- system.packages: {upgrade: security, except: ["linux-*"]}
  become: true
  timeout: 30m
- probe.http
"""
    reads = (
        "in one go: the sources are asked anew (`apt-get update`, `dnf check-update`), then what would "
        "be done is simulated."
    )
    plans = (
        "a change for each package, to exactly one version; `hold` where the host holds it or something "
        "else would have to go, `unknown` where a source did not answer or someone else is at work."
    )
    changes = (
        "the planned packages and nothing else; then the services that still run replaced files; then, "
        "where asked for and needed, the host is rebooted. Nothing is ever removed by an upgrade."
    )
    understood = (
        "by what dpkg or rpm says afterwards, never by what was printed. A package whose own script "
        "failed is `failed` with what the script said. A reboot counts when the boot id is another one."
    )
    undone = "by nothing: a package manager goes forward. Take a backup before, and look at the site after."
    where = Where.SYSTEM

    def propose_for_host(self, step: Step, facts: SystemFacts) -> tuple[Change, ...]:
        """What was interrupted, what is asked for, and what of that is held and why."""
        options = cast("PackagesOptions", step.options)
        if facts.unasked and options.upgrade != "none":
            unknown = _change(step, "packages", "", "", Action.UNKNOWN, facts.unasked)
        proposed = [self._propose(step, options, package) for package in facts.packages]
        return (
            *([unknown] if facts.unasked and options.upgrade != "none" else ()),
            *(change for change in proposed if change),
            *self._absent(step, options, facts),
        )

    def script(self, step: Step, context: Context) -> Script | None:  # noqa: ARG002
        """None: it has stages of its own, since it may outlive the host's uptime."""
        return None

    def _propose(self, step: Step, options: PackagesOptions, package: SystemPackage) -> Change | None:
        action, why = Action.CHANGE, _reason(package)
        if package.unfinished:
            why = "its installation was interrupted and is finished"
        elif not _wanted(options, package):
            return None
        elif _matches(package.name, options.exclude):
            action, why = Action.SKIP, "left out by `except`"
        elif package.kept:
            action, why = Action.HOLD, package.kept
        return _change(step, package.name, package.installed, package.offered, action, why)

    def _absent(self, step: Step, options: PackagesOptions, facts: SystemFacts) -> Iterable[Change]:
        for name in options.upgrade if isinstance(options.upgrade, tuple) else ():
            if not any(fnmatchcase(known, name) for known in facts.installed) and not re.search(
                r"[*?]", name
            ):
                yield _change(step, name, "", "", Action.SKIP, "is not installed")


def _wanted(options: PackagesOptions, package: SystemPackage) -> bool:
    if options.upgrade == "all":
        return True
    if not package.installed:
        return False
    if options.upgrade == "security":
        return package.security
    return options.upgrade != "none" and _matches(package.name, options.upgrade)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _reason(package: SystemPackage) -> str:
    if not package.installed:
        return "new, since another one needs it"
    return "a security fix" if package.security else ""


def _change(  # noqa: PLR0917
    step: Step, name: str, installed: str, offered: str, action: Action, why: str
) -> Change:
    return Change(
        step=step.id,
        item=name,
        kind=ItemKind.PACKAGE,
        from_version=installed,
        to_version=offered,
        action=action,
        why=why,
        title=name if name != "packages" else "system packages",
    )
