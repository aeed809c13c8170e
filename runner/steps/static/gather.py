"""Shell text that reads the state of a site on its host, and assembles a release there."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from runner.shell import assign, batches, path_words, word
from runner.steps.sources import shell_source
from runner.steps.static.layout import Layout, Standing
from runner.steps.static.names import NameRefusedError, name_problem, parse_names, text_problem
from runner.steps.static.pinned import PINNED
from runner.steps.static.tree import (
    SHELL,
    Difference,
    Tree,
    check_names,
    differ,
    listing,
    odd_names,
    parse_listing,
)

__all__ = ["forget_script", "gather_script", "look_script", "parse_look", "take_script"]

_RELEASES = 2000
"""Limit of releases; if a host lists more, the listing is refused."""


def look_script(layout: Layout, mark: str, *, name: str = "", built: str = "") -> str:
    """Return shell text that reads the state of the site on the host, for `parse_look`.

    Args:
        layout: the paths of the site.
        mark: nonce that starts the lines of the answer.
        name: a release that may be there in part, from an earlier attempt.
        built: the output folder of a build on the host.
    """
    incoming = posixpath.join(layout.releases, layout.incoming(name)) if name else "/nonexistent"
    whole = posixpath.join(layout.releases, name) if name else "/nonexistent"
    head = assign({"mark": mark, "path": layout.path, "releases": layout.releases})
    look = shell_source(
        "runner.steps.static",
        "look",
        parent=word(layout.parent),
        serving=listing(layout.path),
        incoming=listing(incoming),
        whole=listing(whole),
        built=listing(built) if built else "",
        odd=odd_names(built) if built else "",
    )
    return f"{head}{SHELL}{look}"


def parse_look(output: bytes, mark: str) -> Standing | None:
    """Parse the output of `look_script`; None if it is incomplete.

    Raises:
        UsageError: a file name that a build produced cannot be used, or there are too many.
    """
    parts: dict[str, bytes] = {}
    for piece in output.split(b"\n" + mark.encode() + b" ")[1:]:
        head, _, rest = piece.partition(b"\n")
        parts.setdefault(head[:40].decode("ascii", "replace"), rest)
    kind = next((one for one in ("link", "folder", "other", "nothing") if f"path {one}" in parts), "")
    if not kind or not {"end", "releases"} <= parts.keys():
        return None
    check_names(parse_names(parts.get("odd", b"")))
    trees = {name: parse_listing(parts.get(f"tree {name}", b""), lenient=True) for name in _COMPARED}
    return Standing(
        path=kind,
        target=_link_target(parts.get("target", b"")) if kind == "link" else "",
        writable="unwritable" not in parts,
        summer="unsummed" not in parts,
        releases=_releases(parts["releases"]),
        serving=trees["serving"],
        incoming=trees["incoming"] or trees["whole"],
        built=parse_listing(parts.get("tree built", b"")),
    )


_COMPARED = ("serving", "incoming", "whole")


def _link_target(line: bytes) -> str:
    """Return the target of the link, if the same link can be created again."""
    target = line.removesuffix(b"\n").decode(errors="surrogateescape")
    if problem := text_problem(target):
        raise NameRefusedError(
            f"the target of the site's link {problem}; nothing was changed",
            hint="set the link by hand with ln -sfn",
        )
    return target


def _releases(text: bytes) -> tuple[str, ...]:
    """Return the names of folders that can be switched to."""
    if text.count(b"\0") > _RELEASES:
        raise NameRefusedError(
            f"the host lists more than {_RELEASES} releases; nothing was changed",
            hint="remove old releases from the host",
        )
    return tuple(sorted(name for name in parse_names(text) if not name_problem(name) and "/" not in name))


def gather_script(
    layout: Layout, name: str, tree: Tree, standing: Standing, *, built: str = ""
) -> tuple[str, Difference]:
    """Return shell text that prepares the folder of a release, and the files that must be uploaded to it.

    Files that are already online are hard-linked, not uploaded, and files from an earlier attempt are kept.
    The files of a build on the host are copied.
    """
    here = differ(standing.incoming, tree)
    missing = {file: tree[file] for file in (*here.new, *here.changed)}
    online = differ(standing.serving, missing)
    reuse, send = online.same, differ({}, {file: tree[file] for file in (*online.new, *online.changed)})
    values = {
        "parent": layout.parent,
        "room": layout.room,
        "path": layout.path,
        "part": layout.incoming(name),
        "name": name,
        "built": built,
    }
    gather = shell_source("runner.steps.static", "gather", enter_releases=_ENTER_RELEASES)
    folders = sorted({posixpath.dirname(file) for file in tree} - {""})
    lines = [f"{assign(values)}umask 022\n{PINNED}{gather.rstrip()}"]
    lines += [f"rm -rf {path_words(batch)}" for batch in batches((*here.removed, *here.changed))]
    lines += [f"mkdir -p {path_words(batch)} || exit 1" for batch in batches(folders)]
    if built:
        return "\n".join([*lines, *_copies(tuple(missing)), *_modes(tree)]), Difference()
    return "\n".join([*lines, *_hard_links(reuse)]), send


_ENTER_RELEASES = shell_source("runner.steps.static", "releases_folder").rstrip()


def _hard_links(names: tuple[str, ...]) -> Iterator[str]:
    """Return shell lines that link to files online, or copy them if the file system refuses links."""
    for folder, batch in _by_folder(names):
        files = f"{path_words(batch)} {_target(folder)}"
        yield (
            f'( cd "$online" && ln -f {files} ) 2>/dev/null || ( cd "$online" && cp -p {files} ) || exit 1'
        )


def _copies(names: tuple[str, ...]) -> Iterator[str]:
    """Return shell lines that copy files of a build on the host."""
    for folder, batch in _by_folder(names):
        yield f'( cd "$origin" && cp -p {path_words(batch)} {_target(folder)} ) || exit 1'


def _modes(tree: Tree) -> Iterator[str]:
    """Return shell lines that set the modes of copied files."""
    for mode in ("644", "755"):
        for batch in batches([file for file in tree if f"{tree[file].mode:o}" == mode]):
            yield f"chmod {mode} {path_words(batch)} || exit 1"


def _target(folder: str) -> str:
    return f'"$here"/{word(folder)}/' if folder else '"$here"/'


def _by_folder(names: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Return the names by folder, in batches that fit into one command."""
    folders: dict[str, list[str]] = {}
    for name in names:
        folders.setdefault(posixpath.dirname(name), []).append(name)
    return ((folder, batch) for folder, inside in sorted(folders.items()) for batch in batches(inside))


def take_script(layout: Layout) -> str:
    """Return shell text that unpacks the uploaded files, a tar on its stdin, into the folder of releases."""
    head = assign({"parent": layout.parent, "room": layout.room})
    return f"{head}{PINNED}{_ENTER_RELEASES} || exit 1\numask 022\ngzip -dc | tar -xof -"


def forget_script(layout: Layout, name: str) -> str:
    """Return shell text that removes the uploaded files of a release that was not completed."""
    head = assign({"parent": layout.parent, "room": layout.room})
    names = path_words([layout.incoming(name), layout.sums(name)])
    return f"{head}{PINNED}{_ENTER_RELEASES} || exit 1\nrm -rf {names}"
