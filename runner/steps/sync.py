"""`files.sync`: files of the controller kept the same on the host, each replaced by one rename."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from runner.model import ChangeOutcome, ItemKind, Outcome, Site, Step, StepOutcome
from runner.shell import assign, batches, path_words, word, words
from runner.steps.base import Context, Result, Script, StepKind, Where, by_status
from runner.steps.static.pinned import PINNED
from runner.steps.static.tree import SHELL, Difference, Tree, compare_sums
from runner.steps.sync_find import clear_script, waiting
from runner.untrusted import sentence

__all__ = ["FilesSync", "SyncOptions", "SyncOrder", "inside_of", "target_of"]

SHOWN = 100
"""Files that are told one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """What may stand below `files.sync`."""

    source: str = field(
        metadata={"alias": "from", "doc": "a folder on the controller; `{site}` in it is the site's name"}
    )
    to: str = field(default=".", metadata={"doc": "a folder on the host, below the site's path"})
    outside: bool = field(
        default=False, metadata={"doc": "`to` may be an absolute path outside of the site's path"}
    )
    delete: bool = field(
        default=False, metadata={"doc": "delete what is in `to` and not in `from`; what is excluded stays"}
    )
    exclude: tuple[str, ...] = field(
        default=(), metadata={"doc": "files to leave alone: paths below the folder, or names without a slash"}
    )

    def __post_init__(self) -> None:
        if not self.source.strip() or not self.to.strip():
            raise ValueError("`from` and `to` name folders")
        if ".." in self.to.split("/"):
            raise ValueError("`to` must not climb: no `..` in it")
        if posixpath.isabs(self.to) and not self.outside:
            raise ValueError("`to` is a folder below the site's path; elsewhere only with `outside: true`")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOrder:
    """Files that wait beside their places."""

    part: str
    tree: Tree
    """What is replaced or new."""
    difference: Difference
    old: Tree


def inside_of(options: SyncOptions, site: Site) -> str:
    """The folder on the host that a sync must not leave; empty where that is the target itself."""
    return "" if options.outside else site.path


def target_of(options: SyncOptions, site: Site) -> str:
    """The folder on the host."""
    return posixpath.normpath(posixpath.join(site.path, options.to.replace("{site}", site.name)))


