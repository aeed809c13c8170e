"""The pages about the steps, written from the registry: what each kind says of itself, and its options."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runner.load import json_schema
from runner.load.options import scalar_field
from runner.model import SiteKind
from runner.steps import StepKind, registry

__all__ = ["step_pages"]

_FOOT = "Written from the registry by `python -m runner.cli.reference docs`."
_WIDTH = 110
_INDEX = """\
# Steps

What a playbook may say, below `steps`. Each may be written bare (`- backup`), with its options
(`- backup: {include: [files]}`), and with [what every step may have](../playbooks.md) beside it: `name`,
`tags`, `when`, `timeout`, `retries`, `become`, `on_failure`.

| step | |
|---|---|
"""
_SITES = {SiteKind.WORDPRESS: "WordPress", SiteKind.STATIC: "static"}
_TYPES = {"boolean": "true or false", "integer": "number", "number": "number", "string": "text"}


def step_pages(notes: Path) -> Mapping[str, str]:
    """Markdown by file name: a page a kind, and `README.md` with all of them.

    `notes` holds what is written by hand; a page names the notes called like its kind or its family.
    """
    schemas = json_schema("playbook")["$defs"]
    titles = {path.stem: path.read_text(encoding="utf-8").partition("\n")[0] for path in notes.glob("*.md")}
    pages = {
        f"{name}.md": "\n".join([*_page(kind, schemas[name], titles), _FOOT]) + "\n"
        for name, kind in registry().items()
    }
    rows = (f"| [`{name}`]({name}.md) | {kind.summary} |" for name, kind in registry().items())
    return {"README.md": "\n".join([_INDEX + "\n".join(rows), "", _FOOT]) + "\n", **pages}


def _page(kind: StepKind, schema: Mapping[str, Any], titles: Mapping[str, str]) -> Iterator[str]:
    yield f"# {kind.name}\n"
    yield _prose(f"{kind.summary} {_where(kind)}")
    if kind.example:
        yield f"```yaml\nsteps:\n{textwrap.indent(kind.example.strip(), '  ')}\n```\n"
    yield from _options(kind, schema)
    for word in ("reads", "plans", "changes", "understood", "undone"):
        if text := getattr(kind, word):
            yield _prose(f"**{word.capitalize()}** {text}")
    related = [stem for stem in sorted(titles) if f"{kind.name}.".startswith(f"{stem}.")]
    for stem in related:
        yield f"More: [{titles[stem].lstrip('# ')}](notes/{stem}.md).\n"


def _prose(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"


def _where(kind: StepKind) -> str:
    if kind.sites == frozenset(SiteKind):
        return ""
    names = " and ".join(_SITES[site] for site in SiteKind if site in kind.sites)
    return f"Only for {names} sites; others skip it."


def _options(kind: StepKind, schema: Mapping[str, Any]) -> Iterator[str]:
    if not schema["properties"]:
        yield "It has no options.\n"
        return
    yield "| option | type | default | meaning |\n|---|---|---|---|"
    for name, told in schema["properties"].items():
        default = "required" if name in schema.get("required", ()) else _default(told)
        meaning = str(told["description"]).replace("|", "\\|")
        yield f"| `{name}` | {_type(told)} | {default} | {meaning} |"
    if short := scalar_field(kind.options):
        yield f"\n`{kind.name}: VALUE` is short for `{kind.name}: {{{short}: VALUE}}`."
    yield ""


def _type(told: Mapping[str, Any]) -> str:
    """What may stand there, in words."""
    if choices := told.get("oneOf") or told.get("anyOf"):
        return " or ".join(_type(choice) for choice in choices if choice.get("type") != "null")
    if "$ref" in told:
        return "mapping"
    if words := told.get("enum"):
        return ", ".join(f"`{word}`" for word in words)
    if told["type"] == "array":
        return f"list of {_type(told['items'])}"
    if told["type"] == "object":
        values = told["additionalProperties"]
        return f"mapping of {_type(values)}" if values else "secret"
    return "duration" if "pattern" in told else _TYPES[told["type"]]


def _default(told: Mapping[str, Any]) -> str:
    default = told.get("default")
    if default in (None, [], ""):
        return ""
    if isinstance(default, bool):
        return f"`{default}`".lower()
    return f"`[{', '.join(default)}]`" if isinstance(default, list) else f"`{default}`"
