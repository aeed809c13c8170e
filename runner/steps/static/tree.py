"""The files of a folder on the controller or a host: listing them, and comparing two folders."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TypeAlias

from runner.errors import UsageError
from runner.shell import batches, path_words, word, words
from runner.steps.sources import shell_source
from runner.steps.static.names import MOST, NameRefusedError, checked_name, name_problem, unquoted
from runner.units import size

__all__ = [
    "SHELL",
    "Difference",
    "File",
    "Tree",
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


_EXECUTABLE = 0o111


@dataclass(frozen=True, slots=True)
class File:
    """One file. `size` in bytes, `mode` the nine permission bits; both -1 if the host cannot report them."""

    sha256: str
    size: int = -1
    mode: int = -1


Tree: TypeAlias = Mapping[str, File]
"""Files by their paths below the folder."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference between two trees, with sorted names."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    bytes: int = 0
    """Size of the new and changed files."""

    @property
    def nothing(self) -> bool:
        """Whether both trees are the same."""
        return not (self.new or self.changed or self.removed)

    def __str__(self) -> str:
        """Return a summary for messages."""
        counts = ((self.new, "new"), (self.changed, "changed"), (self.removed, "removed"))
        summary = ", ".join(f"{len(names)} {kind}" for names, kind in counts if names) or "nothing new"
        return f"{summary}; {size(self.bytes)}"


def differ(old: Tree, wanted: Tree) -> Difference:
    """Compare two trees by content and, if known, permissions; return how `wanted` differs from `old`."""
    new, changed, same = [], [], []
    for name, file in sorted(wanted.items()):
        if name not in old:
            new.append(name)
        elif _alike(old[name], file):
            same.append(name)
        else:
            changed.append(name)
    removed = tuple(sorted(name for name in old if name not in wanted))
    sent = sum(wanted[name].size for name in (*new, *changed))
    return Difference(tuple(new), tuple(changed), removed, tuple(same), sent)


def _alike(one: File, other: File) -> bool:
    return one.sha256 == other.sha256 and (one.mode == other.mode or -1 in {one.mode, other.mode})


def kept_mode(before: int, file: int) -> int:
    """Return the mode of a file that replaces another: the old one's, but executable like the new file."""
    plain = before & ~_EXECUTABLE
    return plain | (plain & 0o444) >> 2 if file & _EXECUTABLE else plain


def by_run(tree: Tree) -> Tree:
    """Return the tree with modes reduced to executable or not: replaced files keep the rest of their mode."""
    return {
        name: file if file.mode == -1 else replace(file, mode=kept_mode(0o644, file.mode))
        for name, file in tree.items()
    }


def digest(tree: Tree) -> str:
    """Return a hash of the whole tree."""
    lines = (f"{file.sha256} {file.mode:o} {name}\n" for name, file in sorted(tree.items()))
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def sums(tree: Tree) -> bytes:
    """Return the tree in the format of `sha256sum -c`."""
    return "".join(f"{file.sha256}  {name}\n" for name, file in sorted(tree.items())).encode(
        errors="surrogateescape"
    )


def compare_sums(tree: Tree) -> str:
    """Return a shell condition: the files of `tree` exist below the working folder with these checksums."""
    lines = [f"{file.sha256}  ./{name}" for name, file in sorted(tree.items())]
    checks = (f"printf '%s\\n' {words(*batch)} | sums -c - >/dev/null 2>&1" for batch in batches(lines))
    return " && ".join(checks) or "true"


def parse_sums(text: bytes) -> Tree:
    """Parse the output of `sums` or `sha256sum`; the tree has no sizes and modes.

    Raises:
        NameRefusedError: a name is not a path below the folder, or there are too many names.
    """
    _check_count(text)
    found = (_sum(line) for line in text.split(b"\n"))
    return {checked_name(one[0]): one[1] for one in found if one}


_LINE = re.compile(rb"(\\?)([0-9a-f]{64}) [ *](?:\./)?(.+)")


def _sum(line: bytes) -> tuple[str, File] | None:
    """Parse a line of `sha256sum` into a name and a file; None for any other line."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    name = match[3].decode(errors="surrogateescape")
    return unquoted(name) if match[1] else name, File(match[2].decode())


def _check_count(text: bytes) -> None:
    if text.count(b"\n") > 3 * MOST:
        raise NameRefusedError(
            f"the host lists more than {MOST} files in one folder; nothing was changed",
            hint="remove files from the folder on the host",
        )


def odd_names(folder: str) -> str:
    """Return shell text that prints the names `listing` leaves out, each followed by NUL."""
    odd = r"\( -path '*[[:cntrl:]]*' -o -path '*\\*' \)"
    return f"( cd {word(folder)} 2>/dev/null && find . -type f {odd} -exec printf '%s\\0' {{}} + )"


def check_names(names: Iterable[str]) -> None:
    """Refuse names that a list with one file per line cannot contain on every host.

    Raises:
        UsageError: a name is refused; the message shows it.
    """
    for name in names:
        problem = "has a backslash" if "\\" in name else name_problem(name)
        if problem:
            raise UsageError(f"{name!r} cannot be uploaded: its name {problem}", hint="rename it")


def excluded(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a name is excluded. A pattern with a slash is a path, without a name at any depth."""
    parts = name.split("/")
    paths = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    for pattern in patterns:
        plain = pattern.strip("/")
        if any(fnmatchcase(one, plain) for one in (paths if "/" in pattern.rstrip("/") else parts)):
            return True
    return False


SHELL = shell_source("runner.steps.static", "tree")
"""Start of the shell texts for static sites and `files.sync`; `$mark` is set before it."""


def listing(folder: str, names: Sequence[str] | None = None) -> str:
    """Return shell text that lists a folder, or those of `names` that exist in it, for `parse_listing`.

    Symbolic links below the folder are neither followed nor listed. Names with a control character or a
    backslash are left out: no file of ours has such a name, and a line of output cannot contain it.
    """
    if names is None:
        odd = r"! -path '*[[:cntrl:]]*' ! -path '*\\*'"
        inner = f"find . -type f {odd} -exec printf '%s\\0' {{}} +"
    else:
        inner = "\n".join(f"present {path_words(batch)}" for batch in batches(names)) or "true"
    return f"( cd {word(folder)} 2>/dev/null || exit 0\n{{\n{inner}\n}} | about\n)"


def parse_listing(text: bytes, *, lenient: bool = False) -> Tree:
    """Parse the output of `listing`. Other lines are ignored.

    With `lenient`, files with refused names are left out: for trees that are only compared.

    Raises:
        NameRefusedError: a name is not a path below the folder, or there are too many names.
    """
    _check_count(text)
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
