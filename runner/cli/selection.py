"""Find what the command line names: the playbook, the sites and their rings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from runner.cli.open_ledger import open_for_reading
from runner.cli.output import closest_hint
from runner.errors import UnknownNameError, UsageError
from runner.model import Playbook, Site, is_failed

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.record import Ledger

__all__ = ["failed_sites", "find_playbook", "in_rings", "select_sites"]


def find_playbook(
    workspace: Workspace,
    name: str,
    *,
    tags: tuple[str, ...] = (),
    skip_tags: tuple[str, ...] = (),
    start_at: str | None = None,
) -> Playbook:
    """Return the playbook called `name`, set to start at and to skip steps. A folder and `.yaml` are ignored.

    Raises:
        UnknownNameError: there is no such playbook, no step with one of the tags, or no step `start_at`.
    """
    stem = PurePath(name).stem if name.endswith((".yaml", ".yml")) else name
    if stem not in workspace.playbooks:
        raise UnknownNameError(f"there is no playbook {name!r}", hint=closest_hint(stem, workspace.playbooks))
    book = workspace.playbooks[stem]
    known = sorted({tag for step in book.steps for tag in step.tags})
    for tag in (*tags, *skip_tags):
        if tag not in known:
            hint = (
                closest_hint(tag, known) or "its steps have no tags; to select sites by tag, use -l tag:NAME"
            )
            raise UnknownNameError(f"no step of {book.name} has the tag {tag!r}", hint=hint)
    return replace(
        book,
        skip_tags=tuple(sorted(set(skip_tags))),
        start_at=_step_id(book, start_at) if start_at else book.start_at,
    )


def _step_id(book: Playbook, name: str) -> str:
    """Return the id of the step with this id or name."""
    for step in book.steps:
        if name in {step.id, step.name}:
            return step.id
    raise UnknownNameError(
        f"{book.name} has no step {name!r}", hint=closest_hint(name, [step.id for step in book.steps])
    )


def select_sites(workspace: Workspace, limit: tuple[str, ...], exclude: tuple[str, ...]) -> tuple[Site, ...]:
    """Return the sites that match --limit and --exclude. `@failed` is read from the ledger.

    Raises:
        UsageError: no site matches.
    """
    from runner.plan import select

    failed: tuple[str, ...] = ()
    if "@failed" in {*limit, *exclude}:
        failed = failed_sites(open_for_reading(workspace))
    if limit and not any(term.strip(" ,") for term in limit):
        raise UsageError("-l names no site", hint="leave it out for all sites; see: sitecrew list sites")
    sites = select(workspace.inventory, limit, exclude, failed=failed)
    if not sites and "@failed" in limit and not failed:
        raise UsageError(
            "no site failed, was unreachable, lost or undone in the last run", hint="see: sitecrew show"
        )
    if not sites:
        raise UsageError("no site is selected", hint="see: sitecrew list sites")
    return sites


def in_rings(
    workspace: Workspace, sites: tuple[Site, ...], selectors: str | None
) -> tuple[tuple[Site, ...], ...]:
    """Group the sites into rings: by `--rings`, else by `policy.rings.order`, else into one ring."""
    from runner.plan import rings, select

    if selectors is None:
        return rings(sites, workspace.settings.policy.ring_order)
    order = [selector.strip() for selector in selectors.split(",") if selector.strip()]
    if not order:
        raise UsageError("--rings names no ring", hint="for example: --rings tag:ring-0,tag:ring-1,all")
    select(workspace.inventory, order)
    return rings(sites, order)


def failed_sites(ledger: Ledger) -> tuple[str, ...]:
    """Return the sites that were failed, lost, unreachable or undone at the end of the last run.

    Commands of `sitecrew exec` do not count, so that one can examine the sites before they are run again.
    """
    last = ledger.runs.last_of_playbook()
    undo = any(act.act == "undo" for act in ledger.acts.list(last, limit=1))
    return tuple(row.site for row in ledger.sites.list(last) if is_failed(row.outcome, undo=undo))
