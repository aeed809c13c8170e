"""`wordpress.cron`: named hooks run now, each in a process of its own, on every site of a network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, cast

from runner.model import Outcome, SiteKind, Step, StepOutcome
from runner.steps.base import Context, Result, Script, StepKind, by_status
from runner.steps.wordpress.fatal import fatal_error
from runner.steps.wordpress.program_output import entries, marked, number, texts
from runner.steps.wordpress.shell import program, shell_source, site_script
from runner.untrusted import clean, sentence

__all__ = ["Cron", "CronOptions"]

_UPDATERS = frozenset({"wp_version_check", "wp_update_plugins", "wp_update_themes", "wp_maybe_auto_update"})
"""Hooks by which WordPress updates itself in the background, even to the next major version."""
_NAMED = 3
_RUNS = 5_000
_LINE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CronOptions:
    """What may stand below `wordpress.cron`."""

    run: tuple[str, ...] = field(
        default=(),
        metadata={"doc": "hooks to run now, by name; without any, the step only looks for overdue ones"},
    )
    due: bool = field(
        default=False,
        metadata={"doc": "of these, only the events whose time has come"},
    )
    overdue: timedelta = field(
        default=timedelta(hours=3),
        metadata={"doc": "an event that is later than this is a finding"},
    )
    on_overdue: Literal["report", "fail"] = field(
        default="report",
        metadata={"doc": "what an overdue event makes of the step: `ok` with the finding told, or `failed`"},
    )
    updates: bool = field(
        default=False,
        metadata={"doc": "allow hooks by which WordPress updates itself in the background"},
    )

    def __post_init__(self) -> None:
        if self.due and not self.run:
            raise ValueError("`due` needs hooks by name in `run`: all that is due may update WordPress")
        for hook in self.run:
            if not re.fullmatch(r"[!-~]+", hook) or hook.startswith("-"):
                raise ValueError(f"{hook!r} is not the name of a hook")
            if hook in _UPDATERS and not self.updates:
                raise ValueError(
                    f"{hook} lets WordPress update itself; write `updates: true` beside it to allow this"
                )


class Cron(StepKind):
    """Hooks are only run by name: `--due-now` of wp-cli was seen to install the next major WordPress."""

    name = "wordpress.cron"
    becomes = False
    summary = "Runs named cron hooks, and tells which scheduled events are overdue."
    options = CronOptions
    example = """\
