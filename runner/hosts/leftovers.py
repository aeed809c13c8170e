"""List and delete Sitecrew's files on a host: jobs, restore points, free locks, copied programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.errors import HostError
from runner.execute import Command
from runner.execute.texts import text
from runner.shell import assign, words

if TYPE_CHECKING:
    from runner.hosts.remote import Remote

__all__ = ["Leftover", "clean", "clean_text", "read_leftovers"]

_SECONDS = 600
_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Leftover:
    """A folder of Sitecrew on a host."""

    path: str
    kilobytes: int


def clean(remote: Remote, folders: Iterable[str], *, delete: bool) -> tuple[Leftover, ...]:
    """List or delete Sitecrew's files on a host.

    Args:
        remote: the host.
        folders: folders of its sites.
        delete: whether to delete them.

    Returns:
        The folders that were found, or that are left after the deletion.

    Raises:
        UnreachableError: the host cannot be reached.
        HostError: a job is running, a lock is held, or the host's answer is invalid.
    """
    task = Command("clean", clean_text("delete" if delete else "list", folders), timeout=_SECONDS)
    record = remote.read([task])["clean"]
    if not record.ok and not (delete and record.output):
        raise HostError(
            f"{remote.host.name}: Sitecrew's files could not be {'deleted' if delete else 'listed'}"
        )
    return read_leftovers(record.text, remote.host.name)


def clean_text(action: str, folders: Iterable[str]) -> str:
    """Return shell text that lists (`list`) or deletes (`delete`) Sitecrew's files."""
    given = {"action": action, "failed": "", "functions": text("clock", "common", "lock")}
    return f"{assign(given)}set -- {words(*folders)}\n{text('clean')}"


def read_leftovers(answer: str, name: str) -> tuple[Leftover, ...]:
    """Parse the output of `clean_text`.

    Raises:
        HostError: something is in use, or the output is invalid.
    """
    fields = answer.split("\0")[:-1]
    if fields[:1] == ["busy"]:
        reason = {"job": "a job is running", "lock": "a site is locked"}.get("".join(fields[1:2]))
        raise HostError(
            f"{name}: {reason or 'something is in use'}; nothing was deleted",
            hint="wait for the run to end, or stop it: sitecrew cancel",
        )
    sizes = fields[::2]
    if len(fields) % 2 or not all(
        size.isascii() and size.isdigit() and len(size) <= _DIGITS for size in sizes
    ):
        raise HostError(f"{name}: the list of Sitecrew's files is invalid")
    return tuple(Leftover(path, int(size)) for size, path in zip(sizes, fields[1::2], strict=True))
