"""A workspace: the folder with inventory.yaml, sitecrew.yaml and playbooks/, read as one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import Problem, UnknownNameError, UsageError
from runner.load.folder import Listing, is_playbook, list_playbooks
from runner.load.shipped import shipped_playbooks
from runner.load.text import closest, quoted, suggest_again
from runner.load.variables import variables_of
from runner.model import Inventory, Playbook, SecretRef, Settings
from runner.modes import refuse_shared
from runner.shell import command

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from runner.load.nodes import Node, Problems
    from runner.load.playbook import Kind

__all__ = ["Workspace", "find_workspace", "load_playbook", "load_workspace", "user_settings"]

_INVENTORY = "inventory.yaml"
_SETTINGS = "sitecrew.yaml"
_NO_WORKSPACE = "`sitecrew init` makes one, -w DIR names one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Everything that the files say. Paths in it are absolute."""

    folder: Path
    inventory: Inventory
    settings: Settings
    playbooks: Mapping[str, Playbook]
    """The workspace's own, and the shipped ones that it has not replaced."""
    variables: Mapping[str, str | SecretRef] = field(default_factory=dict)
    """Given by -e, as values or references; `shell` steps see them in their environment."""
    operator: str = ""
    """Who acts, where `--as` says so; empty: SITECREW_OPERATOR or the login."""
    warnings: tuple[str, ...] = ()
    """What is not wrong, but hardly meant."""


def find_workspace(start: Path | None) -> Path:
    """The folder to work in: `start` (from -w), else SITECREW_WORKSPACE, else the nearest one above.

    A workspace has an inventory.yaml; raises UsageError where there is none.
    """
    named = start or (
        Path(os.environ["SITECREW_WORKSPACE"]) if os.environ.get("SITECREW_WORKSPACE") else None
    )
    if named is not None:
        folder = named.expanduser().resolve()
        if not (folder / _INVENTORY).is_file():
            hint = f"make a workspace there: {command('init', named)}"
            raise UsageError(f"no {_INVENTORY} in {folder}", hint=hint)
        return folder
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / _INVENTORY).is_file():
            return folder
    raise UsageError(f"no {_INVENTORY} in {here} or above", hint=_NO_WORKSPACE)


def load_workspace(
    folder: Path,
    *,
    extra: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    kinds: Mapping[str, Kind] | None = None,
) -> Workspace:
    """Read and check everything in `folder`.

    `extra` are the variables of -e, `flags` settings from the command line by path (`parallel.sites`).
    `environ` and `kinds` are the process's own and the registered ones unless given. Raises ValidationError
    with every problem of every file, UsageError where the folder itself cannot be used.
    """
    from runner.load import inventory, layers, problems, references, settings, unsupported

    folder = folder.resolve()
    suggest_again()
    _refuse_writable(folder)
    found: Problems = []
    books = _Playbooks(folder, _kinds(kinds), found)

    tree = _read(folder / _INVENTORY, _INVENTORY, folder, found, needed=True)
    if tree:
        unsupported.refuse(tree, unsupported.INVENTORY, found)
    shape = problems.checked(inventory.InventoryFile, tree, found) if tree else None

    environ = os.environ if environ is None else environ
    merged = layers.merged(
        [
            layers.defaults_layer(folder),
            *_settings_files(folder, found),
            layers.environment_layer(environ, folder),
            layers.flags_layer(flags or {}, folder),
        ]
    )
    unsupported.refuse(merged, unsupported.SETTINGS, found)
    unsupported.refuse_variables(environ, folder, found)
    told = problems.checked(settings.SettingsFile, layers.with_absolute_paths(merged), found)

    references.check_settings(merged, found)

    playbooks = books.all()
    if tree:
        names = references.names_of(tree)
        references.check_inventory(tree, names, books.sources, found)
        references.check_rings(merged, names, found)
        for book in books.own_trees:
            references.check_when(book, names, found)
    problems.raise_if_any(found)
    if shape is None or told is None:
        raise UsageError(f"{folder / _INVENTORY} says nothing", hint=_NO_WORKSPACE)
    return Workspace(
        folder=folder,
        inventory=_bringing(inventory.inventory_of(shape, folder), settings.settings_of(told)),
        settings=settings.settings_of(told),
        playbooks=playbooks,
        variables=variables_of(extra or {}),
        warnings=(*layers.unknown_variables(environ), *books.warnings),
    )


def _bringing(inventory: Inventory, settings: Settings) -> Inventory:
    """The hosts as runs take them: each knows the tool that is brought to it."""
    if settings.wp_cli is None:
        return inventory
    brings = settings.wp_cli.sha512
    hosts = {name: replace(host, brings=brings) for name, host in inventory.hosts.items()}
    return replace(inventory, hosts=hosts)


