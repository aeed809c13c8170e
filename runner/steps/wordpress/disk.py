"""Versions and headers read as text from a site's files, with the host's own programs.

The search starts in the folder that the inventory names: WordPress is in that folder or one below it, and
each folder with a folder `plugins` in it is a content folder. No code of the site runs, so it cannot affect
the result. sh/disk.sh prints what is parsed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from runner.untrusted import sentence

__all__ = ["Tree", "WordPressTree", "place_of", "trees", "versions"]

_VERSION = re.compile(r"wp_version *= *'([A-Za-z0-9._+-]{1,40})'")
_LOCALE = re.compile(r"wp_local_package *= *'([A-Za-z_]{1,20})'")
_HEADER = re.compile(
    r"\s{0,20}(?:<\?php)?[\s/*#@]{0,80}(Plugin Name|Theme Name|Version|Update URI):([^\r\n]*)", re.IGNORECASE
)
_END = re.compile(r"\*/|\?>")
_SUM = re.compile(r"([0-9a-f]{32}) [ *](\./.+)")
_SLASHES = re.compile("/{2,}")


@dataclass(slots=True)
class Tree:
    """The files of WordPress or of one content folder: paths below the site's folder, and their MD5 sums."""

    place: str
    """Relative to the site's folder, without a trailing slash; empty for that folder itself."""
    sums: dict[str, str] = field(default_factory=dict)
    large: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    """Links, pipes and sockets."""
    odd: list[str] = field(default_factory=list)
    """Files with a line feed or backslash in the name, which is replaced by `?`."""
    unlisted: list[str] = field(default_factory=list)
    """Must-use plugins and drop-ins, for which no checksums are published."""
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    """`name`, `version` and `update uri` of each plugin (by main file) and theme (by stylesheet)."""


@dataclass(slots=True)
class WordPressTree(Tree):
    """WordPress itself."""

    version: str = ""
    locale: str = "en_US"


def trees(lines: Iterable[str]) -> tuple[list[WordPressTree], list[Tree]]:
    """Parse the output of sh/disk.sh: WordPress and the content folders."""
    cores: list[WordPressTree] = []
    contents: list[Tree] = []
    tree, part = Tree(place=""), ""
    for line in lines:
        if line.startswith("= root ./") or line == "= root .":
            tree, part = WordPressTree(place=place_of(line.removeprefix("= root "))), "version"
            cores.append(tree)
        elif line.startswith("= content ./"):
            tree, part = Tree(place=place_of(line.removeprefix("= content "))), "headers"
            contents.append(tree)
        elif line.startswith("= "):
            part = line.removeprefix("= ")
        elif line:
            _add(tree, part, line)
    return cores, contents


def versions(contents: Iterable[Tree], family: str) -> Iterator[tuple[str, str, str]]:
    """The content folder, main file (plugins) or folder (themes), and version of each item."""
    for tree in contents:
        head = f"{tree.place}/{family}/"
        for path, about in tree.headers.items():
            if path.startswith(head) and "name" in about and about.get("version"):
                name = path.removeprefix(head)
                yield (
                    tree.place,
                    name.removesuffix("/style.css") if family == "themes" else name,
                    about["version"],
                )


def _add(tree: Tree, part: str, line: str) -> None:
    match part:
        case "version" if isinstance(tree, WordPressTree):
            if found := _VERSION.fullmatch(line):
                tree.version = tree.version or found[1]
            elif found := _LOCALE.fullmatch(line):
                tree.locale = found[1]
        case "headers":
            path, _, text = line.partition(":")
            if found := _HEADER.match(text):
                about = tree.headers.setdefault(place_of(path), {})
                name = found[1].lower()
                about.setdefault("name" if name.endswith(" name") else name, _header(found[2]))
        case "sums":
            if found := _SUM.fullmatch(line):
                tree.sums[place_of(found[2])] = found[1]
        case "large" | "other" | "odd" | "unlisted":
            getattr(tree, part).append(place_of(line))


def _header(text: str) -> str:
    """The value as WordPress reads it, without the end of a comment."""
    return sentence(_END.split(text[:300], maxsplit=1)[0], 200)


def place_of(path: str) -> str:
    """The path relative to the site's folder, empty for that folder itself."""
    plain = _SLASHES.sub("/", path[:2000]).removeprefix("./").removesuffix("/")
    return "" if plain == "." else plain
