"""Print a plan for people: what changes on each site, what is held and why, and what to type next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from runner.cli.hints import for_workspace, retyped
from runner.cli.output import out_wrapped, say, say_commands
from runner.cli.reasons import print_reasons
from runner.cli.screen import out, style
from runner.model import Action, Change, Plan, SitePlan
from runner.plan import Forecast, about
from runner.shell import command
from runner.units import count
from runner.untrusted import few, sentence

__all__ = ["forecasts_json", "print_forecasts", "print_site", "print_totals"]

_LONGEST = 2000
_REASONS = 10
"""Columns before a reason: it starts below the name of the item."""
_NAMED = 5
"""Sites that a command names; for more it is about all of the plan."""
_WINDOWS = 3
"""Windows of which each is described."""
_COLORS = {Action.CHANGE: "green", Action.HOLD: "yellow", Action.SKIP: "bright_black", Action.UNKNOWN: "red"}


def print_site(plan: SitePlan, *, everything: bool) -> None:
    """Print the plan of a site; with `everything` also skipped items, and the reason of each change."""
    site = _cleaned(plan)
    out_wrapped(f"{style(site.site, bold=True)} ({site.client})")
    for problem in site.problems:
        out_wrapped(f"  {style('!', fg='red')} {for_workspace(problem)}", indent=4)
    for note in site.notes:
        out_wrapped(f"  {style('note:', fg='yellow')} {for_workspace(note)}", indent=4)
    unread = [] if everything else [one for one in site.changes if _is_unread(one, site)]
    shown = [one for one in site.changes if everything or one.action is not Action.SKIP]
    rows = [_cells(one, site, everything=everything) for one in shown if one not in unread]
    print_reasons(rows, margin=2, below=_REASONS)
    if unread:
        word = style(Action.UNKNOWN, fg=_COLORS[Action.UNKNOWN])
        out_wrapped(f"  {word}  {', '.join(one.item for one in unread)}", indent=4)
    if not shown and not site.problems:
        out("  no changes")


def print_totals(made: Plan, apply: str) -> None:
    """Print how many changes the plan has, and what to type. `apply` is the command that applies it."""
    changes = [change for site in made.sites for change in site.changes]
    counts = Counter(change.action for change in changes)
    fixes = sum(one.security and one.action is Action.CHANGE for one in changes)
    failing = [site.site for site in made.sites if site.problems]
    security = f" ({count(fixes, 'security fix', 'security fixes')})" if fixes else ""
    parts = [f"{counts[Action.CHANGE]} to change{security}"]
    parts += [f"{counts[Action.HOLD]} held"] if counts[Action.HOLD] else []
    parts += [f"{counts[Action.UNKNOWN]} unknown"] if counts[Action.UNKNOWN] else []
    parts += [f"{count(len(failing), 'site')} with problems"] if failing else []
    say(f"\n{', '.join(parts)}")
    few = len(failing) <= _NAMED
    doctor = command("doctor", "-l", ",".join(failing)) if few else retyped("doctor", made.playbook)
    say_commands(
        ({"to apply": apply} if counts[Action.CHANGE] else {})
        | ({"to find the cause of the problems": doctor} if failing else {})
    )


def print_forecasts(windows: Mapping[tuple[str, str], Forecast]) -> None:
    """Print how long the windows with this playbook take; of many, only those that are too short."""
    for (window, client), one in windows.items():
        if one.seconds is None or (len(windows) > _WINDOWS and not one.late):
            continue
        late = f"; likely to be late: {few(one.late, _NAMED)}" if one.late else ""
        say(f"window {window} of {client} takes about {about(one.seconds)} of {about(one.lasts)}{late}")


def forecasts_json(windows: Mapping[tuple[str, str], Forecast]) -> list[dict[str, object]]:
    """Return the entries of `windows`."""
    return [
        {
            "window": window,
            "client": client,
            "seconds": None if one.seconds is None else round(one.seconds),
            "lasts": round(one.lasts),
            "late": list(one.late),
        }
        for (window, client), one in windows.items()
    ]


def _cleaned(site: SitePlan) -> SitePlan:
    """Return the plan with the texts that come from the site cleaned for the screen."""
    changes = tuple(
        replace(
            change,
            item=sentence(change.item),
            from_version=sentence(change.from_version),
            to_version=sentence(change.to_version),
            why=sentence(change.why, _LONGEST),
            note=sentence(change.note, _LONGEST),
        )
        for change in site.changes
    )
    problems = tuple(sentence(problem, _LONGEST) for problem in site.problems)
    return replace(site, changes=changes, problems=problems)


def _is_unread(change: Change, site: SitePlan) -> bool:
    """Whether nothing is known of a step but the problem of its site."""
    return change.action is Action.UNKNOWN and change.why in site.problems and not change.note


def _cells(change: Change, site: SitePlan, *, everything: bool) -> tuple[str, str, str, str]:
    """Return the action, the item, its versions and, where it matters, the reason."""
    arrow = f"{change.from_version} -> {change.to_version}" if change.to_version else change.from_version
    why = change.why if everything or change.action is not Action.CHANGE else ""
    why = "" if why in site.problems else why
    fix = "security fix" if change.security and not why else ""
    why = for_workspace("; ".join(filter(None, (fix, why, change.note))))
    return style(change.action, fg=_COLORS[change.action]), change.item, arrow, why
