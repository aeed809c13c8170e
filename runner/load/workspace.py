"""Loading of a workspace: the folder with the inventory, sitecrew.yaml and playbooks/."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import Problem, UnknownNameError, UsageError
from runner.load.folder import Listing, is_yaml_file, list_playbooks
from runner.load.inventory_files import FILE, FOLDER, has_inventory, list_inventory, places_of
from runner.load.reading import NO_WORKSPACE, read_file, read_inventory
from runner.load.shipped import shipped_playbooks
from runner.load.text import closest, quoted, suggest_again
from runner.load.variables import variables_of
from runner.model import Calendar, Inventory, Playbook, SecretRef, Settings
from runner.modes import refuse_shared
from runner.shell import command

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from runner.load.nodes import Node, Problems
    from runner.load.playbook import Kind

__all__ = [
    "Workspace",
    "find_workspace",
    "load_playbook",
    "load_workspace",
    "settings_tree",
    "user_settings",
]

_SETTINGS = "sitecrew.yaml"
_EITHER = f"{FILE} or {FOLDER}/*.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """The content of a workspace. All paths are absolute."""

    folder: Path
    inventory: Inventory
    settings: Settings
    playbooks: Mapping[str, Playbook]
    """The playbooks of the workspace, and the shipped ones that it does not replace."""
    variables: Mapping[str, str | SecretRef] = field(default_factory=dict)
    """Values or references given with -e; `shell` steps get them in their environment."""
    operator: str = ""
    """The operator given with `--as`; empty: SITECREW_OPERATOR or the login."""
    warnings: tuple[str, ...] = ()
    """Things that are valid but probably mistakes."""
    places: Mapping[str, str] = field(default_factory=dict)
    """`file:line` of each entry of the inventory by path: `hosts.web1`, `clients.acme`, `sites.shop`."""

    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    """The calendars among the blackouts of windows, by path as in the inventory."""
    calendar_files: tuple[Path, ...] = ()
    calendar_problems: tuple[Problem, ...] = ()
    """Mistakes in calendars of which an earlier version is used."""

    def place(self, kind: str, name: str) -> str:
        """Return `file:line` of an entry of the inventory, for messages. `kind` is like `clients`."""
        return self.places.get(f"{kind}.{name}", "the inventory")


def find_workspace(start: Path | None) -> Path:
    """Return the workspace: `start` (from -w), else SITECREW_WORKSPACE, else the nearest folder above.

    A workspace has an inventory.yaml or a folder `inventory`. Raises UsageError if there is none.
    """
    named = start or (
        Path(os.environ["SITECREW_WORKSPACE"]) if os.environ.get("SITECREW_WORKSPACE") else None
    )
    if named is not None:
        folder = named.expanduser().resolve()
        if not has_inventory(folder):
            hint = f"create a workspace there: {command('init', named)}"
            raise UsageError(f"no {_EITHER} in {folder}", hint=hint)
        return folder
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if has_inventory(folder):
            return folder
    raise UsageError(f"no {_EITHER} in {here} or above", hint=NO_WORKSPACE)


def load_workspace(
    folder: Path,
    *,
    extra: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    kinds: Mapping[str, Kind] | None = None,
    known: Mapping[str, Calendar] | None = None,
) -> Workspace:
    """Load and check everything in `folder`.

    `extra` has the variables of -e, `flags` the settings of the command line by path (`parallel.sites`).
    `environ` defaults to the environment of the process, `kinds` to the registered kinds of steps. `known`
    has calendars by path to use instead of files that have mistakes. Raises ValidationError with all problems
    of all files, or UsageError if the folder cannot be used.
    """
    from runner.load import calendars, inventory, layers, problems, references, settings, unsupported

    folder = folder.resolve()
    suggest_again()
    _refuse_writable(folder)
    found: Problems = []
    books = _Playbooks(folder, _kinds(kinds), found)

    listing = list_inventory(folder)
    shapes, tree = read_inventory(listing, folder, found)

    environ = os.environ if environ is None else environ
    merged = settings_tree(folder, environ=environ, flags=flags, problems=found)
    unsupported.refuse(merged, unsupported.SETTINGS, found)
    unsupported.refuse_variables(environ, folder, found)
    settings_shape = problems.checked(settings.SettingsFile, layers.with_absolute_paths(merged), found)

    references.check_settings(merged, found)

    playbooks = books.all()
    closed = calendars.read_calendars(tree, folder, found, known) if tree else calendars.Calendars()
    if tree:
        _check_references(tree, merged, books, found)
    problems.raise_if_any(found)
    if tree is None or settings_shape is None:
        raise UsageError(f"{folder / FILE} is empty", hint=NO_WORKSPACE)
    loaded = inventory.inventory_of(shapes, folder, closed.by_path)
    found_settings = settings.settings_of(settings_shape, folder)
    return Workspace(
        folder=folder,
        inventory=_with_tools(loaded, found_settings),
        settings=found_settings,
        playbooks=playbooks,
        variables=variables_of(extra or {}),
        warnings=(*layers.unknown_variables(environ), *listing.warnings, *books.warnings, *closed.warnings),
        places=places_of(tree),
        calendars=closed.by_path,
        calendar_files=tuple(closed.files.values()),
        calendar_problems=tuple(closed.problems),
    )


def _check_references(tree: Node, merged: Node, books: _Playbooks, found: Problems) -> None:
    """Check that what the files name exists: hosts, playbooks, sites and tags."""
    from runner.load import references

    names = references.names_of(tree)
    references.check_inventory(tree, names, books.sources, found)
    references.check_rings(merged, names, found)
    references.check_approve(merged, names, found)
    for book in books.own_trees:
        references.check_when(book, names, found)


def settings_tree(
    folder: Path,
    *,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
    problems: Problems | None = None,
) -> Node:
    """Return the settings of all files and the environment, merged, each with its position."""
    from runner.load import layers

    return layers.merged(
        [
            layers.defaults_layer(folder),
            *_settings_files(folder, [] if problems is None else problems),
            layers.environment_layer(os.environ if environ is None else environ, folder),
            layers.flags_layer(flags or {}, folder),
        ]
    )


def _with_tools(inventory: Inventory, settings: Settings) -> Inventory:
    """Set on each host the checksum of the tool to upload."""
    if settings.wp_cli is None:
        return inventory
    brings = settings.wp_cli.sha512
    hosts = {name: replace(host, brings=brings) for name, host in inventory.hosts.items()}
    return replace(inventory, hosts=hosts)


def load_playbook(folder: Path, name: str, *, kinds: Mapping[str, Kind] | None = None) -> Playbook:
    """Load one playbook of the workspace, or the shipped one of this name.

    Raises UnknownNameError if there is none, or ValidationError with its problems.
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
    """The playbook files by name, and the trees of those read so far."""

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
        """Load the playbooks that have no problems."""
        read = {name: self.one(name) for name in self.sources}
        return {name: playbook for name, playbook in read.items() if playbook}

    def one(self, name: str) -> Playbook | None:
        """Load a playbook; None if there are problems."""
        from runner.load.playbook import playbook_of

        shown = f"playbooks/{name}.yaml" + ("" if name in self.own else " (shipped)")
        tree = read_file(self.sources[name], shown, self.folder, self.problems, needed=True)
        if tree is None:
            return None
        if name in self.own:
            self.own_trees.append(tree)
        return playbook_of(tree, name, self.kinds, self.problems)


