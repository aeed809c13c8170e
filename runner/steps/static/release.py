"""`static.release`: a folder of files put online by switching one link.

The site's path is a symbolic link. The releases lie beside it, each a folder of its own; visitors see a new
one from one request to the next, since the link is replaced by one rename.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from runner.model import ChangeOutcome, ItemKind, Outcome, SiteKind, Step, StepOutcome
from runner.steps.base import Context, Result, Script, StepKind, Where, by_status
from runner.steps.static.tree import SHELL, Difference, Tree, amount, digest, in_batches, listing, quoted
from runner.steps.text import sentence

__all__ = [
    "Layout",
    "ReleaseOptions",
    "ReleaseOrder",
    "Standing",
    "StaticRelease",
    "gather_script",
    "look_script",
    "name_of",
    "parse_look",
    "refusal",
    "switch_script",
]

RELEASE = re.compile(r"\d{8}T\d{6}Z-[0-9a-z]{4,16}")
_SMALLEST = 2 / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseOptions:
    """What may stand below `static.release`."""

    source: str = field(
        default="build",
        metadata={
            "alias": "from",
            "doc": "a folder on the controller, `{site}` in it is the site's name; `build`: what "
            "`static.build` made before",
            "scalar": "source",
        },
    )
    keep: int = field(
        default=5, metadata={"doc": "how many releases stay on the host, the one online included"}
    )
    exclude: tuple[str, ...] = field(
        default=(), metadata={"doc": "files to leave out: paths below the folder, or names without a slash"}
    )
    adopt: bool = field(
        default=False,
        metadata={
            "doc": "where the site's path is a folder: make it the first release, and put a link there"
        },
    )
    force: bool = field(
        default=False, metadata={"doc": "put it online also when it has lost a third of its files or bytes"}
    )

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise ValueError("`from` names a folder, or `build`")
        if self.keep < 2:  # noqa: PLR2004
            raise ValueError("keep at least 2 releases: the one before is what a switch back needs")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a site lie on its host."""

    path: str
    """The link: the site's document root."""

    @classmethod
    def of(cls, path: str) -> Layout:
        """The layout of a site's path."""
        return cls(posixpath.normpath(path))

    @property
    def parent(self) -> str:
        """The folder of the link."""
        return posixpath.dirname(self.path)

    @property
    def room(self) -> str:
        """Name of the folder of releases: `releases` beside a link called `current`, else after the link."""
        name = posixpath.basename(self.path)
        return "releases" if name == "current" else f"{name}.releases"

    @property
    def releases(self) -> str:
        """The folder of releases."""
        return posixpath.join(self.parent, self.room)

    def incoming(self, name: str) -> str:
        """Where a release is gathered; nothing there is ever served."""
        return f".{name}.part"

    def sums(self, name: str) -> str:
        """The file that lists a release's content."""
        return f".{name}.sums"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What stands on the host before a release."""

    path: str
    """`link`, `folder`, `nothing` or `other`."""
    target: str = ""
    """Of the link, as it is written."""
    writable: bool = True
    """Whether the link's folder may be written to."""
    summer: bool = True
    """Whether the host has a program for sha256."""
    releases: tuple[str, ...] = ()
    serving: Tree = field(default_factory=dict)
    incoming: Tree = field(default_factory=dict)
    built: Tree = field(default_factory=dict)
    """What a build made on the host."""

    @property
    def release(self) -> str:
        """Name of the release that is served; what else the link leads to by its last part."""
        return posixpath.basename(self.target.rstrip("/")) if self.path == "link" else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseOrder:
    """A release that is gathered on the host, ready to be switched to."""

    name: str
    files: int
    standing: Standing
    difference: Difference


def name_of(at: datetime, tree: Tree) -> str:
    """The name of a release: when, in UTC, and what."""
    return f"{at:%Y%m%dT%H%M%SZ}-{digest(tree)[:8]}"


def refusal(options: ReleaseOptions, layout: Layout, standing: Standing, tree: Tree) -> str:
    """Why a release must not be made, with what to type; empty when it may."""
    if not tree:
        return f"{options.source} holds no files: nothing was put online"
    why = _unable(layout, standing) or ("" if options.adopt else _foreign(layout, standing))
    return why or ("" if options.force else _shrunk(standing.serving, tree))


def _unable(layout: Layout, standing: Standing) -> str:
    if standing.path == "other":
        return f"{layout.path} is neither a link nor a folder"
    if not standing.writable:
        return f"the account may not write to {layout.parent}, where the link and the releases lie"
    if not standing.summer:
        return "the host has neither sha256sum nor shasum, so what arrives cannot be checked"
    return ""


