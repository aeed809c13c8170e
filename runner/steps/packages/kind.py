"""`system.packages`: upgrades the packages of the host with apt or dnf."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
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
    """Options of `system.packages`."""

    upgrade: Literal["security", "all", "none"] | tuple[str, ...] = field(
        default="security",
        metadata={
            "doc": "security fixes, all packages, none, or a list of packages (`*` and `?` are wildcards)",
            "scalar": "upgrade",
        },
    )
    exclude: tuple[str, ...] = field(
        default=(),
        metadata={"doc": "packages to leave out (`*` and `?` are wildcards)", "alias": "except"},
    )
    restart: Literal["auto", "never"] | tuple[str, ...] = field(
        default="auto",
        metadata={
            "doc": "services to restart: those that still use replaced files, none, or a list of services "
            "whenever a package changed"
        },
    )
    reboot: Literal["never", "when-needed"] = field(
        default="never", metadata={"doc": "whether to reboot the host if needed"}
    )
    autoremove: bool = field(
        default=False,
        metadata={"doc": "remove packages that were installed as dependencies and are no longer needed"},
    )
    wait: timedelta = field(
        default=timedelta(minutes=5),
        metadata={"doc": "how long to wait for another package manager to finish"},
    )

    def __post_init__(self) -> None:
        for name in (*(self.upgrade if isinstance(self.upgrade, tuple) else ()), *self.exclude):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a valid package name")
        for name in self.restart if isinstance(self.restart, tuple) else ():
            if not _SERVICE.fullmatch(name):
                raise ValueError(f"{name!r} is not a valid service name")


class Packages(StepKind):
    """Upgrades the packages of a host, once per run for all of its sites."""

    name = "system.packages"
    summary = (
        "Upgrades the packages of the host, restarts services, and reboots the host if needed and allowed."
    )
    options = PackagesOptions
    example = """\
- system.packages: {upgrade: security, except: ["linux-*"]}
  become: true
  timeout: 30m
- probe.http
"""
    reads = (
        "the package lists after refreshing them (`apt-get update`, `dnf check-update`), and the result of a "
        "simulated upgrade."
    )
    plans = (
        "a change for each package, to an exact version; `hold` if the host holds the package or another "
        "package would have to be removed, `unknown` if a source did not answer or another package manager "
        "is running."
    )
    changes = (
        "the planned packages and their dependencies, then restarts services that still use replaced files, "
        "then reboots the host if needed and allowed. An upgrade never removes a package."
    )
    understood = (
        "by the versions that dpkg or rpm reports afterwards, not by the output of the upgrade. A package "
        "whose maintainer script failed has `failed`, with the script's error. A reboot is complete when the "
        "boot id has changed."
    )
    undone = (
        "not automatically: package managers have no undo. Back up before, and check the site afterwards."
    )
    where = Where.SYSTEM
    item = ItemKind.PACKAGE

    def propose_for_host(self, step: Step, facts: SystemFacts) -> tuple[Change, ...]:
        """Return the interrupted and the requested packages, with a reason if held or skipped."""
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
        """Return None: packages have their own stages, because the step can include a reboot."""
        return None

    def _propose(self, step: Step, options: PackagesOptions, package: SystemPackage) -> Change | None:
        action, why = Action.CHANGE, _reason(package)
        if package.unfinished:
            why = "finishes an interrupted installation"
        elif not _is_requested(options, package):
            return None
        elif _matches(package.name, options.exclude):
            action, why = Action.SKIP, "left out by `except`"
        elif package.kept:
            action, why = Action.HOLD, package.kept
        change = _change(step, package.name, package.installed, package.offered, action, why)
        return replace(change, security=package.security)

    def _absent(self, step: Step, options: PackagesOptions, facts: SystemFacts) -> Iterable[Change]:
        for name in options.upgrade if isinstance(options.upgrade, tuple) else ():
            if not any(fnmatchcase(known, name) for known in facts.installed) and not re.search(
                r"[*?]", name
            ):
                yield _change(step, name, "", "", Action.SKIP, "is not installed")


def _is_requested(options: PackagesOptions, package: SystemPackage) -> bool:
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
        return "new dependency of another package"
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