def _listed(folder: Path, problems: Problems) -> Listing:
    try:
        listing = list_playbooks(folder)
    except OSError as error:
        message = f"cannot read the folder: {error.strerror or error}"
        problems.append(Problem(folder.name, 1, 1, "", message, f"check it with: ls -ld {folder}"))
        return Listing()
    problems.extend(listing.problems)
    return listing


def _settings_files(folder: Path, problems: Problems) -> list[Node]:
    """The trees of the user's and the workspace's settings, if there are any."""
    of_user = user_settings()
    trees = [
        read_file(of_user, str(of_user), of_user.parent, problems, needed=False),
        read_file(folder / _SETTINGS, _SETTINGS, folder, problems, needed=False),
    ]
    return [tree for tree in trees if tree]


def user_settings() -> Path:
    """Return the settings file of the user, which applies to all workspaces."""
    from platformdirs import user_config_path

    return user_config_path("sitecrew") / _SETTINGS


def _refuse_writable(folder: Path) -> None:
    """Refuse a workspace that others can write to: its commands run as this user, and as root on hosts."""
    books, templates, data = folder / "playbooks", folder / "reports", folder / ".sitecrew"
    files = (
        *(path for path in _entries(books) if is_yaml_file(path.name)),
        *(path for path in _entries(templates) if path.name.endswith(".j2") and path.is_file()),
        *_entries(data),
        *_entries(data / "backups"),
    )
    inventory = (folder / FILE, folder / FOLDER, *list_inventory(folder).files)
    paths = (folder, *inventory, folder / _SETTINGS, books, templates, data, *files)
    refuse_shared(paths, top=folder)
    of_user = user_settings()
    refuse_shared([of_user], top=of_user.parent)


def _entries(folder: Path) -> list[Path]:
    """The sorted content of a folder; empty if it cannot be read, which is reported elsewhere."""
    with suppress(OSError):
        return sorted(folder.iterdir())
    return []


def _kinds(given: Mapping[str, Kind] | None) -> Mapping[str, Kind]:
    if given is not None:
        return given
    from runner.steps import registry

    return registry()
