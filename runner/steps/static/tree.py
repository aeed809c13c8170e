"""A folder of files, here and on a host: what is in it, how two differ, and the shell text that lists one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TypeAlias

from runner.errors import UsageError
from runner.shell import batches, path_words, word, words
from runner.steps.static.names import MOST, NameRefusedError, checked_name, name_problem, unquoted

__all__ = [
    "SHELL",
    "Difference",
    "File",
    "Tree",
    "amount",
    "by_run",
    "check_names",
    "compare_sums",
    "differ",
    "digest",
    "excluded",
    "kept_mode",
    "listing",
    "odd_names",
    "parse_listing",
    "parse_sums",
    "sums",
]


_RUNS = 0o111


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


def kept_mode(before: int, file: int) -> int:
    """The mode of a file that takes the place of another: that one's, but for whether it can be run."""
    plain = before & ~_RUNS
    return plain | (plain & 0o444) >> 2 if file & _RUNS else plain


def by_run(tree: Tree) -> Tree:
    """With modes that tell only whether a file can be run, as what is replaced keeps the rest of its mode."""
    return {
        name: file if file.mode == -1 else replace(file, mode=kept_mode(0o644, file.mode))
        for name, file in tree.items()
    }


def digest(tree: Tree) -> str:
    """One word for the whole content."""
    lines = (f"{file.sha256} {file.mode:o} {name}\n" for name, file in sorted(tree.items()))
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def sums(tree: Tree) -> bytes:
    """The tree as `sha256sum -c` reads it."""
    return "".join(f"{file.sha256}  {name}\n" for name, file in sorted(tree.items())).encode(
        errors="surrogateescape"
    )


def compare_sums(tree: Tree) -> str:
    """Shell text, one condition: the files of `tree` are there, below the working folder, with these sums."""
    lines = [f"{file.sha256}  ./{name}" for name, file in sorted(tree.items())]
    checks = (f"printf '%s\\n' {words(*batch)} | sums -c - >/dev/null 2>&1" for batch in batches(lines))
    return " && ".join(checks) or "true"


def parse_sums(text: bytes) -> Tree:
    """The tree that `sums` wrote, without sizes and modes.

    Raises:
        NameRefusedError: a name in it is no path below the folder, or there are too many.
    """
    _not_too_many(text)
    found = (_sum(line) for line in text.split(b"\n"))
    return {checked_name(one[0]): one[1] for one in found if one}


_SUM = 64
_LINE = re.compile(rb"(\\?)([0-9a-f]{64}) [ *](?:\./)?(.+)")


def _sum(line: bytes) -> tuple[str, File] | None:
    """Name and content of a line of `sha256sum`; None for any other line."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    name = match[3].decode(errors="surrogateescape")
    return unquoted(name) if match[1] else name, File(match[2].decode())


def _not_too_many(text: bytes) -> None:
    if text.count(b"\n") > 3 * MOST:
        raise NameRefusedError(
            f"the host lists more than {MOST} files in one folder; nothing was changed",
            hint="clean up the folder on the host",
        )


def odd_names(folder: str) -> str:
    """Shell text that prints the names which `listing` leaves out, each with a NUL behind it."""
    odd = r"\( -path '*[[:cntrl:]]*' -o -path '*\\*' \)"
    return f"( cd {word(folder)} 2>/dev/null && find . -type f {odd} -exec printf '%s\\0' {{}} + )"


def check_names(names: Iterable[str]) -> None:
    """Refuse what a list of files, a line each, cannot hold on every host.

    Raises:
        UsageError: with the name.
    """
    for name in names:
        problem = "has a backslash" if "\\" in name else name_problem(name)
        if problem:
            raise UsageError(f"{name!r} cannot be sent: its name {problem}", hint="rename it")


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
# about: sums, modes and sizes of the files whose names come on stdin, with a NUL behind each
about() {
  xargs -0 sh -c '[ $# -gt 0 ] || exit 0
if command -v sha256sum >/dev/null 2>&1; then sha256sum "$@"; else shasum -a 256 "$@"; fi
echo =; stat -c "%a %s %n" "$@" 2>/dev/null || stat -f "%Lp %z %N" "$@" 2>/dev/null; echo =' about
}
# present NAME...: those of them that are files, with a NUL behind each
present() { for f; do if [ -f "$f" ] && [ ! -L "$f" ]; then printf '%s\0' "$f"; fi; done; }
"""
"""Begins each shell text of this family; `$mark` is set before it."""


def listing(folder: str, names: Sequence[str] | None = None) -> str:
    """Shell text that lists the files of a folder, or those of `names` that are there, for `parse_listing`.

    Symbolic links are not followed below the folder, and are no files. A name with a control character or a
    backslash is left out: none of ours has one, and a line of output could not hold it.
    """
    if names is None:
        odd = r"! -path '*[[:cntrl:]]*' ! -path '*\\*'"
        inner = f"find . -type f {odd} -exec printf '%s\\0' {{}} +"
    else:
        inner = "\n".join(f"present {path_words(batch)}" for batch in batches(names)) or "true"
    return f"( cd {word(folder)} 2>/dev/null || exit 0\n{{\n{inner}\n}} | about\n)"


def parse_listing(text: bytes, *, lenient: bool = False) -> Tree:
    """The tree that `listing` printed. Lines that are none of ours are passed over.

    `lenient` leaves out files whose names are not accepted, where a tree is only compared with.

    Raises:
        NameRefusedError: a name in it is no path below the folder, or there are too many.
    """
    _not_too_many(text)
    found: dict[str, File] = {}
    sizes: dict[str, tuple[int, int]] = {}
    in_stat = False
    for line in text.split(b"\n"):
        if line == b"=":
            in_stat = not in_stat
        elif in_stat:
            if match := _STAT.fullmatch(line):
                name = match[3].decode(errors="surrogateescape")
                sizes[name] = int(match[2]), int(match[1], 8) & 0o777
        elif (one := _sum(line)) and not (lenient and name_problem(one[0])):
            found[checked_name(one[0])] = one[1]
    return {name: File(file.sha256, *sizes.get(name, (-1, -1))) for name, file in found.items()}


_STAT = re.compile(rb"([0-7]{1,6}) ([0-9]{1,18}) (?:\./)?(.+)")
