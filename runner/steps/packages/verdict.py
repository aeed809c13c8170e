"""The outcome of an upgrade, from the versions that dpkg or rpm reports, not from what apt or dnf printed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from runner.model import Action, Change, ChangeOutcome, ItemKind, Outcome, Step, StepOutcome
from runner.steps.base import Result, by_status
from runner.steps.packages.facts import installed_versions, unfinished
from runner.steps.packages.kind import PackagesOptions
from runner.steps.packages.shell import Sections
from runner.untrusted import clean, sentence

__all__ = ["Aftermath", "arguments", "judge", "plan_line", "planned", "untouched", "with_reboot"]

_TAIL = 200_000
"""Characters at the end of the output that are searched for errors of a package."""
_FIELDS = ("item", "from_version", "to_version", "action", "why", "title")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """The outcome of an upgrade, and whether the host needs a reboot."""

    outcome: StepOutcome
    boot: str = ""
    """The boot id during the upgrade; empty if the host did not report it."""
    reboot: tuple[str, ...] = ()
    """What requires a reboot."""


def plan_line(changes: Iterable[Change]) -> str:
    """Return the plan as one line of ASCII, which the job prints."""
    return json.dumps([{name: getattr(change, name) for name in _FIELDS} for change in changes])


def planned(step: Step, sections: Sections) -> tuple[Change, ...] | None:
    """Parse the plan that a job printed; None if it is not a valid plan."""
    try:
        rows = json.loads(sections.words.get("plan", "[]"))
        return tuple(_change(step, row) for row in rows)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _change(step: Step, row: Mapping[str, str]) -> Change:
    item, old, new, action, why, title = (sentence(row[name]) for name in _FIELDS)
    return Change(
        step=step.id,
        item=item,
        kind=ItemKind.PACKAGE,
        from_version=old,
        to_version=new,
        action=Action(action),
        why=why,
        title=title,
    )


def arguments(manager: str, changes: Iterable[Change]) -> list[str]:
    """Return the packages with their versions, as arguments for the package manager."""
    named = []
    for change in changes:
        is_upgrade = change.from_version and change.from_version != change.to_version
        if change.action is Action.CHANGE and is_upgrade:
            name = change.item
            named.append(f"{name}={change.to_version}" if manager == "apt" else _nevra(name, change))
    return named


def untouched(change: Change) -> ChangeOutcome | None:
    """Return the outcome of a change that is not made: held, skipped or unknown; None for other changes."""
    outcomes = {Action.HOLD: Outcome.HELD, Action.SKIP: Outcome.SKIPPED, Action.UNKNOWN: Outcome.FAILED}
    return (
        None
        if change.action is Action.CHANGE
        else ChangeOutcome.of(change, outcomes[change.action], change.why)
    )


def judge(
    step: Step, result: Result, reread: str, mark: str, changes: tuple[Change, ...] | None = None
) -> Aftermath:
    """Determine the outcome of an upgrade.

    Args:
        step: the step.
        result: the result of `change_script`.
        reread: the output of `reread_script` after it.
        mark: nonce of both scripts.
        changes: the plan; if None, as in a resumed run, the plan that the job printed is used.
    """
    output, after = Sections.of(result.output, mark), Sections.of(reread, mark)
    ended = _failure(step, result, output)
    changes = planned(step, output) if changes is None else changes
    if changes is None:
        changes, ended = (), ended or "the job did not report its plan"
    if "after" not in after.codes:
        why = ended or "cannot read the packages after the upgrade"
        outcome = {"lost": Outcome.LOST, "cancelled": Outcome.CANCELLED}.get(result.why, Outcome.FAILED)
        outcomes = tuple(untouched(c) or ChangeOutcome.of(c, outcome, why) for c in changes)
        return Aftermath(outcome=_step(step, result, outcome, why, outcomes))
    outcomes = (
        *(untouched(c) or _judge(c, output, after, ended) for c in changes),
        *_dependencies(changes, output, after),
    )
    outcome, why = _overall(outcomes, output, ended)
    if result.why == "cancelled":
        outcome, why = Outcome.CANCELLED, ""
    return Aftermath(
        outcome=_step(step, result, outcome, why, outcomes, _summary(output, after)),
        boot=sentence(output.text("boot"), 64),
        reboot=tuple(sentence(line) for line in after.lines("reboot")),
    )


def with_reboot(outcome: StepOutcome, note: str, *, failed: bool = False) -> StepOutcome:
    """Return the outcome with a note about the reboot added to its reason."""
    why = "; ".join(filter(None, [outcome.why, note]))
    worse = Outcome.FAILED if failed else outcome.outcome
    return replace(outcome, outcome=worse, why=why)


def _nevra(name: str, change: Change) -> str:
    base, dot, architecture = name.rpartition(".")
    foreign = dot and architecture in {"i686", "i386", "x86_64", "aarch64", "noarch"}
    return f"{base}-{change.to_version}.{architecture}" if foreign else f"{name}-{change.to_version}"


def _judge(change: Change, output: Sections, after: Sections, ended: str) -> ChangeOutcome:
    """Determine the outcome of one package. `ended` is why the upgrade failed, or empty."""
    done, half = installed_versions(after, "after"), unfinished(after, "after")
    message = _package_error(change.item, output)
    if change.to_version in done.get(change.item, ()) and change.item not in half:
        if message:
            return ChangeOutcome.of(change, Outcome.FAILED, f"is installed, but {message}", uncertain=True)
        return ChangeOutcome.of(change, Outcome.CHANGED, change.why)
    if change.item in half:
        why = ": ".join(filter(None, ["is unpacked but not configured", message or ended]))
        return ChangeOutcome.of(change, Outcome.FAILED, why, uncertain=True)
    found = done.get(change.item, ("",))[-1]
    if not change.from_version:
        why = message or ended or "was not installed"
    elif found == change.from_version:
        why = message or (f"not upgraded: {ended}" if ended else f"is still at {found}")
    else:
        why = f"is at {found or 'no version'}, not at the planned {change.to_version}"
    return ChangeOutcome.of(change, Outcome.FAILED, why, uncertain=found != change.from_version)


def _package_error(name: str, output: Sections) -> str:
    """Return the error of a package's maintainer script; empty if it did not fail."""
    text = "\n".join(output.text(section)[-_TAIL:] for section in ("repair", "upgrade"))
    bare = re.escape(re.split(r"[:.](?=\w+$)", name)[0] if ":" in name else name)
    if match := re.search(
        rf"^dpkg: error processing (?:package|archive) {bare}\S* \(.*\):\n (.*)$", text, re.MULTILINE
    ):
        before = text[: match.start()].rstrip().rpartition("\n")[2]
        mine = "" if re.match(r"(Setting up|Preparing|Unpacking|dpkg|Selecting|\()", before) else before
        return sentence(re.sub(r"^installed \S+ package ", "its ", match[1]) + (f" ({mine})" if mine else ""))
    if scriptlet := re.search(rf"^Error in (\w+) scriptlet in rpm package {bare}$", text, re.MULTILINE):
        errors = (line for line in text.splitlines() if line.startswith("error: "))
        own = next((line for line in errors if f"({name}-" in line or f"{name}: " in line), "")
        detail = own.rpartition("]:")[2] or own
        return sentence(f"its script {scriptlet[1]} failed" + (f" ({detail})" if detail else ""))
    return ""