- wordpress.cron: {run: [woocommerce_cleanup_sessions, delete_expired_transients]}
- wordpress.cron: {overdue: 6h, on_overdue: fail}
"""
    reads = "the scheduled events of the site, and of every site of a network, in one boot."
    plans = "nothing."
    changes = (
        "what the named hooks change. Each runs in a process of its own, on every site of a network that "
        'has it scheduled. There is no "all that is due": that was seen to install the next major '
        "WordPress."
    )
    understood = (
        "by what each process said at its end and its exit status. `failed` names each hook that died, "
        "ended PHP before it was through, or is scheduled nowhere; the others have run."
    )
    undone = "by nothing. Take a `backup` before hooks that delete."
    sites = frozenset({SiteKind.WORDPRESS})

    def script(self, step: Step, context: Context) -> Script:
        """One boot that looks at all sites, then one for each hook on each site that has it scheduled."""
        options = cast("CronOptions", step.options)
        data = {
            "hooks": list(options.run),
            "due": options.due,
            "overdue": int(options.overdue.total_seconds()),
            "updates": options.updates,
        }
        body = shell_source("cron", program=program("cron", context.mark, data, '"$@" ', parts=("sql",)))
        return site_script(context.site, context.host, context.mark, body)

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """By what each hook's own process said; a hook that is scheduled nowhere is a failure."""
        options = cast("CronOptions", step.options)
        if result.why:
            return by_status(step, result, Outcome.OK)
        looked = _looked(result.output, context.mark)
        if looked is None:
            return _unread(step, result, context.mark)
        runs = list(_runs(result.output, context.mark))
        failures = [f"{hook}{_where(url, looked)}: {why}" for hook, url, why in runs if why]
        failures += _not_run(options, looked, len(runs))
        late = _overdue(looked)
        bad = bool(failures) or (bool(late) and options.on_overdue == "fail")
        why = "; ".join(filter(None, [_some(failures), late]))
        return StepOutcome(
            step=step.id,
            outcome=Outcome.FAILED if bad else Outcome.OK,
            why=why,
            seconds=result.seconds,
            output=_report(runs, looked),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """A scheduled event of one site: whether it is due, and how many seconds it is late."""

    url: str
    hook: str
    due: bool = False
    behind: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """The scheduled events, as the first boot named them."""

    events: tuple[_Event, ...]
    overdue: tuple[_Event, ...]
    late: int
    sites: int


def _looked(output: str, mark: str) -> _Looked | None:
    data = next((line for line in marked(output, mark) if isinstance(line.get("events"), list)), None)
    if data is None:
        return None
    return _Looked(
        events=tuple(
            _Event(url=texts(url), hook=texts(hook), due=bool(due))
            for _, url, hook, due in _quadruples(data["events"])
        ),
        overdue=tuple(
            _Event(url=texts(url), hook=texts(hook), behind=number(behind))
            for _, url, hook, behind in _quadruples(data.get("overdue"))
        ),
        late=number(data.get("late")),
        sites=number(data.get("sites")) or 1,
    )


def _quadruples(value: object) -> list[list[object]]:
    return [entry for entry in entries(value) if isinstance(entry, list) and len(entry) == 4]  # noqa: PLR2004


def _runs(output: str, mark: str) -> Iterator[tuple[str, str, str]]:
    """Hook, site and what went wrong (empty when it went well) of each process that was begun."""
    for part in f"\n{output}".split(f"\n{mark} run ")[1:][:_RUNS]:
        first, _, text = part.partition("\n")
        site, _, hook = first[:_LINE].partition(" ")
        said = [line for line in marked(text, mark) if "hook" in line]
        last = said[-1] if said else {}
        url = texts(last.get("url")) or f"site {sentence(site, 20)}"
        why = ""
        if last.get("state") == "refused":
            why = texts(last.get("why")) or "it was refused"
        elif last.get("state") != "done":
            why = fatal_error(text) or _error_line(text) or "it ended PHP before it was through"
            status = re.search(rf"^{re.escape(mark)} ended (\d{{1,3}})$", text, re.MULTILINE)
            why += f" (exit status {status[1]})" if status else ""
        yield sentence(hook), url, why


def _error_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith("Error: ")]
    return sentence(lines[-1].removeprefix("Error: ")) if lines else ""


def _not_run(options: CronOptions, looked: _Looked, ran: int) -> list[str]:
    scheduled = {event.hook for event in looked.events}
    missing = [f"{hook}: is not scheduled" for hook in options.run if hook not in scheduled]
    wanted = sum(event.due for event in looked.events)
    return [*missing, *([f"{wanted - ran} hooks were not begun"] if ran < wanted else [])]


def _overdue(looked: _Looked) -> str:
    if not looked.overdue:
        return ""
    worst = sorted(looked.overdue, key=lambda event: -event.behind)
    named = ", ".join(
        f"{sentence(event.hook, 80)}{_where(event.url, looked)} by {event.behind // 3600} h"
        for event in worst[:_NAMED]
    )
    count = max(looked.late, len(worst))
    more = f" and {count - _NAMED} more" if count > _NAMED else ""
    return f"overdue: {named}{more}; does anything call wp-cron.php?"


def _where(url: str, looked: _Looked) -> str:
    return f" on {sentence(url, 120)}" if looked.sites > 1 else ""


def _some(reasons: Sequence[str]) -> str:
    more = f" (and {len(reasons) - _NAMED} more)" if len(reasons) > _NAMED else ""
    return "; ".join(reasons[:_NAMED]) + more


def _report(runs: Sequence[tuple[str, str, str]], looked: _Looked) -> str:
    lines = [f"{hook} on {url}: {why or 'done'}" for hook, url, why in runs]
    lines += [f"{event.hook} on {event.url}: not due" for event in looked.events if not event.due]
    lines += [f"overdue by {event.behind} s: {event.hook} on {event.url}" for event in looked.overdue]
    return clean("\n".join(lines))


def _unread(step: Step, result: Result, mark: str) -> StepOutcome:
    match = re.search(rf"^{re.escape(mark)} problem (\S+)$", result.output, re.MULTILINE)
    reason = fatal_error(result.output) or _error_line(result.output) or "it ended without a word of why"
    why = f"the host has {match[1].replace('-', ' ')}" if match else f"WordPress does not start: {reason}"
    return StepOutcome(
        step=step.id, outcome=Outcome.FAILED, why=why, seconds=result.seconds, output=clean(result.output)
    )