class FilesSync(StepKind):
    """Sends what differs, puts each file in its place by a rename, reads again."""

    name = "files.sync"
    becomes = False
    summary = "Keeps a folder on the host the same as one on the controller."
    options = SyncOptions
    example = """\
- files.sync: {from: "extras/{site}", to: downloads}
- files.sync: {from: mu-plugins, to: wp-content/mu-plugins, delete: true, exclude: ["*.md"]}
"""
    reads = (
        "the files of `from`, and those of the same names on the host, with their SHA-256 and "
        "permissions; with `delete` also the names of all others, and one that is no path below the "
        "folder is refused. Links to files inside `from` are sent as these files; other links are refused."
    )
    plans = "each file that is new, changed or to be deleted, as an item of its own."
    changes = (
        "only what differs. The files are sent into a folder that nobody else may look into, compared "
        "there, and moved to their places by one rename each: a visitor sees the old file or the new "
        "one. It keeps owner, group, mode and ACL; only whether it can be run comes with the new one. Files "
        "that are new have the mode that they have here. Nothing is written through a link that leads out "
        "of the site, also where one appears meanwhile."
    )
    understood = "by the sums that the host takes again at the end."
    undone = (
        "by nothing. Take a `backup` before, or use `static.release` where all files of a site are replaced."
    )
    where = Where.UPLOAD

    def script(self, step: Step, context: Context) -> Script:
        """Checks what waits, moves file by file, reads again."""
        order = context.prepared
        if not isinstance(order, SyncOrder):
            return Script(text="exit 3\n")
        options = cast("SyncOptions", step.options)
        removed = order.difference.removed
        values = {
            "mark": context.mark,
            "target": target_of(options, context.site),
            "inside": inside_of(options, context.site),
            "part": order.part,
        }
        body = [
            *_for_each(_folders((*order.tree, *removed)), 'guard "$f"'),
            f'( private "$part" && {compare_sums(_waiting(order.tree))} ) || stop damaged',
            *_for_each(sorted(order.tree), '[ -L "./$f" ] || [ ! -d "./$f" ] || stop "folder $f"'),
            *_for_each(sorted(order.tree), 'replaceable "./$f"'),
            *_puts(order.tree),
            *_removals(removed),
            f"enter . && {compare_sums(order.tree)} || stop reread",
            *_for_each(removed, '[ ! -e "./$f" ] || stop "undeletable $f"'),
            *(f"printf '%s\\n' {words(*batch)}" for batch in batches(_told(order))),
            f'say "done {len(order.tree)} {len(removed)}"',
        ]
        lines = "\n".join(body)
        text = f"sitecrew() {{\n{assign(values)}{SHELL}{PINNED}{_SYNC}{lines}\n}}\nsitecrew </dev/null\n"
        return Script(text=text)

    def cleanup(self, step: Step, context: Context) -> str:
        """What waited and was not put in place goes."""
        order = context.prepared
        if not isinstance(order, SyncOrder):
            return ""
        options = cast("SyncOptions", step.options)
        return clear_script(inside_of(options, context.site), target_of(options, context.site), order.part)

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """By the sums that the host took again."""
        lines = result.output.splitlines()
        said = [
            line.removeprefix(f"{context.mark} ") for line in lines if line.startswith(f"{context.mark} ")
        ]
        problem = next((word.removeprefix("problem ") for word in said if word.startswith("problem ")), "")
        if problem and not result.why:
            why = _problem(problem)
            return StepOutcome(step=step.id, outcome=Outcome.FAILED, why=why, seconds=result.seconds)
        if result.why or result.status or not any(word.startswith("done ") for word in said):
            return by_status(step, result, Outcome.FAILED)
        # a resumed run has no order in hand: it reads what its own text printed
        told = _told(context.prepared) if isinstance(context.prepared, SyncOrder) else lines
        changes = tuple(filter(None, map(_change, told)))[:SHOWN]
        return StepOutcome(
            step=step.id,
            outcome=Outcome.CHANGED,
            seconds=result.seconds,
            changes=changes,
            output="\n".join(said),
        )


_SYNC = r"""
ground "$inside" "$target" || stop no-folder
ours || stop "outside $target"
# into FOLDER: enters it, made where it is missing, or stops
into() {
  enter "$1"; code=$?
  [ $code != 1 ] || { make "$1"; code=$?; }
  case $code in 0) ;; 2) stop "swapped $1" ;; *) stop "unwritable $1" ;; esac
}
# guard FOLDER: it is no way out of the site; changes nothing
guard() {
  [ -e "$1" ] || [ -L "$1" ] || return 0
  [ -d "$1" ] || stop "file $1"
  [ -L "$1" ] || return 0
  ( cd -P "./$1" && ours ) || stop "leads-out $1"
}
# put NAME LEAF: what waits as NAME becomes the file LEAF of the working folder
put() {
  model=./$2
  if [ -L "$model" ] || [ ! -f "$model" ]; then model=.; fi
  like "$model" "$root/$part/$1" || stop "foreign $2"
  settle "$root/$part/$1" "./$2" || stop "unwritable $2"
}
# replaceable FILE: what takes its place can belong to whom it does
replaceable() { [ ! -e "$1" ] || [ -L "$1" ] || [ -O "$1" ] || [ "$(id -u)" = 0 ] || stop "foreign $f"; }
[ -d "$part" ] || stop vanished
acls=
if acls .; then acls=yes; fi
"""


def _waiting(tree: Tree) -> Tree:
    return {waiting(name): file for name, file in tree.items()}


def _for_each(names: Sequence[str], body: str) -> Iterator[str]:
    """`body` for each name as `$f`, relative to the working folder."""
    for batch in batches(names):
        yield f"for f in {words(*batch)}; do {body}; done"


