"""`--list-sites` and `--list-steps`: what `plan` and `run` would select, without connecting to a host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from runner.cli.output import emit_json, say, table
from runner.cli.screen import out
from runner.cli.selection import in_rings
from runner.errors import ExitCode

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.model import Playbook, Site

__all__ = ["LISTING", "lists_only", "print_chosen"]

LISTING = frozenset({"list_sites", "list_steps"})
"""Options that only list what is selected."""


def lists_only(options: dict[str, Any]) -> bool:
    """Whether the command only lists what it would select."""
    return any(options[name] for name in LISTING)


def print_chosen(
    workspace: Workspace, book: Playbook, sites: Sequence[Site], options: dict[str, Any]
) -> ExitCode:
    """Print the selected sites, the selected steps, or both, as `options` requests."""
    document: dict[str, Any] = {"playbook": book.name}
    if options["list_sites"]:
        document["sites"] = _sites(workspace, tuple(sites), options.get("rings"))
    if options["list_steps"]:
        document["steps"] = _steps(book, sites, options["tags"])
    if options["json_"]:
        emit_json(document)
        return ExitCode.OK
    if options["list_sites"]:
        rings = ("ring",) if any(row["ring"] > 1 for row in document["sites"]) else ()
        heads = (*rings, "site", "client", "kind", "host", "url")
        table(heads, [[str(row[head]) for head in heads] for row in document["sites"]])
    if options["list_sites"] and options["list_steps"]:
        out()
    if options["list_steps"] and not document["steps"]:
        say("no step would run")
    elif options["list_steps"]:
        table(
            ("step", "kind", "tags", "sites", "name"),
            [
                (row["step"], row["kind"], ",".join(row["tags"]), str(len(row["sites"])), row["name"])
                for row in document["steps"]
            ],
        )
    return ExitCode.OK


def _sites(workspace: Workspace, sites: tuple[Site, ...], rings: str | None) -> list[dict[str, Any]]:
    return [
        {
            "site": site.name,
            "client": site.client,
            "kind": str(site.kind),
            "url": site.url,
            "host": site.host,
            "ring": number,
        }
        for number, ring in enumerate(in_rings(workspace, sites, rings), 1)
        for site in ring
    ]


def _steps(book: Playbook, sites: Sequence[Site], tags: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the steps that run on at least one of the sites, in order."""
    from runner.plan import split_playbook

    found: dict[str, list[str]] = {step.id: [] for step in book.steps}
    for site in sites:
        for step in split_playbook(book, site, tags=tags).steps:
            found[step.id].append(site.name)
    return [
        {
            "step": step.id,
            "kind": step.kind,
            "name": step.name,
            "tags": sorted(step.tags),
            "sites": found[step.id],
        }
        for step in book.steps
        if found[step.id]
    ]
