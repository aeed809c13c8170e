"""Shell text that reads what stands on the host, and makes the folder of a release ready beside it."""

from __future__ import annotations

import posixpath

from runner.shell import assign, batches, path_words, word
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
"""Releases that are looked through; a host that names more is refused."""


def look_script(layout: Layout, mark: str, *, name: str = "", built: str = "") -> str:
    """Text that says what stands on the host, for `parse_look`. `name`: a release that may be half there."""
    incoming = posixpath.join(layout.releases, layout.incoming(name)) if name else "/nonexistent"
    whole = posixpath.join(layout.releases, name) if name else "/nonexistent"
    head = assign({"mark": mark, "path": layout.path, "releases": layout.releases})
    return f"""{head}{SHELL}
if [ -L "$path" ]; then say "path link"; say target; readlink "$path"
elif [ -d "$path" ]; then say "path folder"
elif [ -e "$path" ]; then say "path other"
else say "path nothing"; fi
[ -w {word(layout.parent)} ] || say unwritable
sums /dev/null >/dev/null 2>&1 || say unsummed
say releases
for d in "$releases"/*/; do
  d=${{d%/}}
  if [ -d "$d" ] && [ ! -L "$d" ]; then printf '%s\\0' "${{d##*/}}"; fi
done
say "tree serving"
{listing(layout.path)}
say "tree incoming"
{listing(incoming)}
say "tree whole"
{listing(whole)}
say "tree built"
cd || exit 1
{listing(built) if built else ""}
say odd
{odd_names(built) if built else ""}
say end
"""


def parse_look(output: bytes, mark: str) -> Standing | None:
    """What `look_script` found; None when it did not come to its end.

    Raises:
        UsageError: a name that a build has made cannot be sent, or there are too many.
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
        target=_target(parts.get("target", b"")) if kind == "link" else "",
        writable="unwritable" not in parts,
        summer="unsummed" not in parts,
        releases=_releases(parts["releases"]),
        serving=trees["serving"],
        incoming=trees["incoming"] or trees["whole"],
        built=parse_listing(parts.get("tree built", b"")),
    )


_COMPARED = ("serving", "incoming", "whole")


def _target(line: bytes) -> str:
    """What the link says, as far as it can be written into a link again."""
    target = line.removesuffix(b"\n").decode(errors="surrogateescape")
    if problem := text_problem(target):
        raise NameRefusedError(
            f"the link of the site leads to a path that {problem}; nothing was changed",
            hint="set the link by hand once: ln -sfn",
        )
    return target


def _releases(text: bytes) -> tuple[str, ...]:
    """Names of the folders there that can be switched to."""
    if text.count(b"\0") > _RELEASES:
        raise NameRefusedError(
            f"the host names more than {_RELEASES} releases; nothing was changed",
            hint="remove old ones there",
        )
    return tuple(sorted(name for name in parse_names(text) if not name_problem(name) and "/" not in name))


def gather_script(
    layout: Layout, name: str, tree: Tree, standing: Standing, *, built: str = ""
) -> tuple[str, Difference]:
    """Text that makes the folder of a release ready for what must be sent, and what that is.

    What the release online has already is linked to, not sent; what is there from an earlier attempt stays.
    """
    here = differ(standing.incoming, tree)
    missing = {file: tree[file] for file in (*here.new, *here.changed)}
    online = differ(standing.serving, missing)
    reuse, send = online.same, differ({}, {file: tree[file] for file in (*online.new, *online.changed)})
    folders = sorted({posixpath.dirname(file) for file in tree} - {""})
    values = {
        "parent": layout.parent,
        "room": layout.room,
        "path": layout.path,
        "part": layout.incoming(name),
        "name": name,
        "built": built,
    }
    lines = [
        f"{assign(values)}umask 022\n{PINNED}",
        'if [ -n "$built" ]; then origin=$(cd && cd -P "$built" && pwd -P) || exit 1; fi',
        'mkdir -p "$parent" || exit 1',
        'online=$(cd -P "$path" 2>/dev/null && pwd -P)',
        f"{_ROOM} || exit 1\nroom_at=$at{_SEEDED}",
        # a release that was gathered and never switched to: its switch was cut
        'if [ -d "$name" ] && [ ! -e "$part" ] && [ "${online##*/}" != "$name" ]; then',
        '  mv "$name" "$part" || exit 1; fi',
        '[ -d "$part" ] || seeded || sister "$part" "${online:-.}" || exit 1',
        'own "$part" || { echo "$part is not the account\'s own folder"; exit 1; }',
        "here=$at; narrow .",
    ]
    lines += [f"rm -rf {path_words(batch)}" for batch in batches((*here.removed, *here.changed))]
    lines += [f"mkdir -p {path_words(batch)} || exit 1" for batch in batches(folders)]
    source = '"$origin"' if built else '"$online"'
    for folder, names in _by_folder(tuple(missing) if built else reuse):
        target = f'"$here"/{word(folder)}/' if folder else '"$here"/'
        for batch in batches(names):
            copy = f"( cd {source} && cp -p {path_words(batch)} {target} ) || exit 1"
            link = f"( cd {source} && ln -f {path_words(batch)} {target} ) 2>/dev/null || "
            lines.append(copy if built else link + copy)
    if built:
        send = Difference()
        lines += [
            f"chmod {mode} {path_words(batch)} || exit 1"
            for mode in ("644", "755")
            for batch in batches([file for file in tree if f"{tree[file].mode:o}" == mode])
        ]
    return "\n".join(lines), send


_SEEDED = """
# seeded: makes the folder in what is online, and moves it out: it has group and ACL of there
seeded() (
  [ -n "$online" ] && cd -P "$online" && narrow . || exit 1
  mkdir "./.sitecrew-$$" 2>/dev/null || exit 1
  case ${online%/*} in "$room_at") to=.. ;; *) to=$room_at ;; esac
  mv "./.sitecrew-$$" "$to/$part" || { rmdir "./.sitecrew-$$"; exit 1; }
)
"""
# enters the folder of releases, made where it is missing; it must be where it seems to be
_ROOM = """{
  ground '' "$parent" && { [ -d "./$room" ] || sister "./$room"; } && cd -P "./$room" && place &&
  { [ "$at" = "${root%/}/$room" ] || { echo "$room is a link to another folder"; false; }; }
}"""


def take_script(layout: Layout) -> str:
    """Text that takes what is sent, a tar on its stdin, into the folder of releases."""
    head = assign({"parent": layout.parent, "room": layout.room})
    return f"{head}{PINNED}{_ROOM} || exit 1\numask 022\ngzip -dc | tar -xof -"


def forget_script(layout: Layout, name: str) -> str:
    """Text that removes what was sent in vain."""
    head = assign({"parent": layout.parent, "room": layout.room})
    return f"{head}{PINNED}{_ROOM} || exit 1\nrm -rf {path_words([layout.incoming(name), layout.sums(name)])}"


def _by_folder(names: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    folders: dict[str, list[str]] = {}
    for name in names:
        folders.setdefault(posixpath.dirname(name), []).append(name)
    return sorted(folders.items())
