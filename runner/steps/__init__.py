"""The kinds of steps that playbooks can use, one module per family, registered by name.

Other packages can add kinds through the entry point group `sitecrew.steps`. Each entry point is a subclass of
`StepKind` or an instance of one. Such steps run on the host: for other places, only our own kinds are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from runner.errors import UsageError
from runner.steps.base import (
    Context,
    Guard,
    Missing,
    Needs,
    Result,
    Script,
    StepKind,
    Where,
    by_status,
)

__all__ = [
    "Context",
    "Guard",
    "Missing",
    "Needs",
    "Result",
    "Script",
    "StepKind",
    "Where",
    "by_status",
    "registry",
]

GROUP = "sitecrew.steps"


@cache
def registry() -> Mapping[str, StepKind]:
    """Return every kind of step by name, in the order of the documentation.

    Raises:
        UsageError: an entry point is not a kind of step, its name is already taken, or it does not run on the
            host.
    """
    kinds = {kind.name: kind for kind in _built_in()}
    for origin, kind in _installed():
        if kind.name in kinds:
            raise UsageError(
                f"{origin} adds the step {kind.name!r}, but that name is already taken",
                hint="uninstall the package that adds it",
            )
        if kind.where is not Where.HOST or type(kind).place is not StepKind.place or kind.switches:
            raise UsageError(
                f"{origin} adds the step {kind.name!r}, which does not run on the host like `shell`: "
                "other packages cannot add such steps",
                hint="delete `where`, `place` and `switches` from the class, or uninstall the package",
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
    """Return the kinds that other packages add, each with the entry point it comes from."""
    from importlib.metadata import entry_points

    found = []
    for entry in entry_points(group=GROUP):
        loaded = entry.load()
        kind = loaded() if isinstance(loaded, type) else loaded
        if not isinstance(kind, StepKind):
            raise UsageError(
                f"{entry.value} is not a kind of step", hint="uninstall the package that adds it"
            )
        found.append((entry.value, kind))
    return found
