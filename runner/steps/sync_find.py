"""Shell text that lists the files on the host for `files.sync` and manages its staging folder; its output."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from runner.shell import assign, batches, path_words, word
from runner.steps.sources import shell_source
from runner.steps.static.names import DEEPEST, checked_name, parse_names
from runner.steps.static.pinned import PINNED
from runner.steps.static.tree import SHELL, Tree, excluded, listing, parse_listing

__all__ = [
    "Found",
    "clear_script",
    "find_script",
    "left_alone",
    "parse_found",
    "stage_script",
    "surplus",
    "take_script",
    "waiting",
]

_STAGED_NAME = re.compile(r"[0-9a-f]{64}")
_ENTER_STAGING = 'ground "$inside" "$target" && ours && private "$part"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The contents of the target folder on the host."""

    exists: bool
    files: Tree
    """The files among the requested names."""
    names: tuple[str, ...] = ()
    """All names, if they were requested; not yet checked."""
    staged: Tree = field(default_factory=dict)
    """Files staged by an earlier attempt, by the names that `waiting` returns."""


def waiting(name: str) -> str:
    """Return the name of a file in the staging folder: one that no file of a site has.

    If another account replaces the staging folder with a link, no file of the link's target can be moved.
    """
    return hashlib.sha256(b"sitecrew " + name.encode(errors="surrogateescape")).hexdigest()


def find_script(target: str, part: str, tree: Tree, mark: str, *, everything: bool) -> str:
    """Return shell text that lists the files of `tree` on the host, and all names if `everything`."""
    names = (
        f"( cd {word(target)} 2>/dev/null && find . -type f -exec printf '%s\\0' {{}} + )"
        if everything
        else ""
    )
    find = shell_source(
        "runner.steps",
        "sync_find",
        target=word(target),
        files=listing(target, sorted(tree)),
        staged=listing(posixpath.join(target, part)),
        names=names,
    )
    return f"{assign({'mark': mark})}{SHELL}{find}"


def parse_found(output: bytes, mark: str) -> Found | None:
    """Parse the output of `find_script`; None if it is incomplete or the host cannot compute SHA-256.

    Raises:
        NameRefusedError: a name in a listing is not a path below the folder, or there are too many names.
    """
    parts: dict[str, bytes] = {}
    for piece in output.split(b"\n" + mark.encode() + b" ")[1:]:
        verb, _, rest = piece.partition(b"\n")
        parts.setdefault(verb[:20].decode("ascii", "replace"), rest)
    if not {"files", "staged", "names", "end"} <= parts.keys() or "unsummed" in parts:
        return None
    staged = parse_listing(parts["staged"], lenient=True)
    return Found(
        exists="exists" in parts,
        files=parse_listing(parts["files"]),
        names=tuple(sorted(parse_names(parts["names"]))),
        staged={name: file for name, file in staged.items() if _STAGED_NAME.fullmatch(name)},
    )


def surplus(found: Found, tree: Tree, exclude: Sequence[str]) -> tuple[str, ...]:
    """Return the files that `delete` removes: those only on the host, unless they are excluded.

    Raises:
        NameRefusedError: one of the names is not a path below the folder.
    """
    return tuple(
        checked_name(name) for name in found.names if name not in tree and not left_alone(name, exclude)
    )


def left_alone(name: str, exclude: Sequence[str]) -> bool:
    """Return whether a file on the host is excluded, or is a staged file or a restore point of ours."""
    return name.startswith(".sitecrew-") or (name.count("/") < DEEPEST and excluded(name, exclude))


def stage_script(
    inside: str, target: str, part: str, tree: Tree, found: Found
) -> tuple[str, tuple[str, ...]]:
    """Return shell text that creates the staging folder, and the names of the files to send.

    The folder is private, and inside the target so that it is on the same file system. Its files have the
    names that `waiting` returns. `inside` is the folder that must not be left; empty for none.
    """
    send = tuple(name for name in sorted(tree) if found.staged.get(waiting(name)) != tree[name])
    stale = sorted(
        found.staged.keys() - ({waiting(name) for name in tree} - {waiting(name) for name in send})
    )
    below = posixpath.relpath(target, inside) if inside else ""
    head = assign({"inside": inside, "target": target, "part": part, "below": below})
    text = f"{head}umask 022\n{PINNED}{shell_source('runner.steps', 'sync_stage')}"
    return text + "\n".join(f"rm -f {path_words(batch)}" for batch in batches(stale)), send


def take_script(inside: str, target: str, part: str) -> str:
    """Return shell text that unpacks the files, a tar on its stdin, into the staging folder."""
    head = assign({"inside": inside, "target": target, "part": part})
    return f"{head}{PINNED}{_ENTER_STAGING} || exit 1\numask 022\ngzip -dc | tar -xpof -"


def clear_script(inside: str, target: str, part: str) -> str:
    """Return shell text that removes the staging folder with its files, if it exists."""
    head = assign({"inside": inside, "target": target, "part": part})
    return f"(\n{head}{PINNED}{shell_source('runner.steps', 'sync_clear')})\n"
