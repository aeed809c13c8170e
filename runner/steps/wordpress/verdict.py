"""The outcome of a step, judged by the facts read afterwards, never by its output.

Our PHP programs print a line for each item, `<mark> {"item", "state", "version", "why"}`. These lines give
reasons; whether an item has changed is decided by the facts that a new process reads afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runner.model import (
    Action,
    Change,
    ChangeOutcome,
    Extension,
    ItemKind,
    Outcome,
    SiteFacts,
    Step,
    StepOutcome,
)
from runner.steps.base import Context, Result, by_status
from runner.steps.wordpress.fatal import fatal_error
from runner.steps.wordpress.findings_offer import stale, waiting
from runner.steps.wordpress.program_output import marked, texts
from runner.untrusted import clean

__all__ = ["Said", "idle", "item_lines", "on_disk", "suspects", "verdict"]


@dataclass(frozen=True, slots=True)
class Said:
    """The last line about an item: `fetched`, `refused`, `begun`, `done`, `failed` or `died`."""

    state: str = ""
    version: str = ""
    why: str = ""


def verdict(step: Step, result: Result, context: Context, family: str) -> StepOutcome:
    """The outcome of a step that ran, and of each item in its plan."""
    before, after = context.before, context.after
    planned = context.plan.of(step.id)
    if result.why == "lost":
        lost = by_status(step, result, Outcome.OK)
        changes = tuple(_unchanged(c) or ChangeOutcome.of(c, Outcome.LOST, lost.why) for c in planned)
        return StepOutcome(step=step.id, outcome=Outcome.LOST, why=lost.why, changes=changes)
    lines = item_lines(result.output, context.mark)
    ended = _bad_end(step, result)
    culprits = _culprits(context) if after else frozenset()
    changes = tuple(
        _unchanged(c) or _judge(c, after, lines.get(c.item, Said()), ended or context.after_problem, culprits)
        for c in planned
    )
    problem = "" if after is None else _site_problem(before, after, family, planned, culprits)
    outcome, why = _step_outcome(changes, problem, ended)
    if result.why == "cancelled":
        outcome, why = Outcome.CANCELLED, ""
    return StepOutcome(
        step=step.id,
        outcome=outcome,
        why=why,
        seconds=result.seconds,
        changes=changes,
        output=_without_lines(result.output, context.mark),
    )


def idle(step: Step, context: Context) -> StepOutcome:
    """The outcome of a step with nothing to run."""
    changes = tuple(filter(None, map(_unchanged, context.plan.of(step.id))))
    outcome, why = _step_outcome(changes, "", "")
    return StepOutcome(step=step.id, outcome=outcome, why=why, changes=changes)


def item_lines(output: str, mark: str) -> dict[str, Said]:
    """The last line about each item; our program's lines start with the mark."""
    found: dict[str, Said] = {}
    for data in marked(output, mark):
        if item := texts(data.get("item")):
            why = texts(data.get("why")) or found.get(item, Said()).why
            found[item] = Said(texts(data.get("state")), texts(data.get("version")), why)
    return found


def suspects(changes: Iterable[Change], text: str) -> tuple[Change, ...]:
    """The plugins and themes whose folder or file a text, such as a fatal error, contains."""
    return tuple(change for change in changes if (path := _path(change)) and path in text)


def _path(change: Change) -> str:
    if change.kind is ItemKind.THEME:
        return f"/themes/{change.item}/"
    if change.kind is not ItemKind.PLUGIN:
        return ""
    folder, slash, _ = change.file.partition("/")
    return f"/plugins/{folder}/" if slash else f"/plugins/{change.file or f'{change.item}/'}"


def _judge(
    change: Change, after: SiteFacts | None, line: Said, ended: str, culprits: frozenset[str]
) -> ChangeOutcome:
    if after is None:
        why = line.why or ended or "the site could not be read afterwards"
        return ChangeOutcome.of(change, Outcome.FAILED, why, uncertain=line.state != "refused")
    found, active = on_disk(change, after)
    uncertain = found != change.from_version
    if found is None:
        why = line.why or "is no longer there"
    elif found != change.to_version:
        why = _why_not(change, found, line, ended)
    elif change.active and not active:
        why = f"is at {found}, but no longer active"
    elif change.item in culprits:
        why = f"the site does not start with it: {after.crippled}"
    else:
        return ChangeOutcome.of(change, Outcome.CHANGED, _to_do(change, after))
    return ChangeOutcome.of(change, Outcome.FAILED, why, uncertain=uncertain)


def _to_do(change: Change, after: SiteFacts) -> str:
    """Notes on work that is left: upgrade the plugin's own tables, or replace its drop-in."""
    if change.kind is not ItemKind.PLUGIN:
        return ""
    entries = [entry for entry in after.plugins if entry.slug == change.item]
    notes = [waiting(entry.waits) for entry in entries if entry.waits]
    notes += [stale(entry.drop_in, entry.slug) for entry in entries if entry.drop_in]
    return "; ".join(notes)


def _why_not(change: Change, found: str, line: Said, ended: str) -> str:
    if line.why:
        return line.why
    if line.state == "died":
        return f"PHP exited during its update ({ended or 'without an error'})"
    if line.state in {"", "fetched", "begun"} and ended:
        return f"not done: {ended}"
    still = "still " if found == change.from_version else ""
    return f"the version on disk is {still}{found or 'none'}, not {change.to_version or 'none'}"