def _foreign(layout: Layout, standing: Standing) -> str:
    """What stands at the path is not ours, and nobody said that it may be replaced."""
    ours = standing.target.rstrip("/") in {
        f"{layout.room}/{standing.release}",
        f"{layout.releases}/{standing.release}",
    }
    if standing.path == "folder":
        return (
            f"{layout.path} is a folder, not a link to a release; add `adopt: true` to the step once: "
            f"it becomes the first release in {layout.releases}, and a link takes its place"
        )
    if standing.path == "link" and not ours:
        return (
            f"{layout.path} leads to {standing.target}, which is none of {layout.releases}; "
            "add `adopt: true` to the step once: the link is switched, what it led to is left alone"
        )
    return ""


def _shrunk(old: Tree, new: Tree) -> str:
    files, bytes_ = (len(old), len(new)), (_size(old), _size(new))
    for (had, has), told in ((files, "{} files"), (bytes_, "{}")):
        if had and has <= had * _SMALLEST:
            before, now = (told.format(count if told != "{}" else amount(count)) for count in (had, has))
            return (
                f"it shrank from {before} to {now}, by a third or more; if that is meant, "
                "add `force: true` to the step"
            )
    return ""


def _size(tree: Tree) -> int:
    return sum(max(file.size, 0) for file in tree.values())


