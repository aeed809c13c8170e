"""The names in a workspace, read from its files without checking them, and kept in a cache."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

__all__ = ["find_folder", "ledger_file", "names_of"]

_LARGEST = 4_000_000
"""Bytes of a file beyond which its names are not completed."""
_CACHE = ".sitecrew/completion.json"
_FORMAT = 1
_PLAIN = re.compile(r"[\w@.,/+=!*~^%-]+")
"""Names that need no quoting in any shell; others are not completed."""


def find_folder(named: str | None) -> str | None:
    """Return the workspace: as named, else SITECREW_WORKSPACE, else the nearest folder above."""
    if chosen := named or os.environ.get("SITECREW_WORKSPACE"):
        return os.path.expanduser(chosen)  # noqa: PTH111  # pathlib is slow to import
    folder = os.getcwd()  # noqa: PTH109
    while not _inventories(folder):
        parent = os.path.dirname(folder)  # noqa: PTH120
        if parent == folder:
            return None
        folder = parent
    return folder


def names_of(folder: str) -> dict[str, Any]:
    """Return the names of sites, clients, hosts, ..., by kind; `tags` and `steps` are by playbook."""
    files = [*_inventories(folder), *_yaml_files(f"{folder}/playbooks")]
    marks = [[file, (stat := os.stat(file)).st_mtime_ns, stat.st_size] for file in files]  # noqa: PTH116
    cache = f"{folder}/{_CACHE}"
    with suppress(OSError, ValueError, KeyError, TypeError), open(cache, encoding="utf-8") as text:  # noqa: PTH123
        kept = json.load(text)
        if kept["format"] == _FORMAT and kept["files"] == marks:
            return dict(kept["names"])
    names = _read(folder, files)
    with suppress(OSError):
        _keep(cache, {"format": _FORMAT, "files": marks, "names": names})
    return names


def ledger_file(folder: str) -> str | None:
    """Return the path of the ledger's file; None if there is none (yet), as with PostgreSQL."""
    path = ".sitecrew/ledger.db"
    with suppress(OSError, ValueError):
        settings = _load(f"{folder}/sitecrew.yaml")
        if setting := settings.get("ledger"):
            url = str(setting.get("url") if isinstance(setting, dict) else setting)
            if not url.startswith("sqlite:///"):
                return None
            path = url.removeprefix("sqlite:///")
    path = os.path.join(folder, path)  # noqa: PTH118
    return path if os.path.exists(path) else None  # noqa: PTH110


def _inventories(folder: str) -> list[str]:
    single = f"{folder}/inventory.yaml"
    alone = [single] if os.path.isfile(single) else []  # noqa: PTH113
    return [*alone, *_yaml_files(f"{folder}/inventory")]


def _yaml_files(folder: str) -> list[str]:
    with suppress(OSError):
        names = sorted(os.listdir(folder))  # noqa: PTH208
        return [f"{folder}/{name}" for name in names if name.endswith(".yaml") and name[0] != "."]
    return []


def _read(folder: str, files: Iterable[str]) -> dict[str, Any]:
    names: dict[str, Any] = {
        kind: {} for kind in ("site", "client", "host", "group", "tag", "window", "playbook", "tags", "steps")
    }
    for file in files:
        try:
            content = _load(file)
        except (OSError, ValueError):
            continue
        if file.startswith(f"{folder}/playbooks/"):
            _add_playbook(names, os.path.basename(file).removesuffix(".yaml"), content)  # noqa: PTH119
        else:
            _add_inventory(names, content)
    return {
        kind: {name: about for name, about in found.items() if _PLAIN.fullmatch(name)}
        for kind, found in names.items()
    }


def _load(file: str) -> dict[str, Any]:
    """Return the mapping in a YAML file. Raises ValueError if it is no mapping or too large."""
    import yaml

    if os.path.getsize(file) > _LARGEST:  # noqa: PTH202
        raise ValueError(file)
    with open(file, "rb") as text:  # noqa: PTH123
        try:
            found = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        except yaml.YAMLError as error:
            raise ValueError(file) from error
    if not isinstance(found, dict):
        raise ValueError(file)  # noqa: TRY004  # a mistake in the file
    return found


def _add_inventory(names: dict[str, Any], content: dict[str, Any]) -> None:
    for host, about in _entries(content.get("hosts")):
        names["host"][host] = str(about.get("address", ""))
    for kind, key in (("group", "groups"), ("window", "windows")):
        names[kind].update({name: "" for name, _ in _entries(content.get(key))})
    for client, about in _entries(content.get("clients")):
        names["client"][client] = str(about.get("name", ""))
        names["tag"].update(dict.fromkeys(_texts(about.get("tags")), ""))
        for site, details in _entries(about.get("sites")):
            names["site"][site] = str(details.get("url", ""))
            names["tag"].update(dict.fromkeys(_texts(details.get("tags")), ""))


def _add_playbook(names: dict[str, Any], playbook: str, content: dict[str, Any]) -> None:
    names["playbook"][playbook] = str(content.get("name", ""))
    steps = [step for step in content.get("steps") or [] if isinstance(step, dict)]
    names["tags"][playbook] = sorted({tag for step in steps for tag in _texts(step.get("tags"))})
    ids = [step.get("id") or step.get("name") for step in steps]
    names["steps"][playbook] = [str(one) for one in ids if one and _PLAIN.fullmatch(str(one))]


def _entries(mapping: object) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, about in mapping.items() if isinstance(mapping, dict) else ():
        yield str(name), about if isinstance(about, dict) else {}


def _texts(value: object) -> list[str]:
    found = value if isinstance(value, list) else [value] if isinstance(value, str) else []
    return [str(one) for one in found]


def _keep(path: str, document: dict[str, Any]) -> None:
    """Write the cache, if the folder for it exists."""
    temporary = f"{path}.{os.getpid()}"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="utf-8") as text:  # noqa: PTH123
        json.dump(document, text)
    os.replace(temporary, path)  # noqa: PTH105