def on_disk(change: Change, facts: SiteFacts) -> tuple[str | None, bool]:
    """The version of a change's item on disk, None if it is missing; and whether it is active.

    A missing translation has the empty version, which an undo can restore.
    """
    if change.composer:
        return _installed(change, facts)
    if change.kind is ItemKind.CORE:
        return facts.wordpress, True
    if change.kind is ItemKind.DATABASE:
        return str(facts.database_oldest), True
    if change.kind is ItemKind.LANGUAGE:
        packs = {pack.item: pack.installed for pack in facts.translations}
        return packs.get(change.item) or "", True
    for entry in _family(facts, change.kind):
        if entry.slug == change.item or (entry.file and entry.file == change.file):
            return entry.version, entry.active
    return None, False


def _installed(change: Change, facts: SiteFacts) -> tuple[str | None, bool]:
    """The version Composer installed, None unless composer.lock has the same; and whether it is active."""
    package = next((one for one in facts.packages if one.name == change.composer), None)
    if package is None:
        return None, False
    entries = (entry for entry in _family(facts, change.kind) if entry.slug == change.item)
    active = next((entry.active for entry in entries), True)
    return package.installed if package.installed == package.version else None, active


def _site_problem(
    before: SiteFacts | None,
    after: SiteFacts,
    family: str,
    planned: tuple[Change, ...],
    culprits: frozenset[str],
) -> str:
    """A problem of the site as a whole that this step may have caused; empty for none."""
    if not any(change.action is Action.CHANGE for change in planned):
        return ""
    if after.crippled and not culprits and not (before and before.crippled):
        return f"the site no longer starts: {after.crippled}"
    if family in {"core", "database"} and set(after.databases) != {after.database_wanted}:
        return _behind(after)
    if before is None:
        return ""
    for name in ("home", "siteurl"):
        if getattr(before, name) != getattr(after, name):
            return f"{name} is now {getattr(after, name)}; it was {getattr(before, name)}"
    kind = ItemKind.THEME if family == "themes" else ItemKind.PLUGIN
    active = {entry.file for entry in _family(after, kind) if entry.active}
    changed = {change.file for change in planned}
    deactivated = [e.slug for e in _family(before, kind) if e.active and e.file not in active | changed]
    return (
        f"no longer active: {', '.join(deactivated)}"
        if deactivated and family not in {"database", "languages"}
        else ""
    )


def _behind(after: SiteFacts) -> str:
    """Which database is not at the version that the code requires; on a network, the first three sites."""
    if not after.network:
        return f"the database is at {after.database_version}, WordPress requires {after.database_wanted}"
    late = [site for site in after.network if site.database_version != after.database_wanted]
    named = ", ".join(f"{site.url} is at {site.database_version}" for site in late[:3])
    more = f" and {len(late) - 3} more" if len(late) > 3 else ""  # noqa: PLR2004
    return f"{named}{more}, WordPress requires {after.database_wanted}"


def _culprits(context: Context) -> frozenset[str]:
    """The items of the whole plan that the fatal error names."""
    crippled = context.after.crippled if context.after else ""
    changing = [change for change in context.plan.changes if change.action is Action.CHANGE]
    return frozenset(change.item for change in suspects(changing, crippled))


def _step_outcome(changes: Iterable[ChangeOutcome], problem: str, ended: str) -> tuple[Outcome, str]:
    changes = tuple(changes)
    failed = [change for change in changes if change.outcome is Outcome.FAILED]
    if problem:
        return Outcome.FAILED, problem
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return Outcome.FAILED, f"{failed[0].item}: {failed[0].why}{more}"
    if any(change.outcome is Outcome.CHANGED for change in changes):
        return Outcome.CHANGED, f"everything is at the planned version, but {ended}" if ended else ""
    held = [change for change in changes if change.outcome is Outcome.HELD]
    if held:
        return Outcome.HELD, held[0].why if len(held) == 1 else f"{len(held)} items are held"
    return Outcome.OK, ""


def _bad_end(step: Step, result: Result) -> str:
    """Why the script failed; empty if it did not."""
    if result.status == 0 and not result.why:
        return ""
    if result.why and result.why != "cancelled":
        return by_status(step, result, Outcome.OK).why
    if result.why:
        return "cancelled"
    fatal = fatal_error(result.output)
    return f"PHP died: {fatal}" if fatal else f"the script exited with status {result.status}"


def _unchanged(change: Change) -> ChangeOutcome | None:
    outcomes = {Action.HOLD: Outcome.HELD, Action.SKIP: Outcome.SKIPPED, Action.UNKNOWN: Outcome.FAILED}
    return (
        None
        if change.action is Action.CHANGE
        else ChangeOutcome.of(change, outcomes[change.action], change.why)
    )


def _family(facts: SiteFacts, kind: ItemKind) -> tuple[Extension, ...]:
    return facts.themes if kind is ItemKind.THEME else facts.plugins


def _without_lines(output: str, mark: str) -> str:
    lines: Mapping[int, str] = dict(enumerate(output.splitlines()))
    return clean("\n".join(line for line in lines.values() if not line.startswith(f"{mark} ")).strip())
