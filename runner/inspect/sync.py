"""Compare the files of a sync on the controller with those on the host."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from runner.errors import UsageError
from runner.execute import Command
from runner.inspect.sources import read_folder
from runner.model import Site
from runner.steps.static.tree import Difference, Tree, by_run, differ
from runner.steps.sync import SyncOptions, target_of
from runner.steps.sync_find import (
    Found,
    find_script,
    parse_found,
    surplus,
)
from runner.untrusted import sentence

if TYPE_CHECKING:
    from pathlib import Path

    from runner.hosts.remote import Remote

__all__ = ["compare_folders"]

_LIMIT = 600
_CAP = 64 << 20
"""Bytes of a listing; a longer one is refused."""


def compare_folders(
    remote: Remote, site: Site, options: SyncOptions, here: Path, *, part: str = ""
) -> tuple[Tree, Found, Difference]:
    """Return the files on the controller, those found on the host, and the differences.

    Raises:
        UsageError: one of the folders cannot be read.
        UnreachableError: the host cannot be reached (or a subclass).
    """
    tree, nonce = read_folder(here, options.exclude), secrets.token_hex(16)
    text = find_script(
        target_of(options, site), part or ".sitecrew-none", tree, nonce, everything=options.delete
    )
    question = Command("find", text, timeout=remote.limit(_LIMIT))
    record = remote.read((question,), cap=_CAP)["find"]
    found = parse_found(record.output, nonce)
    if found is None:
        reason = sentence(record.error.decode("utf-8", "replace")) or record.why
        if len(record.output) >= _CAP:
            reason = f"the list of names is larger than {_CAP >> 20} MiB"
        raise UsageError(f"cannot read the files on the host: {reason or 'sha256sum is not installed'}")
    if options.delete and not tree:
        raise UsageError(
            f"{here} has no files, and `delete` would delete everything on the host", hint=f"ls {here}"
        )
    gone = surplus(found, tree, options.exclude) if options.delete else ()
    difference = differ(by_run(found.files), by_run(tree))
    return (
        tree,
        found,
        Difference(difference.new, difference.changed, gone, difference.same, difference.bytes),
    )
