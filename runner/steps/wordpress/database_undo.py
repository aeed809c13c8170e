"""The database's part of a restore point: copied before a change, restored only if the files do not suffice.

One program in plain PHP (php/database.php), which never starts WordPress, and shell text around it, so that
the host can do it without the controller. It restores no more than needed: first the tables whose definition
the change altered and the options that differ, then the other tables of plugins, then everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from runner.errors import HostError
from runner.model import SiteFacts, UndoDatabase
from runner.shell import assign, word
from runner.steps.base import Context, Guard, Script
from runner.steps.wordpress.address import server_of
from runner.steps.wordpress.program_output import entries, marked, number, texts
from runner.steps.wordpress.shell import plain_program, shell_source, site_script
from runner.steps.wordpress.web_php import settling
from runner.untrusted import sentence

__all__ = [
    "STAGES",
    "DatabaseUndo",
    "count_database",
    "counted",
    "mark_database",
    "parse_database",
    "put_back_database",
    "save_database",
]

STAGES = ("schema", "tables", "all")
"""The stages of a restore: altered tables and options; plugins' other tables; everything."""

_KINDS = 40
_COMPILED = 3
"""Seconds until PHP, with its default settings, no longer runs replaced code."""
_PARTS = ("sql", "database_tables", "database_rows", "database_point", "database_undo")
_POINT = r"""
if [ -z "$SITECREW_RESTORE" ]; then
  say '{"database": "impossible", "why": "no folder outside the web root on the host for a copy"}'; exit 3
fi
SITECREW_POINT=$SITECREW_RESTORE/$tag/database SITECREW_STAGE=${stage:-all}
export SITECREW_POINT SITECREW_STAGE
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUndo:
    """The database's part of a restore point: what was copied, restored or would be lost."""

    state: str = ""
    """The last one of saved, not needed, unchanged, counted, refused, put back, impossible; or empty."""
    why: str = ""
    size: int | None = None
    """Bytes of the copy."""
    stage: str = ""
    """The last stage that was restored; empty for none."""
    tables: tuple[str, ...] = ()
    """The tables that were restored."""
    dropped: tuple[str, ...] = ()
    """The tables that the change had created."""
    options: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    """Entries of visitors and editors that are lost, by kind: posts, orders, comments, users ..."""
    at_risk: dict[str, int] = field(default_factory=dict)
    """Entries that a counted or refused restore would lose in addition."""
    left: tuple[str, ...] = ()
    """Tables that cannot be read and are not in the copy; an undo does not touch them."""

    @property
    def extent(self) -> str:
        """The restored parts as text, like `2 tables and 3 options were`; empty for nothing."""
        counts = {"table": len(self.tables) + len(self.dropped), "option": self.options}
        parts = [f"{n} {word}{'s' * (n > 1)}" for word, n in counts.items() if n]
        verb = "were" if sum(counts.values()) > 1 else "was"
        return f"{' and '.join(parts)} {verb}" if parts else ""

    def as_json(self) -> dict[str, object]:
        """The fields as the ledger stores them."""
        return asdict(self)


def counted(what: Mapping[str, int]) -> str:
    """Counts as text, like `1 order and 2 comments`; `nothing` if there are none."""
    parts = [f"{n} {kind if n > 1 else _SINGULAR.get(kind, kind)}" for kind, n in what.items()]
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]])) or "nothing"


_SINGULAR = {
    "posts": "post",
    "orders": "order",
    "comments": "comment",
    "users": "user",
    "form entries": "form entry",
    "entries": "entry",
}


def save_database(context: Context, tag: str) -> Script:
    """Copy the site's tables into the restore point.

    Exit status 1 means that the disk has no space for the copy, and nothing may be changed. If the host
    cannot make a copy, the script prints the reason and exits with 0.
    """
    return _script(context, tag, f"{_run('save', context)}\n[ $? != 1 ]")


def mark_database(context: Context, tag: str) -> Script:
    """Record what a kept change touched, so that an undo days later touches nothing else."""
    return _script(context, tag, _run("mark", context))


