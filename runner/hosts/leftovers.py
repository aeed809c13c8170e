"""Taking off a host what is ours there: jobs, restore points, free locks, programs that were brought."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.errors import HostError
from runner.execute import Task as Command
from runner.execute.texts import text
from runner.shell import assign, words

if TYPE_CHECKING:
    from runner.hosts.remote import Remote

__all__ = ["Leftover", "clean", "clean_text", "read_leftovers"]

_SECONDS = 600
_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Leftover:
    """A folder of ours on a host."""

    path: str
    kilobytes: int


def clean(remote: Remote, folders: Iterable[str], *, delete: bool) -> tuple[Leftover, ...]:
    """What of ours is on the host, after its deletion where that is asked for; `folders` are those of sites.

    Raises:
        UnreachableError: (and kin) the host cannot be reached.
        HostError: a job runs there, a lock is held, or the host's answer makes no sense.
    """
    task = Command("clean", clean_text("delete" if delete else "list", folders), timeout=_SECONDS)
    record = remote.read([task])["clean"]
    if not record.ok and not (delete and record.output):
        raise HostError(
            f"{remote.host.name}: what is ours there could not be {'deleted' if delete else 'listed'}"
        )
    return read_leftovers(record.text, remote.host.name)


def clean_text(action: str, folders: Iterable[str]) -> str:
    """Shell text that lists (`list`) or deletes (`delete`) what is ours."""
    given = {"action": action, "failed": "", "functions": text("clock", "common", "lock")}
    return f"{assign(given)}set -- {words(*folders)}\n{text('clean')}"


def read_leftovers(answer: str, name: str) -> tuple[Leftover, ...]:
    """What `clean_text` answered.

    Raises:
        HostError: something is in use, or the answer makes no sense.
    """
    fields = answer.split("\0")[:-1]
    if fields[:1] == ["busy"]:
        what = {"job": "a job runs there", "lock": "a site is locked there"}.get("".join(fields[1:2]))
        raise HostError(
            f"{name}: {what or 'what is in use cannot be told'}; nothing was deleted",
            hint="wait for its end, or stop the run: sitecrew cancel",
        )
    sizes = fields[::2]
    if len(fields) % 2 or not all(
        size.isascii() and size.isdigit() and len(size) <= _DIGITS for size in sizes
    ):
        raise HostError(f"{name}: the list of what is ours there makes no sense")
    return tuple(Leftover(path, int(size)) for size, path in zip(sizes, fields[1::2], strict=True))
