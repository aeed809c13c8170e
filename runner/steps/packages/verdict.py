"""What became of the packages: by what dpkg or rpm says afterwards, never by what apt or dnf printed."""

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
"""Characters of output in which a package's own complaint is looked for."""
_FIELDS = ("item", "from_version", "to_version", "action", "why", "title")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """The outcome of the packages, and what the host still wants."""

    outcome: StepOutcome
    boot: str = ""
    """The boot id under which they were changed; empty where that was not said."""
    reboot: tuple[str, ...] = ()
    """What wants a reboot."""


def plan_line(changes: Iterable[Change]) -> str:
    """The plan as one line of ASCII, for the job's own output."""
    return json.dumps([{name: getattr(change, name) for name in _FIELDS} for change in changes])


def planned(step: Step, said: Sections) -> tuple[Change, ...] | None:
    """The plan that a job was started with, as it prints it; None where that is no plan."""
    try:
        rows = json.loads(said.words.get("plan", "[]"))
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
    """The packages as the manager wants them named, each with its version."""
    named = []
    for change in changes:
        moves = change.from_version and change.from_version != change.to_version
        if change.action is Action.CHANGE and moves:
            name = change.item
            named.append(f"{name}={change.to_version}" if manager == "apt" else _nevra(name, change))
    return named


def untouched(change: Change) -> ChangeOutcome | None:
    """The outcome of what was not to be done; None for what was."""
    outcomes = {Action.HOLD: Outcome.HELD, Action.SKIP: Outcome.SKIPPED, Action.UNKNOWN: Outcome.FAILED}
    return (
        None
        if change.action is Action.CHANGE
        else ChangeOutcome.of(change, outcomes[change.action], change.why)
    )


def judge(
    step: Step, result: Result, reread: str, mark: str, changes: tuple[Change, ...] | None = None
) -> Aftermath:
    """`result` is that of the changing text, `reread` the output of the reading one behind it.

    `changes` is the plan where this process made it; a resumed run reads it in the job's own output.
    """
    said, after = Sections.of(result.output, mark), Sections.of(reread, mark)
    ended = _how_it_ended(step, result, said)
    changes = planned(step, said) if changes is None else changes
    if changes is None:
        changes, ended = (), ended or "the job did not print the plan that it was started with"
    if "after" not in after.codes:
        why = ended or "the packages could not be read again"
        outcome = {"lost": Outcome.LOST, "cancelled": Outcome.CANCELLED}.get(result.why, Outcome.FAILED)
        outcomes = tuple(untouched(c) or ChangeOutcome.of(c, outcome, why) for c in changes)
        return Aftermath(outcome=_step(step, result, outcome, why, outcomes))
    outcomes = (
        *(untouched(c) or _judge(c, said, after, ended) for c in changes),
        *_along(changes, said, after),
    )
    whole, why = _whole(outcomes, said, ended)
    if result.why == "cancelled":
        whole, why = Outcome.CANCELLED, ""
    return Aftermath(
        outcome=_step(step, result, whole, why, outcomes, _told(said, after)),
        boot=sentence(said.text("boot"), 64),
        reboot=tuple(sentence(line) for line in after.lines("reboot")),
    )


def with_reboot(outcome: StepOutcome, said: str, *, failed: bool = False) -> StepOutcome:
    """The outcome with what is to be said of the reboot."""
    why = "; ".join(filter(None, [outcome.why, said]))
    worse = Outcome.FAILED if failed else outcome.outcome
    return replace(outcome, outcome=worse, why=why)


def _nevra(name: str, change: Change) -> str:
    base, dot, architecture = name.rpartition(".")
    foreign = dot and architecture in {"i686", "i386", "x86_64", "aarch64", "noarch"}
    return f"{base}-{change.to_version}.{architecture}" if foreign else f"{name}-{change.to_version}"