def count_database(context: Context, tag: str) -> Script:
    """Count what would be lost if everything were restored now."""
    return _script(context, tag, _run("count", context, later=True))


def put_back_database(
    context: Context,
    tag: str,
    *,
    guard: Guard,
    rule: UndoDatabase,
    stages: Sequence[str] = STAGES,
    look: bool = True,
    later: bool = False,
) -> Script:
    """Restore the database, stage by stage, until the guard's check finds the site healthy.

    Args:
        context: its `before` is the site at the time of the restore point.
        tag: of the restore point.
        guard: its check decides whether the site works.
        rule: what may be lost; not `never`.
        stages: the stages to go through, in order.
        look: check first, and do nothing if the site is healthy.
        later: files were just restored, maybe days after the change; touch only what the change itself
            touched, if that suffices.

    Exit status 0 means that the site works in the end, as far as its host can tell.
    """
    well = f"well() ( exec >/dev/null 2>&1\nunset -f wp\n{guard.check.text}\n)"
    put_back = f"put_back() {{\n{_run('undo', context, rule=rule, later=later)}\n}}"
    clear = f"clear() {{\n{_run('clear', context)}\n}}"
    given = assign(
        {
            "wanted": " ".join(stages),
            "looks": "1" if look else "",
            "fresh": "1" if later else "",
            "compiled": str(max(_COMPILED, settling(context.before))),
        }
    )
    return _script(context, tag, f"{given}{well}\n{put_back}\n{clear}\n{shell_source('database_restore')}")


def parse_database(text: str, mark: str) -> DatabaseUndo:
    """Parse the lines of php/database.php, in their order."""
    found = DatabaseUndo()
    for line in marked(text, mark):
        found = _with_line(found, line)
    return found


def _with_line(found: DatabaseUndo, line: Mapping[str, Any]) -> DatabaseUndo:
    state = texts(line.get("database"))
    lost = _counts(line.get("lost"))
    match state:
        case "saved":
            return replace(found, state=state, size=number(line.get("bytes")), left=_names(line.get("left")))
        case "put back":
            return replace(
                found,
                state=state,
                stage=texts(line.get("stage")),
                tables=tuple(dict.fromkeys((*found.tables, *_names(line.get("tables"))))),
                dropped=tuple(dict.fromkeys((*found.dropped, *_names(line.get("dropped"))))),
                options=found.options + number(line.get("options")),
                lost=found.lost | lost,
            )
        case "refused" | "counted":
            return replace(found, state=state, at_risk=lost)
        case "not needed" | "impossible" if found.state != "impossible":
            return replace(found, state=state, why=texts(line.get("why")))
        case "unchanged" if found.state in {"", "saved"}:
            return replace(found, state=state)
    return found


def _counts(value: object) -> dict[str, int]:
    """The count of each kind."""
    if not isinstance(value, dict):
        return {}
    return {sentence(str(kind), 40): number(count) for kind, count in list(value.items())[:_KINDS]}


def _names(value: object) -> tuple[str, ...]:
    return tuple(filter(None, map(texts, entries(value))))


def _script(context: Context, tag: str, body: str) -> Script:
    facts = _facts(context)
    content = facts.content_folder
    head = f"tag={word(tag)} content={word(content)}\n{_POINT.strip()}"
    return site_script(context.site, context.host, context.mark, f"{head}\n{body}")


def _run(do: str, context: Context, *, rule: UndoDatabase | str = "", later: bool = False) -> str:
    facts = _facts(context)
    roots = dict.fromkeys(folder.rstrip("/") for folder in (facts.root, context.site.path) if folder)
    data = {
        "do": do,
        "roots": list(roots),
        "server": server_of(context.site),
        "tables": [facts.database_name, facts.database_prefix] if facts.database_name else [],
        "rule": str(rule),
        "later": later,
    }
    return plain_program("database", context.mark, data, parts=_PARTS)


def _facts(context: Context) -> SiteFacts:
    if context.before is None:
        raise HostError("the facts of the site were not read")
    return context.before