def _dependencies(changes: Sequence[Change], output: Sections, after: Sections) -> Iterable[ChangeOutcome]:
    """Return the packages that were changed as dependencies, without being in the plan."""
    before, now = installed_versions(output, "before"), installed_versions(after, "after")
    in_plan = {change.item for change in changes}
    for name, versions in now.items():
        old = before.get(name, ())
        if name in in_plan or versions == old or (not old and not _has_run(output)):
            continue
        yield ChangeOutcome(
            item=name,
            kind=ItemKind.PACKAGE,
            from_version=old[-1] if old else "",
            to_version=versions[-1],
            outcome=Outcome.CHANGED,
            why="needed by another package",
            title=name,
        )


def _has_run(output: Sections) -> bool:
    return "upgrade" in output.texts or "repair" in output.texts


def _overall(changes: Sequence[ChangeOutcome], output: Sections, ended: str) -> tuple[Outcome, str]:
    """Return the outcome of the step and its reason."""
    failed = [change for change in changes if change.outcome is Outcome.FAILED]
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return Outcome.FAILED, f"{failed[0].item}: {failed[0].why}{more}"
    services = [name for name in output.codes if name.startswith("restart:") and output.codes[name]]
    if services:
        name = services[0]
        return (
            Outcome.FAILED,
            f"{sentence(name.partition(':')[2], 80)} failed to restart: {sentence(output.text(name))}",
        )
    if any(change.outcome is Outcome.CHANGED for change in changes):
        return Outcome.CHANGED, f"all packages are at the planned version, but {ended}" if ended else ""
    if ended:
        return Outcome.FAILED, ended
    held = [change for change in changes if change.outcome is Outcome.HELD]
    if held:
        return Outcome.HELD, held[0].why if len(held) == 1 else f"{len(held)} packages are held"
    return Outcome.OK, ""


def _failure(step: Step, result: Result, output: Sections) -> str:
    """Return why the upgrade failed; empty if it did not."""
    if "locked" in output.words:
        seconds = cast("PackagesOptions", step.options).wait.total_seconds()
        who = sentence(output.words["locked"], 80).partition(" ")
        return (
            f"another package manager was still running after {seconds:.0f} s: "
            f"{who[2] or 'unknown'} (process {who[0]})"
        )
    if "removes" in output.words:
        return f"not started: the upgrade would remove {sentence(output.words['removes'], 120)}"
    if result.why:
        return "cancelled" if result.why == "cancelled" else by_status(step, result, Outcome.OK).why
    if result.status == 0:
        return ""
    text = "\n".join(output.text(name) for name in ("repair", "upgrade", "autoremove"))
    errors = re.findall(r"^(?:E: |Error: )(.*)$", text, re.MULTILINE)
    return sentence(errors[0]) if errors else f"the script exited with status {result.status}"


def _summary(output: Sections, after: Sections) -> str:
    """Return the output that is shown and recorded."""
    parts = [output.text(name) for name in ("repair", "upgrade", "autoremove") if output.text(name)]
    parts += [
        f"restarted {name.partition(':')[2]}" if output.codes[name] == 0 else output.text(name)
        for name in output.codes
        if name.startswith("restart:")
    ]
    if left := after.lines("services"):
        parts.append(f"still using replaced files: {', '.join(left)}")
    return clean("\n".join(parts))


def _step(  # noqa: PLR0917
    step: Step,
    result: Result,
    outcome: Outcome,
    why: str,
    changes: tuple[ChangeOutcome, ...],
    output: str = "",
) -> StepOutcome:
    return StepOutcome(
        step=step.id, outcome=outcome, why=why, seconds=result.seconds, changes=changes, output=output
    )