def load_playbook(folder: Path, name: str, *, kinds: Mapping[str, Kind] | None = None) -> Playbook:
    """One playbook of the workspace, or the shipped one of that name.

    Raises UnknownNameError where there is none, ValidationError with its problems.
    """
    from runner.load.problems import raise_if_any

    found: Problems = []
    books = _Playbooks(folder.resolve(), _kinds(kinds), found)
    if name not in books.sources:
        hint = closest(name, books.sources)
        raise UnknownNameError(f"no playbook {quoted(name)}", hint=hint)
    playbook = books.one(name)
    raise_if_any(found)
    if playbook is None:
        raise UnknownNameError(f"no playbook {quoted(name)}")
    return playbook


class _Playbooks:
    """The playbooks' files by name, and what became of reading them."""

    def __init__(self, folder: Path, kinds: Mapping[str, Kind], problems: Problems) -> None:
        self.folder = folder
        self.kinds = kinds
        self.problems = problems
        self.own_trees: list[Node] = []
        listing = _listed(folder / "playbooks", problems)
        self.own = listing.playbooks
        self.warnings = listing.warnings
        shipped = {name: file for name, file in shipped_playbooks().items() if name not in listing.unusable}
        self.sources: dict[str, Traversable] = {**shipped, **self.own}

    def all(self) -> dict[str, Playbook]:
        """Those that could be read."""
        read = {name: self.one(name) for name in self.sources}
        return {name: playbook for name, playbook in read.items() if playbook}

    def one(self, name: str) -> Playbook | None:
        """The playbook, or None when the problems grew."""
        from runner.load.playbook import playbook_of

        shown = f"playbooks/{name}.yaml" + ("" if name in self.own else " (shipped)")
        tree = _read(self.sources[name], shown, self.folder, self.problems, needed=True)
        if tree is None:
            return None
        if name in self.own:
            self.own_trees.append(tree)
        return playbook_of(tree, name, self.kinds, self.problems)


def _listed(folder: Path, problems: Problems) -> Listing:
    try:
        listing = list_playbooks(folder)
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        problems.append(Problem(folder.name, 1, 1, "", message, f"ls -ld {folder}"))
        return Listing()
    problems.extend(listing.problems)
    return listing


def _settings_files(folder: Path, problems: Problems) -> list[Node]:
    """The trees of the user's and the workspace's settings, as far as there are any."""
    mine = user_settings()
    trees = [
        _read(mine, str(mine), mine.parent, problems, needed=False),
        _read(folder / _SETTINGS, _SETTINGS, folder, problems, needed=False),
    ]
    return [tree for tree in trees if tree]


def user_settings() -> Path:
    """The settings of this login, for all its workspaces."""
    from platformdirs import user_config_path

    return user_config_path("sitecrew") / _SETTINGS


def _read(source: Traversable, shown: str, base: Path, problems: Problems, *, needed: bool) -> Node | None:
    """The tree of a file. What is `needed` must be there and say something."""
    from runner.load.yamlnodes import read_at_most, read_yaml

    if not needed and not source.is_file():
        return None
    try:
        raw = read_at_most(source)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        hint = _NO_WORKSPACE if shown == _INVENTORY else ""
        problems.append(Problem(shown, 1, 1, "", f"cannot be read: {reason}", hint))
        return None
    before = len(problems)
    tree = read_yaml(raw, shown, base, problems)
    if tree is None and needed and len(problems) == before:
        problems.append(Problem(shown, 1, 1, "", "the file is empty", _begins(shown)))
    if tree is not None and not isinstance(tree.value, dict):
        problems.append(tree.problem("", "expected a mapping at the top of the file", _begins(shown)))
        return None
    return tree


def _begins(shown: str) -> str:
    """What a file begins with, as a hint."""
    if shown == _INVENTORY:
        return "it has `hosts:` and `clients:`; `sitecrew init` shows how"
    return (
        "it has `name:` and `steps:`, and the list below steps"
        if "playbooks/" in shown
        else "like `key: value`"
    )


def _refuse_writable(folder: Path) -> None:
    """What is in the workspace runs as root elsewhere, and as us here: nobody else may write to it."""
    books, templates, ours = folder / "playbooks", folder / "reports", folder / ".sitecrew"
    files = (
        *(path for path in _entries(books) if is_playbook(path.name)),
        *(path for path in _entries(templates) if path.name.endswith(".j2") and path.is_file()),
        *_entries(ours),
        *_entries(ours / "backups"),
    )
    named = (folder, folder / _INVENTORY, folder / _SETTINGS, books, templates, ours, *files)
    refuse_shared(named, top=folder)
    mine = user_settings()
    refuse_shared([mine], top=mine.parent)


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, in order; nothing where it cannot be read, which is reported elsewhere."""
    with suppress(OSError):
        return sorted(folder.iterdir())
    return []


def _kinds(given: Mapping[str, Kind] | None) -> Mapping[str, Kind]:
    if given is not None:
        return given
    from runner.steps import registry

    return registry()
