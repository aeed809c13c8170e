"""The holds in the inventory and sitecrew.yaml, with the lines that set them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.load.reading import inventory_tree
from runner.load.workspace import Workspace, settings_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.load.nodes import Node
    from runner.model import Hold, Site

__all__ = ["FileHold", "file_holds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHold:
    """A hold that is set in a file, and the sites that it applies to."""

    item: str
    hold: Hold
    selector: str
    """Selects the sites: a site, `client:NAME`, or `all`."""
    sites: tuple[str, ...]
    """Those of the given sites that it applies to."""
    file: str
    line: int | None
    """None if the file does not have it at its usual place."""

    @property
    def place(self) -> str:
        """File and line, as in error messages."""
        return f"{self.file}:{self.line}" if self.line else self.file


def file_holds(workspace: Workspace, sites: Sequence[Site]) -> tuple[FileHold, ...]:
    """Return the holds in the files of a workspace that apply to sites: of sites, clients and the policy.

    Holds whose last day has passed are included.
    """
    inventory, settings = inventory_tree(workspace.folder), settings_tree(workspace.folder)
    return tuple(
        FileHold(
            item=item,
            hold=hold,
            selector=scope.selector,
            sites=scope.sites,
            file=file,
            line=line,
        )
        for scope in _scopes(workspace, sites)
        for item, hold in scope.holds.items()
        for file, line in [_position(settings if scope.selector == "all" else inventory, (*scope.path, item))]
    )


@dataclass(frozen=True, slots=True)
class _Scope:
    selector: str
    sites: tuple[str, ...]
    path: tuple[str, ...]
    holds: Mapping[str, Hold]


def _scopes(workspace: Workspace, sites: Sequence[Site]) -> Iterator[_Scope]:
    names = tuple(site.name for site in sites)
    yield _Scope("all", names, ("policy", "hold"), workspace.settings.policy.hold)
    for client in workspace.inventory.clients.values():
        if mine := tuple(site.name for site in sites if site.client == client.id):
            yield _Scope(f"client:{client.id}", mine, ("clients", client.id, "hold"), client.hold)
    for site in sites:
        path = ("clients", site.client, "sites", site.name, "hold")
        yield _Scope(site.name, (site.name,), path, site.hold)


def _position(tree: Node | None, path: tuple[str, ...]) -> tuple[str, int | None]:
    """Return file and line of the key at `path`."""
    if tree is None:
        return "the inventory", None
    node = tree
    for key in path[:-1]:
        below = node.get(key)
        if below is None:
            return node.origin.name, None
        node = below
    if node.get(path[-1]) is None:
        return node.origin.name, None
    found = node.key_problem(path[-1], "", "")
    return found.file, found.line
