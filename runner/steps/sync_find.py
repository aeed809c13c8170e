"""What `files.sync` finds on the host, and the folder where what it sends waits: shell text, and answers."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field

from runner.shell import word
from runner.steps.static.tree import SHELL, Tree, excluded, in_batches, listing, parse_listing, plain, quoted

__all__ = ["Found", "find_script", "parse_found", "stage_script", "surplus"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is in the target folder on the host."""

    exists: bool
    files: Tree
    """Of the names that were asked for."""
    names: tuple[str, ...] = ()
    """All of them, where they were asked for."""
    staged: Tree = field(default_factory=dict)


def find_script(target: str, part: str, tree: Tree, mark: str, *, everything: bool) -> str:
    """Text that says what of `tree` is in the folder, with `everything` all names; for `parse_found`."""
    names = f"( cd {word(target)} 2>/dev/null && find . -type f -print )" if everything else ""
    return f"""mark={mark}
{SHELL}
[ -d {word(target)} ] && say exists
sums /dev/null >/dev/null 2>&1 || say unsummed
say files
{listing(target, sorted(tree))}
say staged
{listing(posixpath.join(target, part, "files"))}
say names
{names}
say end
"""


def parse_found(output: bytes, mark: str) -> Found | None:
    """What `find_script` found; None when it did not come to its end, or the host cannot sum."""
    parts: dict[str, bytes] = {}
    for piece in output.split(b"\n" + mark.encode() + b" ")[1:]:
        word, _, rest = piece.partition(b"\n")
        parts[word.decode("ascii", "replace")] = rest
    if "end" not in parts or "unsummed" in parts:
        return None
    names = (line.decode(errors="surrogateescape") for line in parts["names"].split(b"\n") if line)
    return Found(
        exists="exists" in parts,
        files=parse_listing(parts["files"]),
        names=tuple(sorted(name.removeprefix("./") for name in names)),
        staged=parse_listing(parts["staged"]),
    )


def surplus(found: Found, tree: Tree, exclude: Sequence[str]) -> tuple[str, ...]:
    """What `delete` takes away: files only on the host, unless they are excluded or cannot be named."""
    return tuple(
        name
        for name in found.names
        if name not in tree
        and not name.startswith(".sitecrew-")
        and not excluded(name, exclude)
        and plain(name)
    )


def stage_script(target: str, part: str, tree: Tree, found: Found) -> tuple[str, tuple[str, ...]]:
    """Text that makes the folder in which files wait, and the names that are to be sent.

    It lies in the target, so that it is on the same file system, and nobody else may look into it.
    """
    send = tuple(name for name in sorted(tree) if found.staged.get(name) != tree[name])
    folders = sorted({posixpath.dirname(name) for name in tree} - {""})
    stale = [name for name in found.staged if name not in tree or name in send]
    lines = [
        f"target={word(target)} part={word(part)}",
        "umask 022",
        'mkdir -p "$target" && cd "$target" || exit 1',
        '( umask 077; mkdir -p "$part" ) && chmod 700 "$part" && mkdir -p "$part/files" || exit 1',
        'cd "$part/files" || exit 1',
        *(f"rm -rf {quoted(batch)}" for batch in in_batches(stale)),
        *(f"mkdir -p {quoted(batch)} || exit 1" for batch in in_batches(folders)),
    ]
    return "\n".join(lines), send