def _folders(names: Sequence[str]) -> list[str]:
    """All folders above these names, those further up first."""
    found: set[str] = set()
    for name in names:
        parts = name.split("/")[:-1]
        found.update("/".join(parts[: count + 1]) for count in range(len(parts)))
    return sorted(found)


def _by_folder(names: Sequence[str]) -> Mapping[str, list[str]]:
    """Last parts of the names by their folders; `.` is the target itself."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        found.setdefault(posixpath.dirname(name) or ".", []).append(posixpath.basename(name))
    return found


def _puts(tree: Tree) -> Iterator[str]:
    """Each folder is entered and checked right before its files take their places."""
    for folder, leaves in _by_folder(tuple(tree)).items():
        yield f"into {word(folder)}"
        for leaf in leaves:
            yield f"put {words(waiting(posixpath.join(folder, leaf).removeprefix('./')), leaf)}"


def _removals(removed: Sequence[str]) -> Iterator[str]:
    """Files go, then the folders that this has emptied, the deepest first: each from within its folder."""
    for folder, leaves in _by_folder(removed).items():
        gone = " && ".join(f"rm -f {path_words(batch)}" for batch in batches(leaves))
        yield f"if enter {word(folder)}; then {gone} || stop {words('undeletable ' + folder)}; fi"
    for folder in reversed(_folders(removed)):
        above, leaf = posixpath.dirname(folder) or ".", posixpath.basename(folder)
        yield f"if enter {word(above)}; then rmdir {path_words([leaf])} 2>/dev/null; fi"


def _told(order: SyncOrder) -> list[str]:
    """A line for each change: sign, old and new word of the content, name."""
    difference = order.difference
    lines = [f"+ - {order.tree[name].sha256[:8]} {name}" for name in difference.new]
    lines += [
        f"~ {order.old[name].sha256[:8]} {order.tree[name].sha256[:8]} {name}" for name in difference.changed
    ]
    lines += [
        f"- {order.old[name].sha256[:8] if name in order.old else '-'} - {name}"
        for name in difference.removed
    ]
    if len(lines) > SHOWN:
        lines = [*lines[: SHOWN - 1], f"~ - - and {len(lines) - SHOWN + 1} more files"]
    return lines


_SIGNS = {"+": "new", "~": "", "-": "deleted"}


def _change(line: str) -> ChangeOutcome | None:
    """The change that a line of `_told` is about; None for other lines."""
    match = _TOLD.fullmatch(line)
    if match is None:
        return None
    sign, old, new, name = match.groups()
    return ChangeOutcome(
        item=sentence(name),
        kind=ItemKind.FILE,
        from_version="" if old == "-" else old,
        to_version="" if new == "-" else new,
        outcome=Outcome.CHANGED,
        why=_SIGNS[sign],
    )


_TOLD = re.compile(r"([-+~]) (-|[0-9a-f]{8}) (-|[0-9a-f]{8}) (.+)")
_PROBLEMS: Mapping[str, Callable[[str], str]] = {
    "no-folder": lambda _: "the folder is not there",
    "vanished": lambda _: "what was sent is gone from the host; run it again",
    "damaged": lambda _: "what arrived on the host is not what was sent: nothing was changed; run it again",
    "reread": lambda _: "what is on the host now is not what was sent",
    "outside": lambda name: f"leads out of the site's path: {name}",
    "leads-out": lambda name: f"{name} is a link that leads out of the site: nothing was changed",
    "swapped": lambda name: f"{name} became a link that leads out of the site while files were put in place",
    "file": lambda name: f"{name} is a file on the host and a folder here: nothing was changed",
    "folder": lambda name: f"{name} is a folder on the host and a file here: nothing was changed",
    "foreign": lambda name: (
        f"{name} belongs to another account or group, and this login cannot give files to it: not replaced"
    ),
    "unwritable": lambda name: f"the account may not write {name}",
    "undeletable": lambda name: f"the account may not delete {name}",
}


def _problem(text: str) -> str:
    verb, _, rest = text.partition(" ")
    reason = _PROBLEMS.get(verb)
    return reason(sentence(rest) or "there") if reason else sentence(text)
