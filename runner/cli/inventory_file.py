"""Add sites to the files of the inventory: show them, ask, and write them with their comments kept."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import UsageError, ValidationError
from runner.load.inventory_files import FILE, FOLDER
from runner.modes import user_umask

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.load.additions import NewClient

__all__ = ["add_clients", "replace_file", "yaml_to_paste"]


def add_clients(workspace: Workspace, clients: Sequence[NewClient]) -> tuple[str, ...]:
    """Write clients and sites into the inventory and return the names of the files that were written.

    A client's sites are added to the file that has the client. A new client is added to inventory.yaml, or if
    there is none, to `inventory/ID.yaml`. If the result is invalid, nothing is changed.

    Raises:
        UsageError: a file is written in a way that nothing can be inserted, or cannot be written.
        ValidationError: the result is not a valid inventory.
    """
    from runner.load import load_workspace

    by_file: dict[str, list[NewClient]] = {}
    for client in clients:
        by_file.setdefault(_file_of(workspace, client.id), []).append(client)
    before: dict[Path, bytes | None] = {}
    texts = {name: _with_clients(workspace.folder, name, added) for name, added in by_file.items()}
    try:
        for name, content in texts.items():
            path = (workspace.folder / name).resolve()
            before[path] = path.read_bytes() if path.exists() else None
            replace_file(path, content)
        load_workspace(workspace.folder)
    except (UsageError, ValidationError):
        for path, old in before.items():
            _restore(path, old)
        raise
    return tuple(by_file)


def _file_of(workspace: Workspace, client: str) -> str:
    """Return the file that a client is in, or to add it to."""
    place = workspace.places.get(f"clients.{client}")
    if place:
        return place.rpartition(":")[0]
    return FILE if (workspace.folder / FILE).exists() else f"{FOLDER}/{client}.yaml"


def _with_clients(folder: Path, name: str, clients: Sequence[NewClient]) -> bytes:
    """Return the content of a file with these clients and sites added."""
    from runner.load import modeline
    from runner.load.insertion import with_additions

    path = folder / name
    content = path.read_bytes() if path.exists() else modeline("inventory", below=name != FILE).encode()
    mark = b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b""
    return mark + with_additions(content.decode("utf-8-sig"), clients=clients, name=name).encode()


def _restore(path: Path, content: bytes | None) -> None:
    """Restore the content of a file; None deletes it."""
    if content is None:
        path.unlink(missing_ok=True)
    else:
        replace_file(path, content)


def replace_file(path: Path, content: bytes) -> None:
    """Replace the content of a file in one step and keep its mode.

    Raises:
        UsageError: it cannot be written.
    """
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644 & ~user_umask() | 0o600
        new.write_bytes(content)
        new.chmod(mode)
        new.replace(path)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror or error}", hint=f"check it with: ls -ld {path.parent}"
        ) from error
    finally:
        with suppress(OSError):
            os.unlink(new)  # noqa: PTH108  # it is missing if it was renamed


def yaml_to_paste(clients: Sequence[NewClient]) -> str:
    """Return the entries below `clients:` as YAML."""
    from runner.load.additions import client_lines

    return "\n".join(["clients:", *(line for client in clients for line in client_lines(client, 2))])
