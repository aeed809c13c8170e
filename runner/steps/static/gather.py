"""Shell text that reads what stands on the host, and makes the folder of a release ready beside it."""

from __future__ import annotations

import posixpath

from runner.shell import word
from runner.steps.static.layout import Layout, Standing
from runner.steps.static.tree import (
    SHELL,
    Difference,
    Tree,
    differ,
    in_batches,
    listing,
    parse_listing,
    quoted,
)

__all__ = ["gather_script", "look_script", "parse_look"]


def look_script(layout: Layout, mark: str, *, name: str = "", built: str = "") -> str:
    """Text that says what stands on the host, for `parse_look`. `name`: a release that may be half there."""
    path, releases = word(layout.path), word(layout.releases)
    incoming = posixpath.join(layout.releases, layout.incoming(name))
    whole = posixpath.join(layout.releases, name)
    return f"""mark={mark}
{SHELL}
path={path} releases={releases}
if [ -L "$path" ]; then say "path link"; say "target $(readlink "$path")"
elif [ -d "$path" ]; then say "path folder"
elif [ -e "$path" ]; then say "path other"
else say "path nothing"; fi
[ -w {word(layout.parent)} ] || say unwritable
sums /dev/null >/dev/null 2>&1 || say unsummed
for d in "$releases"/*/; do d=${{d%/}}; [ -d "$d" ] && [ ! -L "$d" ] && say "release ${{d##*/}}"; done
say "tree serving"
{listing(layout.path)}
say "tree incoming"
{listing(incoming if name else "/nonexistent")}
say "tree whole"
{listing(whole if name else "/nonexistent")}
say "tree built"
cd
{listing(built) if built else ""}
say end
"""


def parse_look(output: bytes, mark: str) -> Standing | None:
    """What `look_script` found; None when it did not come to its end."""
    said: dict[str, str] = {}
    releases: list[str] = []
    trees: dict[str, Tree] = {}
    for piece in output.split(b"\n" + mark.encode() + b" ")[1:]:
        head, _, rest = piece.partition(b"\n")
        word, _, value = head.decode(errors="replace").partition(" ")
        if word == "release":
            releases.append(value)
        elif word == "tree":
            trees[value] = parse_listing(rest)
        else:
            said[word] = value
    if "end" not in said or "path" not in said:
        return None
    return Standing(
        path=said["path"],
        target=said.get("target", ""),
        writable="unwritable" not in said,
        summer="unsummed" not in said,
        releases=tuple(sorted(releases)),
        serving=trees.get("serving", {}),
        incoming=trees.get("incoming") or trees.get("whole", {}),
        built=trees.get("built", {}),
    )


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
    lines = [
        f"releases={word(layout.releases)} path={word(layout.path)}",
        f"part={word(layout.incoming(name))} name={word(name)}",
        "umask 022",
        *([f"origin=$(cd && cd {word(built)} && pwd -P) || exit 1"] if built else []),
        'mkdir -p "$releases" && cd "$releases" || exit 1',
        'online=$(cd "$path" 2>/dev/null && pwd -P)',
        # a release that was gathered and never switched to: its switch was cut
        'if [ -d "$name" ] && [ ! -e "$part" ] && [ "${online##*/}" != "$name" ]; then',
        '  mv "$name" "$part" || exit 1; fi',
        'mkdir -p "$part" && cd "$part" || exit 1',
    ]
    lines += [f"rm -rf {quoted(batch)}" for batch in in_batches((*here.removed, *here.changed))]
    lines += [f"mkdir -p {quoted(batch)} || exit 1" for batch in in_batches(folders)]
    source = built or ""
    origin = '"$origin"' if source else '"$online"'
    taken = reuse if not source else tuple(missing)
    for folder, names in _by_folder(taken):
        for batch in in_batches(names):
            there = word(f"./{folder}")
            copy = f"( cd {origin} && cp -p {quoted(batch)} {{}} )"
            target = f'"$releases/$part"/{there}'
            link = f"( cd {origin} && ln -f {quoted(batch)} {target} ) 2>/dev/null || "
            lines.append(("" if source else link) + copy.replace("{}", target) + " || exit 1")
    if source:
        send = Difference()
        lines += [
            f"chmod {mode} {quoted(batch)} || exit 1"
            for mode in ("644", "755")
            for batch in in_batches([file for file in tree if f"{tree[file].mode:o}" == mode])
        ]
    return "\n".join(lines), send


def _by_folder(names: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    folders: dict[str, list[str]] = {}
    for name in names:
        folders.setdefault(posixpath.dirname(name), []).append(name)
    return sorted(folders.items())
