"""The live view as text: a row per site in progress and a summary, fitted to a terminal; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.cells import cell_len, set_cell_size

from runner.cli.output import outcome_text
from runner.cli.progress.state import Goal, RunProgress, SiteProgress
from runner.cli.progress.texts import doing, time_left
from runner.cli.screen import cell, style
from runner.model import Outcome, Phase
from runner.units import clock, duration, size

__all__ = ["frame", "shorten", "site_text", "summary"]

_ABOVE = 4
"""Rows that are left to the lines above the view."""
_NAMES = 0.3
"""Share of the width that names of sites may take; steps may take as much."""
_SHORTEST = 12
_ELAPSED = 8
_GAP = "  "
_BAD = (Outcome.FAILED, Outcome.UNREACHABLE, Outcome.LOST, Outcome.UNDONE, Outcome.CANCELLED, Outcome.MISSED)
_WARNING = frozenset({Phase.ROLLING_BACK, Phase.UNDOING})


def frame(run: RunProgress, now: datetime, columns: int, rows: int) -> list[str]:
    """Return the lines of the view, at most `rows` - 4 of them and each shorter than `columns`."""
    sites = list(run.running.values())
    room = max(rows - _ABOVE, 3) - 2
    shown = sites[:room] if len(sites) > room + (not run.waiting and not run.soak) else sites
    lines = list(_site_rows(shown, run.sites, now, columns - 1))
    if more := _more(len(sites) - len(shown), run, now):
        lines.append(style(shorten(more, columns - 1), dim=True))
    text = summary(run, now)
    lines.append(text if cell_len(_plain(text)) < columns else shorten(_plain(text), columns - 1))
    return lines


def summary(run: RunProgress, now: datetime) -> str:
    """Return the summary: `7 of 36 done, 2 running, 1 failed, about 12 min left`."""
    parts = [f"{run.done} of {len(run.sites)} done"]
    if run.running:
        parts.append(f"{len(run.running)} running")
    parts += [f"{run.outcomes[bad]} {outcome_text(bad)}" for bad in _BAD if run.outcomes.get(bad)]
    if (left := run.seconds_left(now)) is not None:
        parts.append(_about(left))
    if run.goal is Goal.FINISH_STARTED:
        parts.append("no others are started")
    elif run.goal is Goal.CANCEL:
        parts.append("cancelling")
    return ", ".join(parts)


def site_text(row: SiteProgress) -> str:
    """Return what is done to a site, without its name: `[2/7] backup: 412 MB at 16 MB/s, 0:31 left`."""
    return ": ".join(filter(None, (_label(row), next(_details(row)) or "still running")))


def shorten(text: str, width: int) -> str:
    """Return the text in at most `width` cells; the middle of a longer one becomes an ellipsis."""
    text = cell(text)
    if cell_len(text) <= width:
        return text
    head, tail = width // 2, max(width - width // 2 - 1, 0)
    end = text[len(text) - tail :]
    while cell_len(end) > tail:
        end = end[1:]
    return f"{set_cell_size(text, head).rstrip()}…{end}"[: max(width, 0)]


def _site_rows(
    rows: Sequence[SiteProgress], names: Sequence[str], now: datetime, width: int
) -> Iterator[str]:
    most = max(int(width * _NAMES), _SHORTEST)
    name_width = min(max(map(cell_len, names), default=0), most)
    label_width = min(max((cell_len(_label(row)) for row in rows), default=0), most + 4)
    left = width - name_width - label_width - _ELAPSED - 3 * len(_GAP)
    for row in rows:
        elapsed = duration(max((now - row.since).total_seconds(), 0))
        name = _padded(shorten(row.site, name_width), name_width)
        label = _padded(shorten(_label(row), label_width), label_width)
        line = f"{name}{_GAP}{style(f'{elapsed:>{_ELAPSED}}', dim=True)}{_GAP}{label}"
        detail = _fitting(row, left)
        if detail and row.phase in _WARNING:
            detail = style(detail, fg="yellow")
        yield f"{line}{_GAP}{detail}" if detail else line.rstrip()


def _label(row: SiteProgress) -> str:
    number = f"[{row.number}/{row.of}] " if row.of else ""
    return f"{number}{row.step}" if row.step else ""


def _fitting(row: SiteProgress, width: int) -> str:
    """Return the longest description that fits; the last one is cut."""
    details = list(_details(row))
    return next((text for text in details if cell_len(text) <= width), shorten(details[-1], max(width, 0)))


def _details(row: SiteProgress) -> Iterator[str]:
    """Yield descriptions of what is done, from the longest to the shortest."""
    transfer, phase = row.transfer, doing(row.phase, row.changes)
    if transfer is None or row.phase is None:
        yield phase
        yield str(row.phase or "")
        return
    sent, rate = size(transfer.bytes), f" at {size(transfer.rate)}/s"
    of = f" of {size(transfer.total)}" if transfer.total else ""
    left = f", {time_left(transfer.seconds_left)} left" if transfer.seconds_left is not None else ""
    yield f"{phase} {sent}{of}{rate}{left}"
    yield f"{sent}{of}{rate}{left}"
    yield f"{sent}{rate}{left}"
    yield f"{sent}{left}"
    yield sent


def _more(hidden: int, run: RunProgress, now: datetime) -> str:
    """Return the row about what has no row of its own; empty for nothing."""
    if run.soak:
        return f"soaking until {clock(run.soak.until, now)}, ring {run.soak.ring} of {run.soak.of}"
    waiting = len(run.waiting) if run.goal is Goal.END else 0
    if hidden:
        return f"... and {hidden} more running" + (f", {waiting} waiting" if waiting else "")
    return f"... and {waiting} more waiting" if waiting else ""


def _about(seconds: float) -> str:
    minutes = -(-round(seconds) // 60)
    if seconds < 60:  # noqa: PLR2004  # seconds of a minute
        return "less than 1 min left"
    hours, rest = divmod(minutes, 60)
    return f"about {hours} h {rest:02} min left" if hours else f"about {minutes} min left"


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _plain(text: str) -> str:
    import click

    return click.unstyle(text)
