"""`files.sync`: files of the controller kept the same on the host, each replaced by one rename."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from runner.model import ChangeOutcome, ItemKind, Outcome, Site, Step, StepOutcome
from runner.shell import assign, word
from runner.steps.base import Context, Result, Script, StepKind, Where, by_status
from runner.steps.static.tree import SHELL, Difference, Tree, in_batches, quoted, sums
from runner.untrusted import sentence

__all__ = ["FilesSync", "SyncOptions", "SyncOrder", "target_of"]

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


def target_of(options: SyncOptions, site: Site) -> str:
    """The folder on the host."""
    return posixpath.normpath(posixpath.join(site.path, options.to.replace("{site}", site.name)))


class FilesSync(StepKind):
    """Sends what differs, puts each file in its place by a rename, reads again."""

    name = "files.sync"
    summary = "Keeps a folder on the host the same as one on the controller."
    options = SyncOptions
    example = """\
- files.sync: {from: "extras/{site}", to: downloads}
- files.sync: {from: mu-plugins, to: wp-content/mu-plugins, delete: true, exclude: ["*.md"]}
"""
    reads = (
        "the files of `from`, and those of the same names on the host, with their SHA-256 and "
        "permissions; with `delete` also the names of all others. Links to files inside `from` are sent "
        "as these files; other links are refused."
    )
    plans = "each file that is new, changed or to be deleted, as an item of its own."
    changes = (
        "only what differs. The files are sent into a folder that nobody else may look into, compared "
        "there, and moved to their places by one rename each: a visitor sees the old file or the new "
        "one. Nothing is written through a link that leads out of the site."
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
            "inside": "" if options.outside else context.site.path,
            "part": order.part,
        }
        head = assign(values).rstrip()
        folders = sorted({folder for name in (*order.tree, *removed) for folder in _folders(name)})
        wanted, needed = (
            sorted(order.tree),
            sorted({folder for name in order.tree for folder in _folders(name)}),
        )
        body = [
            *(f"guard {word(folder)}" for folder in folders),
            _verify("$part/files", order.tree, "damaged"),
            _each(wanted, '[ ! -d "./$f" ] || stop "folder $f"'),
            *(f"mkdir -p {quoted(batch)} || stop unwritable" for batch in in_batches(needed)),
            _each(wanted, 'mv -f "$part/files/$f" "./$f" || stop "unwritable $f"'),
            *(f"rm -f {quoted(batch)} || stop undeletable" for batch in in_batches(removed)),
            _verify(".", order.tree, "reread"),
            _each(removed, '[ ! -e "./$f" ] || stop "undeletable $f"'),
            _rmdirs(removed),
            "cat <<'SITECREW_TOLD'",
            *_told(order),
            "SITECREW_TOLD",
            f"say done {len(order.tree)} {len(removed)}",
        ]
        lines = "\n".join(line for line in body if line)
        text = f"sitecrew() {{\n{head}\n{SHELL}{_SYNC}{lines}\n}}\nsitecrew </dev/null\n"
        return Script(text=text)

    def cleanup(self, step: Step, context: Context) -> str:
        """What waited and was not put in place goes."""
        order = context.prepared
        if not isinstance(order, SyncOrder):
            return ""
        target = target_of(cast("SyncOptions", step.options), context.site)
        return f"rm -rf {word(posixpath.join(target, order.part))}"

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
        changes = tuple(_change(line) for line in lines if line[:2] in {"+ ", "~ ", "- "})
        return StepOutcome(
            step=step.id,
            outcome=Outcome.CHANGED,
            seconds=result.seconds,
            changes=changes,
            output="\n".join(said),
        )


_SYNC = r"""
cd -P "$target" 2>/dev/null || stop no-folder
root=$(pwd -P)
if [ -n "$inside" ]; then
  site=$(cd -P "$inside" && pwd -P) || stop no-folder
  case $root/ in "$site"/*) ;; *) stop "outside $target" ;; esac
else site=$root; fi
# guard FOLDER: it is no way out of the site
guard() {
  [ -e "$1" ] || [ -L "$1" ] || return 0
  [ -d "$1" ] || stop "file $1"
  [ -L "$1" ] || return 0
  case $(cd -P "$1" && pwd -P)/ in "$site"/*) ;; *) stop "leads-out $1" ;; esac
}
# verify FOLDER: the files of the list on stdin are there with these sums
verify() { ( cd "$1" && sums -c - >/dev/null 2>&1 ) }
[ -d "$part/files" ] || stop vanished
"""


def _verify(folder: str, tree: Tree, word: str) -> str:
    if not tree:
        return ""
    return f"verify \"{folder}\" <<'SITECREW_SUMS' || stop {word}\n{sums(tree).decode()}SITECREW_SUMS"


def _each(names: Sequence[str], body: str) -> str:
    if not names:
        return ""
    lines = "".join(f"{name}\n" for name in names)
    return f"while IFS= read -r f; do {body}; done <<'SITECREW_NAMES'\n{lines}SITECREW_NAMES"


def _folders(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _rmdirs(removed: tuple[str, ...]) -> str:
    """Folders that deleting has emptied go too, the deepest first."""
    folders = sorted({folder for name in removed for folder in _folders(name)}, reverse=True)
    return "\n".join(f"rmdir {quoted(batch)} 2>/dev/null" for batch in in_batches(folders))


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


def _change(line: str) -> ChangeOutcome:
    sign, old, new, name = line.split(" ", 3)
    return ChangeOutcome(
        item=sentence(name),
        kind=ItemKind.FILE,
        from_version="" if old == "-" else old,
        to_version="" if new == "-" else new,
        outcome=Outcome.CHANGED,
        why=_SIGNS[sign],
    )


_PROBLEMS = {
    "no-folder": "the folder is not there",
    "vanished": "what was sent is gone from the host; run it again",
    "damaged": "what arrived on the host is not what was sent: nothing was changed; run it again",
    "reread": "what is on the host now is not what was sent",
    "outside": "leads out of the site's path: {}",
    "leads-out": "{} is a link that leads out of the site: nothing was changed",
    "file": "{} is a file on the host and a folder here: nothing was changed",
    "folder": "{} is a folder on the host and a file here: nothing was changed",
    "unwritable": "the account may not write {}",
    "undeletable": "the account may not delete {}",
}


def _problem(text: str) -> str:
    word, _, rest = text.partition(" ")
    return _PROBLEMS.get(word, sentence(text)).format(sentence(rest) or "there")
