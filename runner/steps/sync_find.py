"""What `files.sync` finds on the host, and the folder where what it sends waits: shell text, and answers."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from runner.shell import assign, batches, path_words, word
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

_WAITING = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is in the target folder on the host."""

    exists: bool
    files: Tree
    """Of the names that were asked for."""
    names: tuple[str, ...] = ()
    """All of them, where they were asked for; not yet checked."""
    staged: Tree = field(default_factory=dict)
    """What waits from an earlier attempt, by the names of `waiting`."""


def waiting(name: str) -> str:
    """What a file is called while it waits: a name that no file of any site has.

    Who swaps the folder in which it waits for a link to another one cannot make us move that one's files.
    """
    return hashlib.sha256(b"sitecrew " + name.encode(errors="surrogateescape")).hexdigest()


def find_script(target: str, part: str, tree: Tree, mark: str, *, everything: bool) -> str:
    """Text that says what of `tree` is in the folder, with `everything` all names; for `parse_found`."""
    names = (
        f"( cd {word(target)} 2>/dev/null && find . -type f -exec printf '%s\\0' {{}} + )"
        if everything
        else ""
    )
    return f"""{assign({"mark": mark})}
{SHELL}
[ -d {word(target)} ] && say exists
sums /dev/null >/dev/null 2>&1 || say unsummed
say files
{listing(target, sorted(tree))}
say staged
{listing(posixpath.join(target, part))}
say names
{names}
say end
"""


def parse_found(output: bytes, mark: str) -> Found | None:
    """What `find_script` found; None when it did not come to its end, or the host cannot sum.

    Raises:
        NameRefusedError: a name that was not asked for is no path below the folder, or there are too many.
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
        staged={name: file for name, file in staged.items() if _WAITING.fullmatch(name)},
    )


def surplus(found: Found, tree: Tree, exclude: Sequence[str]) -> tuple[str, ...]:
    """What `delete` removes: files only on the host, unless they are excluded.

    Raises:
        NameRefusedError: one of them has a name that cannot be a path below the folder.
    """
    return tuple(
        checked_name(name) for name in found.names if name not in tree and not left_alone(name, exclude)
    )


def left_alone(name: str, exclude: Sequence[str]) -> bool:
    """Whether a name on the host is excluded, or of something of ours that waits or can be put back."""
    return name.startswith(".sitecrew-") or (name.count("/") < DEEPEST and excluded(name, exclude))


_STAGED = r"""
ground "$inside" "$target" && ours && private "$part"
"""


def stage_script(
    inside: str, target: str, part: str, tree: Tree, found: Found
) -> tuple[str, tuple[str, ...]]:
    """Text that makes the folder in which files wait, and the names that are to be sent.

    It is in the target, so that it is on the same file system, and nobody else may look into it. What waits
    there is called as `waiting` says. `inside`: the folder that must not be left; empty where there is none.
    """
    send = tuple(name for name in sorted(tree) if found.staged.get(waiting(name)) != tree[name])
    stale = sorted(
        found.staged.keys() - ({waiting(name) for name in tree} - {waiting(name) for name in send})
    )
    below = posixpath.relpath(target, inside) if inside else ""
    text = f"""{assign({"inside": inside, "target": target, "part": part, "below": below})}
umask 022
{PINNED}
mkdir -p "${{inside:-$target}}" && ground "$inside" "${{inside:-$target}}" || exit 1
if [ -n "$inside" ]; then
  case $below in .) ;; *) make "$below" ;; esac
  case $? in 0) ;; 2) echo "the folder leads out of the site's path"; exit 1 ;; *) exit 1 ;; esac
fi
[ -d "./$part" ] || ( umask 077; mkdir "./$part" ) || exit 1
private "$part" || {{ echo 'the folder for incoming files belongs to another account or is a link'; exit 1; }}
"""
    return text + "\n".join(f"rm -f {path_words(batch)}" for batch in batches(stale)), send


def take_script(inside: str, target: str, part: str) -> str:
    """Text that takes the files, a tar on its stdin, into the folder in which they wait."""
    head = assign({"inside": inside, "target": target, "part": part})
    return f"{head}{PINNED}{_STAGED.strip()} || exit 1\numask 022\ngzip -dc | tar -xpof -"


def clear_script(inside: str, target: str, part: str) -> str:
    """Text that removes the folder in which files wait, with all in it; nothing where there is none."""
    head = assign({"inside": inside, "target": target, "part": part})
    return f"""(
{head}{PINNED}
ground "$inside" "$target" && ours && [ -d "./$part" ] || exit 0
( private "$part" && find . ! -name . -prune -type f -exec rm -f {{}} + ) || exit 0
rmdir "./$part" 2>/dev/null
exit 0
)
"""
