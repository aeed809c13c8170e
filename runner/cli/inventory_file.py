"""Add sites to inventory.yaml: show them, ask, and write the file with its comments kept."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import UsageError, ValidationError

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.load.additions import NewClient

__all__ = ["add_clients", "replace_file", "yaml_to_paste"]

_NAME = "inventory.yaml"


def add_clients(workspace: Workspace, clients: Sequence[NewClient]) -> None:
    """Write clients and sites into inventory.yaml. If the result is invalid, nothing is changed.

    Raises:
        UsageError: the file is written in a way that nothing can be inserted, or cannot be written.
        ValidationError: the result is not a valid inventory.
    """
    from runner.load import load_workspace
    from runner.load.insertion import with_additions

    path = (workspace.folder / _NAME).resolve()
    before = path.read_bytes()
    text = with_additions(before.decode("utf-8-sig"), clients=clients)
    mark = b"\xef\xbb\xbf" if before.startswith(b"\xef\xbb\xbf") else b""
    replace_file(path, mark + text.encode())
    try:
        load_workspace(workspace.folder)
    except ValidationError:
        replace_file(path, before)
        raise


def replace_file(path: Path, content: bytes) -> None:
    """Replace the content of a file in one step and keep its mode.

    Raises:
        UsageError: it cannot be written.
    """
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        mode = path.stat().st_mode & 0o777
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