def _judge(change: Change, said: Sections, after: Sections, ended: str) -> ChangeOutcome:
    done, half = installed_versions(after, "after"), unfinished(after, "after")
    message = _complaint(change.item, said)
    if change.to_version in done.get(change.item, ()) and change.item not in half:
        if message:
            return ChangeOutcome.of(change, Outcome.FAILED, f"is installed, but {message}", uncertain=True)
        return ChangeOutcome.of(change, Outcome.CHANGED, change.why)
    if change.item in half:
        why = f"is unpacked but not configured: {message or ended or 'dpkg did not get to it'}"
        return ChangeOutcome.of(change, Outcome.FAILED, why, uncertain=True)
    found = done.get(change.item, ("",))[-1]
    if not change.from_version:
        why = message or ended or "was not installed"
    elif found == change.from_version:
        why = message or (f"not done: {ended}" if ended else f"is still at {found}")
    else:
        why = f"is at {found or 'no version'} now, not at {change.to_version}"
    return ChangeOutcome.of(change, Outcome.FAILED, why, uncertain=found != change.from_version)


def _complaint(name: str, said: Sections) -> str:
    """What a package's own script said before it failed."""
    text = "\n".join(said.text(section)[-_TAIL:] for section in ("repair", "upgrade"))
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


def _along(changes: Sequence[Change], said: Sections, after: Sections) -> Iterable[ChangeOutcome]:
    """Packages that were changed without being in the plan, since others needed it."""
    before, now = installed_versions(said, "before"), installed_versions(after, "after")
    mine = {change.item for change in changes}
    for name, versions in now.items():
        old = before.get(name, ())
        if name in mine or versions == old or (not old and not _moved(said)):
            continue
        yield ChangeOutcome(
            item=name,
            kind=ItemKind.PACKAGE,
            from_version=old[-1] if old else "",
            to_version=versions[-1],
            outcome=Outcome.CHANGED,
            why="came along, since another one needs it",
            title=name,
        )


def _moved(said: Sections) -> bool:
    return "upgrade" in said.texts or "repair" in said.texts


def _whole(changes: Sequence[ChangeOutcome], said: Sections, ended: str) -> tuple[Outcome, str]:
    failed = [change for change in changes if change.outcome is Outcome.FAILED]
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return Outcome.FAILED, f"{failed[0].item}: {failed[0].why}{more}"
    services = [name for name in said.codes if name.startswith("restart:") and said.codes[name]]
    if services:
        name = services[0]
        return (
            Outcome.FAILED,
            f"{sentence(name.partition(':')[2], 80)} does not start again: {sentence(said.text(name))}",
        )
    if any(change.outcome is Outcome.CHANGED for change in changes):
        return Outcome.CHANGED, f"all is at the planned version, but {ended}" if ended else ""
    if ended:
        return Outcome.FAILED, ended
    held = [change for change in changes if change.outcome is Outcome.HELD]
    if held:
        return Outcome.HELD, held[0].why if len(held) == 1 else f"{len(held)} packages are held"
    return Outcome.OK, ""


def _how_it_ended(step: Step, result: Result, said: Sections) -> str:
    """Why the text ended badly, in words; empty when it did not."""
    if "locked" in said.words:
        seconds = cast("PackagesOptions", step.options).wait.total_seconds()
        who = sentence(said.words["locked"], 80).partition(" ")
        return (
            f"{who[2] or 'another program'} (process {who[0]}) works with the packages since {seconds:.0f} s"
        )
    if "removes" in said.words:
        return f"refused, since it would remove {sentence(said.words['removes'], 120)}"
    if result.why:
        return "cancelled" if result.why == "cancelled" else by_status(step, result, Outcome.OK).why
    if result.status == 0:
        return ""
    text = "\n".join(said.text(name) for name in ("repair", "upgrade", "autoremove"))
    errors = re.findall(r"^(?:E: |Error: )(.*)$", text, re.MULTILINE)
    return sentence(errors[0]) if errors else f"the script ended with status {result.status}"


def _told(said: Sections, after: Sections) -> str:
    """What a person wants to read of it all."""
    parts = [said.text(name) for name in ("repair", "upgrade", "autoremove") if said.text(name)]
    parts += [
        f"restarted {name.partition(':')[2]}" if said.codes[name] == 0 else said.text(name)
        for name in said.codes
        if name.startswith("restart:")
    ]
    if left := after.lines("services"):
        parts.append(f"still with replaced files: {', '.join(left)}")
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
