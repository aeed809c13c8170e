"""`files.sync`: keeps a folder on the host the same as one on the controller, file by file."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from runner.model import ChangeOutcome, ItemKind, Outcome, Site, Step, StepOutcome
from runner.shell import assign, batches, path_words, word, words
from runner.steps.base import Context, Result, Script, StepKind, Where, by_status
from runner.steps.sources import shell_source
from runner.steps.static.pinned import PINNED
from runner.steps.static.tree import SHELL, Difference, Tree, compare_sums
from runner.steps.sync_find import clear_script, waiting
from runner.untrusted import sentence

__all__ = ["FilesSync", "SyncOptions", "SyncOrder", "inside_of", "target_of"]

SHOWN = 100
"""Changed files that are recorded one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """Options of `files.sync`."""

    source: str = field(
        metadata={
            "alias": "from",
            "doc": "a folder on the controller; `{site}` in it is replaced by the site's name",
        }
    )
    to: str = field(default=".", metadata={"doc": "a folder on the host, below the site's path"})
    outside: bool = field(
        default=False, metadata={"doc": "`to` may be an absolute path outside the site's path"}
    )
    delete: bool = field(
        default=False, metadata={"doc": "delete files in `to` that are not in `from`; excluded files stay"}
    )
    exclude: tuple[str, ...] = field(
        default=(),
        metadata={"doc": "files to ignore: paths below the folder, or names without a slash at any depth"},
    )

    def __post_init__(self) -> None:
        if not self.source.strip() or not self.to.strip():
            raise ValueError("`from` and `to` must not be empty")
        if ".." in self.to.split("/"):
            raise ValueError("`to` must not contain `..`")
        if posixpath.isabs(self.to) and not self.outside:
            raise ValueError("`to` must be a folder below the site's path unless `outside: true`")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOrder:
    """Uploaded files in the staging folder, to be moved into place."""

    part: str
    tree: Tree
    """The new and changed files."""
    difference: Difference
    old: Tree


def inside_of(options: SyncOptions, site: Site) -> str:
    """Return the folder on the host that a sync must not leave; empty if that is the target itself."""
    return "" if options.outside else site.path


def target_of(options: SyncOptions, site: Site) -> str:
    """Return the target folder on the host."""
    return posixpath.normpath(posixpath.join(site.path, options.to.replace("{site}", site.name)))


class FilesSync(StepKind):
    """Uploads what differs, renames each file into place, and compares the result."""

    name = "files.sync"
    becomes = False
    item = ItemKind.FILE
    summary = "Keeps a folder on the host the same as one on the controller."
    options = SyncOptions
    example = """\
- files.sync: {from: "extras/{site}", to: downloads}
- files.sync: {from: mu-plugins, to: wp-content/mu-plugins, delete: true, exclude: ["*.md"]}
"""
    reads = (
        "the files in `from` and the files of the same names on the host, with their SHA-256 and "
        "permissions; with `delete` also the names of all other files on the host. A name that is not a path "
        "below the folder is refused. Links to files inside `from` are uploaded as files; other links are "
        "refused."
    )
    plans = "each new, changed or deleted file as an item."
    changes = (
        "only what differs. The files are uploaded to a private folder, compared there, and moved into "
        "place by one rename each: visitors see either the old file or the new one. A replaced file keeps "
        "its owner, group, mode and ACL; only its executable bits come from the new file. New files get the "
        "mode they have on the controller. Nothing is written through a link that leads out of the site, "
        "even if the link appears during the sync."
    )
    understood = "by the checksums that the host computes after the sync."
    undone = (
        "not automatically. Run `backup` first, or use `static.release` if you replace all files of a site."
    )
    where = Where.UPLOAD

    def script(self, step: Step, context: Context) -> Script:
        """Return a script that checks the staged files, moves each into place and compares the result."""
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
            f'( private "$part" && {compare_sums(_staged(order.tree))} ) || stop damaged',
            *_for_each(sorted(order.tree), '[ -L "./$f" ] || [ ! -d "./$f" ] || stop "folder $f"'),
            *_for_each(sorted(order.tree), 'replaceable "./$f"'),
            *_puts(order.tree),
            *_removals(removed),
            f"enter . && {compare_sums(order.tree)} || stop reread",
            *_for_each(removed, '[ ! -e "./$f" ] || stop "undeletable $f"'),
            *(f"printf '%s\\n' {words(*batch)}" for batch in batches(_change_lines(order))),
            f'say "done {len(order.tree)} {len(removed)}"',
        ]
        lines = "\n".join(body)
        head = f"{assign(values)}{SHELL}{PINNED}{shell_source('runner.steps', 'sync')}"
        return Script(text=f"sitecrew() {{\n{head}{lines}\n}}\nsitecrew </dev/null\n")

    def cleanup(self, step: Step, context: Context) -> str:
        """Remove the staging folder with what is left in it."""
        order = context.prepared
        if not isinstance(order, SyncOrder):
            return ""
        options = cast("SyncOptions", step.options)
        return clear_script(inside_of(options, context.site), target_of(options, context.site), order.part)

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """Determine the outcome from the checksums after the sync."""
        lines = result.output.splitlines()
        reports = [
            line.removeprefix(f"{context.mark} ") for line in lines if line.startswith(f"{context.mark} ")
        ]
        problem = next((one.removeprefix("problem ") for one in reports if one.startswith("problem ")), "")
        if problem and not result.why:
            why = _problem(problem)
            return StepOutcome(step=step.id, outcome=Outcome.FAILED, why=why, seconds=result.seconds)
        if result.why or result.status or not any(one.startswith("done ") for one in reports):
            return by_status(step, result, Outcome.FAILED)
        # a resumed run does not have the order; it parses the lines that the script printed
        order = context.prepared
        change_lines = _change_lines(order) if isinstance(order, SyncOrder) else lines
        changes = tuple(filter(None, map(_parse_change, change_lines)))[:SHOWN]
        return StepOutcome(
            step=step.id,
            outcome=Outcome.CHANGED,
            seconds=result.seconds,
            changes=changes,
            output="\n".join(reports),
        )


