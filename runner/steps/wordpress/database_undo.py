"""The database's part of a restore point: kept before a change, put back only where files do not suffice.

All of it is one program in plain PHP (php/database.php) that never starts WordPress, and shell around it: the
host can do it alone. It goes as far as it must and no further: first the tables whose definition the change
has altered and the options that differ, then the other tables of plugins, then everything.
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
"""How far it goes: altered tables and options; plugins' other tables; everything."""

_KINDS = 40
_COMPILED = 3
"""Seconds until code that was replaced is no longer run, by PHP's own settings."""
_PARTS = ("sql", "database_tables", "database_rows", "database_point", "database_undo")
_POINT = r"""
if [ -z "$SITECREW_RESTORE" ]; then
  say '{"database": "impossible", "why": "the host has no folder outside the web root for it"}'; exit 3
fi
SITECREW_POINT=$SITECREW_RESTORE/$tag/database SITECREW_STAGE=${stage:-all}
export SITECREW_POINT SITECREW_STAGE
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUndo:
    """What became of a site's database in an undo."""

    state: str = ""
    """The last word: saved, not needed, unchanged, counted, refused, put back, impossible; empty for none."""
    why: str = ""
    size: int | None = None
    """Bytes of the copy."""
    stage: str = ""
    """How far it was put back; empty where it was not."""
    tables: tuple[str, ...] = ()
    """Those that were put back."""
    dropped: tuple[str, ...] = ()
    """Those that had come with the change."""
    options: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    """What visitors and editors had written into them since, by kind: posts, orders, comments, users ..."""
    at_risk: dict[str, int] = field(default_factory=dict)
    """What more would be lost by what was counted or refused."""
    left: tuple[str, ...] = ()
    """Tables that cannot be read, and are not in the copy: an undo does not touch them."""

    @property
    def extent(self) -> str:
        """What was put back, like `2 tables and 3 options were`; empty for nothing."""
        counts = {"table": len(self.tables) + len(self.dropped), "option": self.options}
        told = [f"{n} {word}{'s' * (n > 1)}" for word, n in counts.items() if n]
        verb = "were" if sum(counts.values()) > 1 else "was"
        return f"{' and '.join(told)} {verb}" if told else ""

    def as_json(self) -> dict[str, object]:
        """As the ledger keeps it."""
        return asdict(self)


def counted(what: Mapping[str, int]) -> str:
    """Like `1 order and 2 comments`; `nothing` where there is nothing."""
    told = [f"{n} {kind if n > 1 else _SINGULAR.get(kind, kind)}" for kind, n in what.items()]
    return " and ".join(filter(None, [", ".join(told[:-1]), *told[-1:]])) or "nothing"


_SINGULAR = {
    "posts": "post",
    "orders": "order",
    "comments": "comment",
    "users": "user",
    "form entries": "form entry",
    "entries": "entry",
}


def save_database(context: Context, tag: str) -> Script:
    """Copies the site's tables into the restore point.

    Exit status 1 where the disk has no room for it: then nothing must be changed. A host where it is not
    possible says why and exits with 0.
    """
    return _script(context, tag, f"{_run('save', context)}\n[ $? != 1 ]")


def mark_database(context: Context, tag: str) -> Script:
    """Notes what a change that is kept has touched, so that an undo days later touches nothing else."""
    return _script(context, tag, _run("mark", context))


def count_database(context: Context, tag: str) -> Script:
    """Says what putting everything back would lose now."""
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
    """Puts the database back, stage by stage, until the guard's check finds the site well.

    Args:
        context: its `before` is the site as it was when the restore point was made.
        tag: of the restore point.
        guard: whose check says whether the site works.
        rule: when something may be lost; `never` is not for here.
        stages: how far it may go, and where it begins.
        look: first, and do nothing where the site is well.
        later: files were put back just now, maybe days after the change; touch only what the change itself
            was seen to touch, as far as that suffices.

    Exit status 0 where the site works in the end, as far as its host can tell.
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
    """What the program said about the database, in the order in which it said it."""
    found = DatabaseUndo()
    for said in marked(text, mark):
        found = _heard(found, said)
    return found


def _heard(found: DatabaseUndo, said: Mapping[str, Any]) -> DatabaseUndo:
    state = texts(said.get("database"))
    lost = _counts(said.get("lost"))
    match state:
        case "saved":
            return replace(found, state=state, size=number(said.get("bytes")), left=_names(said.get("left")))
        case "put back":
            return replace(
                found,
                state=state,
                stage=texts(said.get("stage")),
                tables=tuple(dict.fromkeys((*found.tables, *_names(said.get("tables"))))),
                dropped=tuple(dict.fromkeys((*found.dropped, *_names(said.get("dropped"))))),
                options=found.options + number(said.get("options")),
                lost=found.lost | lost,
            )
        case "refused" | "counted":
            return replace(found, state=state, at_risk=lost)
        case "not needed" | "impossible" if found.state != "impossible":
            return replace(found, state=state, why=texts(said.get("why")))
        case "unchanged" if found.state in {"", "saved"}:
            return replace(found, state=state)
    return found


def _counts(value: object) -> dict[str, int]:
    """How many of each kind; a network names a few kinds only."""
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
    given = {
        "do": do,
        "roots": list(roots),
        "server": server_of(context.site),
        "tables": [facts.database_name, facts.database_prefix] if facts.database_name else [],
        "rule": str(rule),
        "later": later,
    }
    return plain_program("database", context.mark, given, parts=_PARTS)


def _facts(context: Context) -> SiteFacts:
    if context.before is None:
        raise HostError("the site was not read")
    return context.before
