"""The vocabulary: what a playbook may say, one module a family, found in a registry by name.

Packages add words of their own through the entry point group `sitecrew.steps`: each entry is a `StepKind`,
the class or an instance of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from runner.errors import UsageError
from runner.steps.base import Context, Guard, Result, Script, StepKind, Where, by_status

__all__ = ["Context", "Guard", "Result", "Script", "StepKind", "Where", "by_status", "registry"]

GROUP = "sitecrew.steps"


@cache
def registry() -> Mapping[str, StepKind]:
    """Every kind of step by its name, in the order of the documentation.

    Raises:
        UsageError: an installed package offers something that is not a kind of step, or a name that is taken.
    """
    kinds = {kind.name: kind for kind in _built_in()}
    for origin, kind in _installed():
        if kind.name in kinds:
            raise UsageError(
                f"{origin} offers a step {kind.name!r}, which exists already", hint="uninstall it"
            )
        kinds[kind.name] = kind
    return MappingProxyType(kinds)


def _built_in() -> tuple[StepKind, ...]:
    from runner.steps.backup import Backup
    from runner.steps.packages import Packages
    from runner.steps.probe import ProbeHttp
    from runner.steps.shell import Shell
    from runner.steps.static import StaticBuild, StaticRelease
    from runner.steps.sync import FilesSync
    from runner.steps.wordpress import KINDS as WORDPRESS

    return Backup(), Packages(), *WORDPRESS, ProbeHttp(), Shell(), StaticBuild(), StaticRelease(), FilesSync()


def _installed() -> list[tuple[str, StepKind]]:
    from importlib.metadata import entry_points

    found = []
    for entry in entry_points(group=GROUP):
        offered = entry.load()
        kind = offered() if isinstance(offered, type) else offered
        if not isinstance(kind, StepKind):
            raise UsageError(
                f"{entry.value} is not a kind of step", hint="uninstall the package that offers it"
            )
        found.append((entry.value, kind))
    return found