def _staged(tree: Tree) -> Tree:
    return {waiting(name): file for name, file in tree.items()}


def _for_each(names: Sequence[str], body: str) -> Iterator[str]:
    """Return shell loops that run `body` for each name as `$f`, relative to the working folder."""
    for batch in batches(names):
        yield f"for f in {words(*batch)}; do {body}; done"


def _folders(names: Sequence[str]) -> list[str]:
    """Return all parent folders of the names, outer folders first."""
    found: set[str] = set()
    for name in names:
        parts = name.split("/")[:-1]
        found.update("/".join(parts[: count + 1]) for count in range(len(parts)))
    return sorted(found)


def _by_folder(names: Sequence[str]) -> Mapping[str, list[str]]:
    """Return the last parts of the names by folder; `.` is the target itself."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        found.setdefault(posixpath.dirname(name) or ".", []).append(posixpath.basename(name))
    return found


def _puts(tree: Tree) -> Iterator[str]:
    """Return shell text that enters and checks each folder right before moving its files into place."""
    for folder, leaves in _by_folder(tuple(tree)).items():
        yield f"into {word(folder)}"
        for leaf in leaves:
            yield f"put {words(waiting(posixpath.join(folder, leaf).removeprefix('./')), leaf)}"


def _removals(removed: Sequence[str]) -> Iterator[str]:
    """Return shell text that deletes files, then empty folders (deepest first), from within each parent."""
    for folder, leaves in _by_folder(removed).items():
        gone = " && ".join(f"rm -f {path_words(batch)}" for batch in batches(leaves))
        yield f"if enter {word(folder)}; then {gone} || stop {words('undeletable ' + folder)}; fi"
    for folder in reversed(_folders(removed)):
        above, leaf = posixpath.dirname(folder) or ".", posixpath.basename(folder)
        yield f"if enter {word(above)}; then rmdir {path_words([leaf])} 2>/dev/null; fi"


def _change_lines(order: SyncOrder) -> list[str]:
    """Return a line for each change: sign, first digits of the old and new SHA-256, name."""
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


def _parse_change(line: str) -> ChangeOutcome | None:
    """Parse a line of `_change_lines`; None for other lines."""
    match = _CHANGE_LINE.fullmatch(line)
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


_CHANGE_LINE = re.compile(r"([-+~]) (-|[0-9a-f]{8}) (-|[0-9a-f]{8}) (.+)")
_PROBLEMS: Mapping[str, Callable[[str], str]] = {
    "no-folder": lambda _: "the target folder does not exist",
    "vanished": lambda _: "the uploaded files are gone from the host; run it again",
    "damaged": lambda _: (
        "the uploaded files differ from those on the controller; nothing was changed; run it again"
    ),
    "reread": lambda _: "after the sync, the files on the host differ from those on the controller",
    "outside": lambda name: f"the target folder leads out of the site's path: {name}",
    "leads-out": lambda name: f"{name} is a link that leads out of the site; nothing was changed",
    "swapped": lambda name: f"{name} became a link that leads out of the site during the sync",
    "file": lambda name: f"{name} is a file on the host but a folder on the controller; nothing was changed",
    "folder": lambda name: (
        f"{name} is a folder on the host but a file on the controller; nothing was changed"
    ),
    "foreign": lambda name: (
        f"{name} was not replaced: it belongs to another account or group, which this login cannot set"
    ),
    "unwritable": lambda name: f"this login cannot write {name}",
    "undeletable": lambda name: f"this login cannot delete {name}",
}


def _problem(text: str) -> str:
    verb, _, rest = text.partition(" ")
    reason = _PROBLEMS.get(verb)
    return reason(sentence(rest) or "the folder") if reason else sentence(text)