def look_script(layout: Layout, mark: str, *, name: str = "", built: str = "") -> str:
    """Text that says what stands on the host, for `parse_look`. `name`: a release that may be half there."""
    path, releases = shlex.quote(layout.path), shlex.quote(layout.releases)
    incoming = posixpath.join(layout.releases, layout.incoming(name))
    whole = posixpath.join(layout.releases, name)
    return f"""mark={mark}
{SHELL}
path={path} releases={releases}
if [ -L "$path" ]; then say "path link"; say "target $(readlink "$path")"
elif [ -d "$path" ]; then say "path folder"
elif [ -e "$path" ]; then say "path other"
else say "path nothing"; fi
[ -w {shlex.quote(layout.parent)} ] || say unwritable
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
    from runner.steps.static.tree import parse_listing

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
    from runner.steps.static.tree import differ

    here = differ(standing.incoming, tree)
    missing = {file: tree[file] for file in (*here.new, *here.changed)}
    online = differ(standing.serving, missing)
    reuse, send = online.same, differ({}, {file: tree[file] for file in (*online.new, *online.changed)})
    folders = sorted({posixpath.dirname(file) for file in tree} - {""})
    lines = [
        f"releases={shlex.quote(layout.releases)} path={shlex.quote(layout.path)}",
        f"part={shlex.quote(layout.incoming(name))} name={shlex.quote(name)}",
        "umask 022",
        *([f"origin=$(cd && cd {shlex.quote(built)} && pwd -P) || exit 1"] if built else []),
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
            there = shlex.quote(f"./{folder}")
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


_SWITCH = r"""
# swap LINK TARGET: a new link takes the place of the old one by one rename: there is no instant without one
swap() {
  rm -f "$1.next" && ln -s "$2" "$1.next" || return 1
  mv -fT "$1.next" "$1" 2>/dev/null && return
  perl -e 'exit(rename($ARGV[0], $ARGV[1]) ? 0 : 1)' "$1.next" "$1" 2>/dev/null && return
  python3 -c 'import os, sys; os.rename(sys.argv[1], sys.argv[2])' "$1.next" "$1" 2>/dev/null && return
  php -r 'exit(rename($argv[1], $argv[2]) ? 0 : 1);' -- "$1.next" "$1" 2>/dev/null && return
  rm -f "$1.next"
  return 1
}
# exchange A B: both change places in one step, where the host has a tool for it
exchange() {
  mv --exchange -T "$1" "$2" 2>/dev/null && return
  python3 -c 'import ctypes, os, sys
a, b = map(os.fsencode, sys.argv[1:])
sys.exit(ctypes.CDLL(None).renameat2(-100, a, -100, b, 2))' "$1" "$2" 2>/dev/null && return
  case $(uname -sm) in 'Linux x86_64') n=316 ;; 'Linux aarch64') n=276 ;; *) return 1 ;; esac
  perl -e 'exit(syscall($ARGV[0] + 0, -100, $ARGV[1], -100, $ARGV[2], 2) == 0 ? 0 : 1)' \
    $n "$1" "$2" 2>/dev/null
}
"""


def switch_script(layout: Layout, target: str, mark: str, *, expect: str = "") -> str:
    """Text that switches the link to a release that lies on the host: this is how a release is undone.

    `target` is the release's name; with `expect`, only while the link leads to that release. Says
    `<mark> from NAME` and `<mark> to NAME`, or `<mark> problem WORD`: no-release, moved, no-rename.
    """
    if not RELEASE.match(target) and "/" in target:
        raise ValueError(f"not a release: {target!r}")
    values = {"mark": mark, "path": layout.path, "room": layout.room, "name": target, "expect": expect}
    head = "\n".join(f"{name}={shlex.quote(value)}" for name, value in values.items())
    return f"""sitecrew() {{
{head}
{SHELL}{_SWITCH}
cd {shlex.quote(layout.parent)} || stop no-release
[ -d "$room/$name" ] || stop no-release
old=$(readlink "$path"); old=${{old##*/}}
if [ -n "$expect" ] && [ "$old" != "$expect" ]; then stop "moved $old"; fi
swap "$path" "$room/$name" || stop no-rename
[ "$(readlink "$path")" = "$room/$name" ] || stop no-rename
say "from $old"
say "to $name"
}}
sitecrew </dev/null
"""


class StaticRelease(StepKind):
    """A release: sent beside what is online, checked, switched to, read again."""

    name = "static.release"
    summary = "Puts a folder of files online as a new release, by switching one link."
    options = ReleaseOptions
    example = """\
- static.release: {from: build}
- static.release: {from: "dist/{site}", keep: 10, exclude: ["*.map", drafts/], adopt: true}
"""
    reads = (
        "what is online on the host, every file with its SHA-256, size and permissions; and the folder "
        "to be released in the same way. A link that leads out of the folder is refused by name."
    )
    plans = (
        "`release`, from the one online to the new content, with the number of files and bytes that are "
        "new, changed and removed."
    )
    changes = (
        "the link that is the site's path: the release is sent to a folder beside it, checked file by "
        "file, and the link is replaced by one rename. A release that is empty, or has lost a third of "
        "its files or bytes, is refused. Releases beyond `keep` go; never one that is served."
    )
    understood = "by what the host reads through the link after the switch, never by what was sent."
    undone = (
        "by switching back: the release before is still there, and the switch is one rename. It is done "
        "at once where the re-reading fails."
    )
    where = Where.UPLOAD
    sites = frozenset({SiteKind.STATIC})

    def guarded(self, step: Step, context: Context) -> str:  # noqa: ARG002
        """The folder of releases: the link itself leads elsewhere afterwards."""
        return Layout.of(context.site.path).releases

    def script(self, step: Step, context: Context) -> Script:
        """Checks what was sent, switches, reads again through the link, takes old releases away."""
        order = context.prepared
        if not isinstance(order, ReleaseOrder):
            return Script(text="exit 3\n")
        options = cast("ReleaseOptions", step.options)
        layout, standing = Layout.of(context.site.path), order.standing
        values = {
            "mark": context.mark,
            "path": layout.path,
            "parent": layout.parent,
            "room": layout.room,
            "releases": layout.releases,
            "name": order.name,
            "part": layout.incoming(order.name),
            "list": layout.sums(order.name),
            "count": str(order.files),
            "keep": str(options.keep),
            "was": standing.path,
            "target": standing.target,
            "adopted": f"{order.name[:16]}-adopted",
            "did": str(order.difference),
        }
        head = "\n".join(f"{name}={shlex.quote(value)}" for name, value in values.items())
        return Script(text=f"sitecrew() {{\n{head}\n{SHELL}{_SWITCH}{_RELEASE}\n}}\nsitecrew </dev/null\n")

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """By what the host read again through the link after the switch."""
        said = _said(result.output, context.mark)
        problem = said.get("problem", "")
        output = "\n".join(f"{word}: {value}" for word, value in said.items())
        if result.why or (problem and not result.status) or "to" not in said:
            found = by_status(step, result, Outcome.FAILED)
            if problem:
                found = StepOutcome(
                    step=step.id,
                    outcome=Outcome.FAILED,
                    why=_problem(problem),
                    seconds=result.seconds,
                    output=output,
                )
            return found
        change = ChangeOutcome(
            item="release",
            kind=ItemKind.RELEASE,
            from_version=said.get("from", ""),
            to_version=said["to"],
            outcome=Outcome.CHANGED,
            why="; ".join(said[word] for word in ("did", "adopted", "gap") if said.get(word)),
        )
        return StepOutcome(
            step=step.id, outcome=Outcome.CHANGED, seconds=result.seconds, changes=(change,), output=output
        )


_RELEASE = r"""
# whole FOLDER: it holds exactly the files of the list, and nothing that is neither file nor folder
whole() (
  cd "$1/" && sums -c "$releases/$list" >/dev/null 2>&1 &&
    [ "$(find . -type f -print | wc -l)" -eq "$count" ] &&
    [ -z "$(find . ! -type f ! -type d -print | head -n 1)" ]
)
cd "$parent" || stop no-folder
now=nothing at=
if [ -L "$path" ]; then now=link at=$(readlink "$path"); elif [ -d "$path" ]; then now=folder; fi
[ "$now $at" = "$was $target" ] || stop "moved $at"
# left by a switch that was cut just after the folder and the link changed places
if [ -d "$path.next" ] && [ ! -L "$path.next" ]; then mv "$path.next" "$room/$adopted" || stop no-rename; fi
[ -d "$room/$part" ] || stop vanished
[ -s "$room/$list" ] || stop vanished
[ ! -e "$room/$name" ] || stop "exists $name"
whole "$releases/$part" || stop damaged
mv "$room/$part" "$room/$name" || stop no-rename
before=
case $was in
folder)
  rm -f "$path.next" && ln -s "$room/$name" "$path.next" || stop no-link
  if exchange "$path.next" "$path"; then mv "$path.next" "$room/$adopted" || stop no-rename
  elif mv "$path" "$room/$adopted"; then
    if ! swap "$path" "$room/$name"; then mv "$room/$adopted" "$path"; stop no-rename; fi
    say "gap this host cannot exchange a folder for a link in one step: for an instant there was neither"
  else rm -f "$path.next"; stop no-rename; fi
  before=$adopted
  say "adopted what was online is the release $adopted" ;;
*)
  swap "$path" "$room/$name" || { mv "$room/$name" "$room/$part"; stop no-rename; }
  before=${target%/} before=${before##*/} ;;
esac
if [ "$(readlink "$path")" != "$room/$name" ] || ! whole "$path"; then
  [ -z "$before" ] || [ ! -d "$room/$before" ] || swap "$path" "$room/$before"
  stop reread
fi
say "from $before"
say "to $name"
say "did $did"
# old releases go; never one that any link of this folder leads to, nor the one before
in_use() {
  for l in "$parent"/* "$parent"/.[!.]*; do
    [ -L "$l" ] && t=$(readlink "$l") && [ "${t##*/}" = "$1" ] && return
  done
  return 1
}
kept=0
for d in $(ls -1 "$room" | grep -E '^[0-9]{8}T[0-9]{6}Z-[0-9a-z]+$' | sort -r); do
  kept=$((kept + 1))
  [ $kept -gt "$keep" ] || continue
  if [ "$d" = "$name" ] || [ "$d" = "$before" ] || in_use "$d"; then continue; fi
  rm -rf "${room:?}/$d" "$room/.$d.sums" && say "pruned $d"
