"""A folder of files, here and on a host: what is in it, how two differ, and the shell text that lists one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeAlias

from runner.errors import UsageError
from runner.shell import word

__all__ = [
    "SHELL",
    "Difference",
    "File",
    "Tree",
    "amount",
    "check_names",
    "differ",
    "digest",
    "excluded",
    "in_batches",
    "listing",
    "parse_listing",
    "parse_sums",
    "plain",
    "quoted",
    "sums",
]

_BATCH = 48_000
"""Characters of names in one command: far below the limit of 128 KiB for a command line."""


@dataclass(frozen=True, slots=True)
class File:
    """One file. `size` in bytes, `mode` the nine bits of permission; both -1 where a host cannot tell."""

    sha256: str
    size: int = -1
    mode: int = -1


Tree: TypeAlias = Mapping[str, File]
"""Files by their names below the folder, with slashes."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What makes one tree of another, names in order."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    bytes: int = 0
    """Of what is new or changed."""

    @property
    def nothing(self) -> bool:
        """Whether both are alike."""
        return not (self.new or self.changed or self.removed)

    def __str__(self) -> str:
        """For people."""
        counts = ((self.new, "new"), (self.changed, "changed"), (self.removed, "removed"))
        told = ", ".join(f"{len(names)} {word}" for names, word in counts if names) or "nothing new"
        return f"{told}; {amount(self.bytes)}"


def differ(old: Tree, wanted: Tree) -> Difference:
    """How to come from `old` to `wanted`: by content and, where known, permissions."""
    new, changed, same = [], [], []
    for name, file in sorted(wanted.items()):
        if name not in old:
            new.append(name)
        elif _alike(old[name], file):
            same.append(name)
        else:
            changed.append(name)
    removed = tuple(sorted(name for name in old if name not in wanted))
    size = sum(wanted[name].size for name in (*new, *changed))
    return Difference(tuple(new), tuple(changed), removed, tuple(same), size)


def _alike(one: File, other: File) -> bool:
    return one.sha256 == other.sha256 and (one.mode == other.mode or -1 in {one.mode, other.mode})


def digest(tree: Tree) -> str:
    """One word for the whole content."""
    lines = (f"{file.sha256} {file.mode:o} {name}\n" for name, file in sorted(tree.items()))
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def sums(tree: Tree) -> bytes:
    """The tree as `sha256sum -c` reads it."""
    return "".join(f"{file.sha256}  {name}\n" for name, file in sorted(tree.items())).encode(
        errors="surrogateescape"
    )


def parse_sums(text: bytes) -> Tree:
    """The tree that `sums` wrote, without sizes and modes."""
    return dict(_sum(line) for line in text.splitlines() if len(line) > _SUM)


_SUM = 64


def _sum(line: bytes) -> tuple[str, File]:
    escaped = line.startswith(b"\\")
    line = line[1:] if escaped else line
    name = line[_SUM + 2 :].decode(errors="surrogateescape")
    if escaped:
        name = name.replace("\\n", "\n").replace("\\\\", "\\")
    return name.removeprefix("./"), File(line[:_SUM].decode("ascii", "replace"))


def check_names(names: Iterable[str]) -> None:
    """Refuse what a list of files, a line each, cannot hold on every host.

    Raises:
        UsageError: with the name.
    """
    for name in names:
        if not plain(name):
            raise UsageError(
                f"{name!r} cannot be sent: its name has a backslash, a control character or is not UTF-8",
                hint="rename it",
            )


def plain(name: str) -> bool:
    """Whether every host and every list can hold a name."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "\\" not in name and all(ord(character) >= 32 for character in name)  # noqa: PLR2004 - the first that prints


def excluded(name: str, patterns: Sequence[str]) -> bool:
    """Whether a name is left out. A pattern with a slash is a path below the folder, else it is any name."""
    parts = name.split("/")
    paths = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    for pattern in patterns:
        plain = pattern.strip("/")
        if any(fnmatchcase(one, plain) for one in (paths if "/" in pattern.rstrip("/") else parts)):
            return True
    return False


def amount(size: int) -> str:
    """Bytes for people."""
    number = float(size)
    for unit in ("bytes", "kB", "MB"):
        if number < 1000:  # noqa: PLR2004
            return f"{number:.0f} {unit}" if unit == "bytes" or number >= 10 else f"{number:.1f} {unit}"  # noqa: PLR2004
        number /= 1000
    return f"{number:.1f} GB"


SHELL = r"""
umask 022
export LC_ALL=C
say() { printf '\n%s %s\n' "$mark" "$*"; }
stop() { say "problem $*"; exit 3; }
if command -v sha256sum >/dev/null 2>&1; then sums() { sha256sum "$@"; }
elif command -v shasum >/dev/null 2>&1; then sums() { shasum -a 256 "$@"; }
else sums() { return 127; }
fi
# about: modes, sizes and sums of the files whose names come on stdin, with a NUL behind each
about() {
  xargs -0 sh -c '[ $# -gt 0 ] || exit 0
if command -v sha256sum >/dev/null 2>&1; then sha256sum "$@"; else shasum -a 256 "$@"; fi
echo =; stat -c "%a %s %n" "$@" 2>/dev/null || stat -f "%Lp %z %N" "$@" 2>/dev/null; echo =' about
}
"""
"""Begins each shell text of this family; `$mark` is set before it."""


def listing(folder: str, names: Sequence[str] | None = None) -> str:
    """Shell text that lists the files of a folder, or those of `names` that are there, for `parse_listing`.

    Symbolic links are not followed below the folder, and are no files.
    """
    if names is None:
        inner = "find . -type f -print0 | about"
    else:
        inner = (
            'while IFS= read -r f; do [ -f "$f" ] && [ ! -L "$f" ] && printf "./%s\\0" "$f"; done '
            "<<'SITECREW_NAMES' | about\n" + "".join(f"{name}\n" for name in names) + "SITECREW_NAMES"
        )
    return f"( cd {word(folder)} 2>/dev/null || exit 0\n{inner}\n)"


def parse_listing(text: bytes) -> Tree:
    """The tree that `listing` printed. Lines that are none of ours are passed over."""
    found: dict[str, File] = {}
    sizes: dict[str, tuple[int, int]] = {}
    in_stat = False
    for line in text.split(b"\n"):
        if line == b"=":
            in_stat = not in_stat
        elif in_stat:
            mode, _, rest = line.partition(b" ")
            size, _, name = rest.partition(b" ")
            if mode.isdigit() and size.isdigit():
                known = int(size), int(mode, 8) & 0o777
                sizes[name.decode(errors="surrogateescape").removeprefix("./")] = known
        elif len(line) > _SUM:
            name_, file = _sum(line)
            found[name_] = file
    return {name: File(file.sha256, *sizes.get(name, (-1, -1))) for name, file in found.items()}


def quoted(names: Iterable[str]) -> str:
    """Names as shell words that no command takes for an option."""
    return " ".join(word(f"./{name}") for name in names)


def in_batches(names: Iterable[str]) -> Iterable[tuple[str, ...]]:
    """Names in groups that fit into a command."""
    batch: list[str] = []
    size = 0
    for name in names:
        if batch and size + len(name) > _BATCH:
            yield tuple(batch)
            batch, size = [], 0
        batch.append(name)
        size += len(name) + 8
    if batch:
        yield tuple(batch)
