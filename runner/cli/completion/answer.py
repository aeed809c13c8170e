"""Answer a shell that asks for completions. The scripts next to this file ask through the environment.

The first line is `words`, `unfinished` (no space after the word), `files` or `folders`. The others are the
completions: in bash the words, in zsh and fish each with a description.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from runner.cli.completion.calendar import periods
from runner.cli.completion.line import Wanted, split, wanted
from runner.cli.completion.pages import docs_pages
from runner.cli.completion.workspace import find_folder, ledger_file, names_of

__all__ = ["VARIABLE", "answer", "completions"]

VARIABLE = "_SITECREW_COMPLETE"
"""Environment variable with the name of the shell that asks."""
_TABLE = "table.json"
_FIELDS = ("client", "tag", "host", "group", "kind")
_KINDS = ("wordpress", "static")
_LONGEST = 60
"""Characters of a description."""


def answer() -> None:
    """Print the completions for the command line in the environment; nothing if they cannot be found."""
    shell = os.environ.get(VARIABLE, "")
    line = os.environ.get("_SITECREW_LINE", "")
    with suppress(Exception):
        kind, found = completions(line)
        lines = [kind, *_formatted(shell, line, found)]
        sys.stdout.buffer.write("\n".join(lines).encode() + b"\n")


def completions(line: str) -> tuple[str, dict[str, str]]:
    """Return the first line of the answer, and the completions with their descriptions."""
    with open(os.path.join(os.path.dirname(__file__), _TABLE), encoding="utf-8") as text:  # noqa: PTH118, PTH120, PTH123
        table = json.load(text)
    words, word = split(line)
    asked = wanted(table, words, word)
    if asked is None:
        return "words", {}
    if asked.kind in ("file", "folder"):  # it may be a list
        return f"{asked.kind}s", {}
    found = {
        asked.before + name: about
        for name, about in _candidates(asked, table).items()
        if name.startswith(asked.word) and name
    }
    return "unfinished" if all(name.endswith(":") for name in found) else "words", found


def _candidates(asked: Wanted, table: dict[str, Any]) -> dict[str, str]:
    if isinstance(asked.kind, list):
        return dict.fromkeys(asked.kind, "")
    if asked.kind == "command":
        return {name: node["help"] for name, node in asked.node["commands"].items()}
    if asked.kind == "option":
        return {names[-1]: about for names, _, about in asked.node.get("options", ())}
    build = _BY_KIND.get(asked.kind)
    return build(asked, table) if build else {}


def _folder(asked: Wanted) -> str | None:
    return find_folder(next(iter(asked.options.get("-w", ())), None))


def _names(asked: Wanted, table: dict[str, Any]) -> dict[str, Any]:
    """Return the names of the workspace, with the shipped playbooks."""
    if not (folder := _folder(asked)):
        return {}
    names = names_of(folder)
    return {**names, **{kind: {**table["shipped"][kind], **names[kind]} for kind in table["shipped"]}}


def _of_workspace(kind: str) -> Callable[[Wanted, dict[str, Any]], dict[str, str]]:
    return lambda asked, table: dict(_names(asked, table).get(kind, {}))


def _of_playbook(kind: str) -> Callable[[Wanted, dict[str, Any]], dict[str, str]]:
    """Return what the playbook among the arguments has, else what all have."""

    def found(asked: Wanted, table: dict[str, Any]) -> dict[str, str]:
        by_playbook = _names(asked, table).get(kind, {})
        chosen = [name for name in asked.arguments if name in by_playbook] or list(by_playbook)
        return dict.fromkeys(sorted({name for book in chosen for name in by_playbook[book]}), "")

    return found


def _of_ledger(read: str) -> Callable[[Wanted, dict[str, Any]], dict[str, str]]:
    def found(asked: Wanted, _: dict[str, Any]) -> dict[str, str]:
        from runner.cli.completion import ledger

        folder = _folder(asked)
        file = ledger_file(folder) if folder else None
        return getattr(ledger, read)(file) if file else {}

    return found


def _held_items(asked: Wanted, _: dict[str, Any]) -> dict[str, str]:
    """Return the items that are held, on the sites that -l names."""
    from runner.cli.completion import ledger

    folder = _folder(asked)
    file = ledger_file(folder) if folder else None
    limits = [name for text in asked.options.get("-l", ()) for name in text.split(",")]
    return ledger.held_items(file, limits) if file else {}


def _openings(asked: Wanted, table: dict[str, Any]) -> dict[str, str]:
    """Return the planned runs that can be answered, then the windows."""
    return _of_ledger("planned_runs")(asked, table) | dict(_names(asked, table).get("window", {}))


def _selectors(asked: Wanted, table: dict[str, Any]) -> dict[str, str]:
    """Return selectors; after a comma or `!` those of the last part."""
    at = max(asked.word.rfind(","), asked.word.rfind("!")) + 1
    before, last = asked.word[:at], asked.word[at:]
    field, colon, _ = last.partition(":")
    names = _names(asked, table)
    if colon:
        known = dict.fromkeys(_KINDS, "") if field == "kind" else names.get(field, {})
        return {f"{before}{field}:{name}": about for name, about in known.items() if field in _FIELDS}
    fields = {f"{one}:": f"sites by {one}" for one in _FIELDS if one == "kind" or names.get(one)}
    others = {"all": "all sites", "@failed": "sites that failed in the last run"}
    return {before + name: about for name, about in {**names.get("site", {}), **fields, **others}.items()}


_BY_KIND: dict[str, Callable[[Wanted, dict[str, Any]], dict[str, str]]] = {
    **{kind: _of_workspace(kind) for kind in ("site", "client", "host", "playbook", "window")},
    "tag": _of_playbook("tags"),
    "step": _of_playbook("steps"),
    "selector": _selectors,
    "run": _of_ledger("runs"),
    "opening": _openings,
    "period": lambda asked, _: periods(asked.word),
    "page": lambda *_: docs_pages(),
    "held item": _held_items,
    "item": _of_ledger("changed_items"),
}


def _formatted(shell: str, line: str, found: dict[str, str]) -> Iterator[str]:
    """Yield a line for each completion, as the script of the shell reads it."""
    hidden = _before_break(line) if shell == "bash" else 0
    for name, about in found.items():
        plain = "".join(c if c.isprintable() else " " for c in about[:_LONGEST])
        if shell == "bash":
            yield name[hidden:]
        elif shell == "zsh":
            yield name.replace("\\", "\\\\").replace(":", "\\:") + (f":{plain}" if plain else "")
        else:
            yield f"{name}\t{plain}" if plain else name


def _before_break(line: str) -> int:
    """Return how many characters of the last word bash has split off, at a colon for example."""
    breaks = set(os.environ.get("_SITECREW_BREAKS", "")) & set(":=@")
    _, word = split(line)
    return max((word.rfind(one) for one in breaks), default=-1) + 1
