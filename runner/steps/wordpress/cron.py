"""`wordpress.cron`: run named hooks, each in its own process, on every site of a network."""

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
"""Hooks with which WordPress updates itself in the background, even to the next major version."""
_NAMED = 3
_RUNS = 5_000
_LINE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CronOptions:
    """The options of `wordpress.cron`."""

    run: tuple[str, ...] = field(
        default=(),
        metadata={"doc": "names of hooks to run; without any, the step only reports overdue events"},
    )
    due: bool = field(
        default=False,
        metadata={"doc": "run only events of these hooks that are due"},
    )
    overdue: timedelta = field(
        default=timedelta(hours=3),
        metadata={"doc": "report an event that is late by more than this"},
    )
    on_overdue: Literal["report", "fail"] = field(
        default="report",
        metadata={
            "doc": "outcome of the step if an event is overdue: `ok` with the event reported, or `failed`"
        },
    )
    updates: bool = field(
        default=False,
        metadata={"doc": "allow hooks with which WordPress updates itself in the background"},
    )

    def __post_init__(self) -> None:
        if self.due and not self.run:
            raise ValueError(
                "`due` needs the names of hooks in `run`: running everything that is due can update WordPress"
            )
        for hook in self.run:
            if not re.fullmatch(r"[!-~]+", hook) or hook.startswith("-"):
                raise ValueError(f"{hook!r} is not a valid hook name")
            if hook in _UPDATERS and not self.updates:
                raise ValueError(f"{hook} lets WordPress update itself; allow that with `updates: true`")


class Cron(StepKind):
    """Runs hooks by name only: `wp cron event run --due-now` can install the next major WordPress."""

    name = "wordpress.cron"
    becomes = False
    summary = "Runs cron hooks by name and reports overdue events."
    options = CronOptions
    example = """\
- wordpress.cron: {run: [woocommerce_cleanup_sessions, delete_expired_transients]}
- wordpress.cron: {overdue: 6h, on_overdue: fail}
"""
    reads = "the scheduled events of the site, and of every site of a network, in one boot."
    plans = "nothing."
    changes = (
        "whatever the named hooks change. Each runs in its own process, on every site of a network that has "
        "it scheduled. There is no option to run everything that is due, because that can install the next "
        "major WordPress."
    )
    understood = (
        "by the last line and the exit status of each process. `failed` names each hook that died, exited "
        "PHP early, or is not scheduled; the others have run."
    )
    undone = "never. Run a `backup` before hooks that delete data."
    sites = frozenset({SiteKind.WORDPRESS})

    def script(self, step: Step, context: Context) -> Script:
        """One boot that lists the events of all sites, then one for each hook on each site that has it."""
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
        """Judge by the output of each hook's process; a hook that is not scheduled fails the step."""
        options = cast("CronOptions", step.options)
        if result.why:
            return by_status(step, result, Outcome.OK)
        schedule = _parse_schedule(result.output, context.mark)
        if schedule is None:
            return _unread(step, result, context.mark)
        runs = list(_runs(result.output, context.mark))
        failures = [f"{hook}{_where(url, schedule)}: {why}" for hook, url, why in runs if why]
        failures += _not_run(options, schedule, len(runs))
        overdue = _overdue(schedule)
        bad = bool(failures) or (bool(overdue) and options.on_overdue == "fail")
        why = "; ".join(filter(None, [_some(failures), overdue]))
        return StepOutcome(
            step=step.id,
            outcome=Outcome.FAILED if bad else Outcome.OK,
            why=why,
            seconds=result.seconds,
            output=_report(runs, schedule),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """A scheduled event of one site: whether it is due, and by how many seconds it is late."""

    url: str
    hook: str
    due: bool = False
    behind: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Schedule:
    """The scheduled events of all sites, as listed by the first boot."""

    events: tuple[_Event, ...]
    overdue: tuple[_Event, ...]
    late: int
    sites: int


def _parse_schedule(output: str, mark: str) -> _Schedule | None:
    data = next((line for line in marked(output, mark) if isinstance(line.get("events"), list)), None)
    if data is None:
        return None
    return _Schedule(
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
    """The hook, site and error (empty if it succeeded) of each process that was started."""
    for part in f"\n{output}".split(f"\n{mark} run ")[1:][:_RUNS]:
        first, _, text = part.partition("\n")
        site, _, hook = first[:_LINE].partition(" ")
        reports = [line for line in marked(text, mark) if "hook" in line]
        last = reports[-1] if reports else {}
        url = texts(last.get("url")) or f"site {sentence(site, 20)}"
        why = ""
        if last.get("state") == "refused":
            why = texts(last.get("why")) or "it was refused"
        elif last.get("state") != "done":
            why = fatal_error(text) or _error_line(text) or "it exited PHP early"
            status = re.search(rf"^{re.escape(mark)} ended (\d{{1,3}})$", text, re.MULTILINE)
            why += f" (exit status {status[1]})" if status else ""
        yield sentence(hook), url, why


def _error_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith("Error: ")]
    return sentence(lines[-1].removeprefix("Error: ")) if lines else ""


def _not_run(options: CronOptions, schedule: _Schedule, ran: int) -> list[str]:
    scheduled = {event.hook for event in schedule.events}
    missing = [f"{hook}: not scheduled" for hook in options.run if hook not in scheduled]
    wanted = sum(event.due for event in schedule.events)
    return [*missing, *([f"{wanted - ran} hooks were not started"] if ran < wanted else [])]


def _overdue(schedule: _Schedule) -> str:
    if not schedule.overdue:
        return ""
    worst = sorted(schedule.overdue, key=lambda event: -event.behind)
    named = ", ".join(
        f"{sentence(event.hook, 80)}{_where(event.url, schedule)} by {event.behind // 3600} h"
        for event in worst[:_NAMED]
    )
    count = max(schedule.late, len(worst))
    more = f" and {count - _NAMED} more" if count > _NAMED else ""
    return f"overdue: {named}{more}; check that wp-cron.php is called"


def _where(url: str, schedule: _Schedule) -> str:
    return f" on {sentence(url, 120)}" if schedule.sites > 1 else ""


def _some(reasons: Sequence[str]) -> str:
    more = f" (and {len(reasons) - _NAMED} more)" if len(reasons) > _NAMED else ""
    return "; ".join(reasons[:_NAMED]) + more


def _report(runs: Sequence[tuple[str, str, str]], schedule: _Schedule) -> str:
    lines = [f"{hook} on {url}: {why or 'done'}" for hook, url, why in runs]
    lines += [f"{event.hook} on {event.url}: not due" for event in schedule.events if not event.due]
    lines += [f"overdue by {event.behind} s: {event.hook} on {event.url}" for event in schedule.overdue]
    return clean("\n".join(lines))


def _unread(step: Step, result: Result, mark: str) -> StepOutcome:
    match = re.search(rf"^{re.escape(mark)} problem (\S+)$", result.output, re.MULTILINE)
    reason = fatal_error(result.output) or _error_line(result.output) or "it exited without an error message"
    why = f"the host has {match[1].replace('-', ' ')}" if match else f"WordPress does not start: {reason}"
    return StepOutcome(
        step=step.id, outcome=Outcome.FAILED, why=why, seconds=result.seconds, output=clean(result.output)
    )