done
# what was never finished, by now forgotten
find "$room" -maxdepth 1 -name '.*.part' -mtime +7 -exec rm -rf {} + 2>/dev/null
exit 0
"""


def _said(output: str, mark: str) -> dict[str, str]:
    said: dict[str, str] = {}
    for line in output.splitlines():
        if line.startswith(f"{mark} "):
            word, _, value = line.removeprefix(f"{mark} ").partition(" ")
            said[word] = f"{said[word]}, {value}" if word == "pruned" and word in said else value
    return said


_PROBLEMS = {
    "no-folder": "the folder of the link is not there",
    "vanished": "what was sent is gone from the host; run it again",
    "damaged": "what arrived on the host is not what was sent: nothing was put online; run it again",
    "no-link": "the host could not make a link",
    "no-rename": "the host could not switch the link: nothing was put online",
    "no-release": "there is no such release on the host",
    "reread": "what is served is not what was sent: the release before was put back",
}


def _problem(word: str) -> str:
    name, _, rest = word.partition(" ")
    if name == "moved":
        return f"the site was changed meanwhile: its path leads to {sentence(rest) or 'something else'} now"
    if name == "exists":
        return f"there is a release {sentence(rest)} already, with other files in it; begin a new run"
    return _PROBLEMS.get(name, sentence(word))
