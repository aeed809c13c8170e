"""Parsers for durations, times of day, dates, day rules and time zones."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from functools import lru_cache

from runner.load.text import closest, quoted
from runner.load.values import Wrong, scalar
from runner.model import DateRange, Rule, WindowDay

__all__ = [
    "WEEKDAYS",
    "announce",
    "blackout",
    "dates",
    "day",
    "day_rules",
    "days",
    "duration",
    "rule",
    "span",
    "span_from",
    "time_of_day",
    "weekday",
    "window_zone",
    "zone",
]

_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:([0-9]{1,7})d)?(?:([0-9]{1,7})h)?(?:([0-9]{1,7})m)?(?:([0-9]{1,9})s)?")
_LONGEST = timedelta(days=3660)
_LONGEST_AHEAD = timedelta(days=90)
"""How long before its start a window can be announced."""
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
"""Other years are probably mistakes, and date arithmetic can overflow."""


def duration(value: object) -> timedelta:
    """Parse a duration: `30s`, `10m`, `6h`, `7d`, `1h30m`."""
    found = scalar(value, "a duration")
    match = _DURATION.fullmatch(found)
    if not match or not found:
        raise Wrong(f"{quoted(found)} is not a duration", _duration_hint(found))
    days_, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    length = timedelta(days=days_, hours=hours, minutes=minutes, seconds=seconds)
    if length > _LONGEST:
        raise Wrong(f"{quoted(found)} is too long", "at most ten years")
    return length


def span(value: object) -> timedelta:
    """Parse a duration longer than zero."""
    length = duration(value)
    if not length:
        raise Wrong(f"{quoted(str(value))} is too short", "at least 1s")
    return length


def span_from(least: timedelta) -> Callable[[object], timedelta]:
    """Return a parser of durations that are not shorter than `least`, which is in whole days."""

    def parse(value: object) -> timedelta:
        length = duration(value)
        if length < least:
            raise Wrong(f"{quoted(str(value))} is too short", f"at least {least.days}d")
        return length

    return parse


def announce(value: object) -> timedelta:
    """Parse how long before its start a window is announced: a duration, or `never`, which is zero."""
    if value == "never":
        return timedelta(0)
    try:
        length = span(value)
    except Wrong as error:
        hint = error.hint if error.hint.startswith(("try", "add")) else "like 3d, or never"
        raise Wrong(str(error), hint) from None
    if length > _LONGEST_AHEAD:
        raise Wrong(f"{quoted(str(value))} is too long", f"at most {_LONGEST_AHEAD.days}d")
    return length


def _duration_hint(found: str) -> str:
    words = re.findall(r"([0-9]{1,7})\s*([a-z]+)", found.lower())
    whole_text = re.fullmatch(r"(?:[0-9]{1,7} ?[a-z]{1,10},? ?(?:and )?)+", " ".join(found.lower().split()))
    if words and whole_text and all(_unit(unit) for _, unit in words):
        return "try " + "".join(
            f"{int(count) * 7}d" if _unit(unit) == "w" else count + _unit(unit) for count, unit in words
        )
    if re.fullmatch(r"[0-9]{1,7}", found):
        return f"add a unit: {found}s, {found}m, {found}h or {found}d"
    return "like 30s, 10m, 6h, 7d or 1h30m"


def _unit(word: str) -> str:
    names = {"w": "weeks", "d": "days", "h": "hours hrs", "m": "minutes mins", "s": "seconds secs"}
    return next((u for u, full in names.items() if any(f.startswith(word) for f in full.split())), "")


def time_of_day(value: object) -> time:
    """Parse a time of day: `02:00`, quoted or not."""
    found = scalar(value, "a time")
    match = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", found)
    if not match:
        raise Wrong(f"{quoted(found)} is not a time of day", 'like "02:00" or "22:30"')
    return time(int(match[1]), int(match[2]))


def day(value: object) -> date:
    """Parse a date: `2027-03-01`."""
    found = scalar(value, "a date")
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", found):
        raise Wrong(f"{quoted(found)} is not a date", "year-month-day, like 2027-03-01")
    try:
        parsed = date.fromisoformat(found)
    except ValueError as error:
        raise Wrong(f"{quoted(found)} is not in the calendar", str(error)) from None
    if not _FIRST_YEAR <= parsed.year <= _LAST_YEAR:
        raise Wrong(f"{quoted(found)} is out of range", f"use a year from {_FIRST_YEAR} to {_LAST_YEAR}")
    return parsed


def days(value: object) -> DateRange:
    """Parse a day or a range of days: `2026-12-20/2027-01-02`."""
    found = scalar(value, "a date")
    first, slash, last = found.partition("/")
    start, end = day(first), day(last if slash else first)
    if end < start:
        raise Wrong(f"{quoted(found)} ends before it starts", f"try {last}/{first}")
    return DateRange(start, end)


def blackout(value: object) -> DateRange | str:
    """Parse a blackout: a day, a range of days, or the path of an iCalendar file."""
    found = scalar(value, "a date or an .ics file").strip()
    return found if found.lower().endswith(".ics") else days(found)


def dates(value: object) -> tuple[date, ...]:
    """Parse a date or a list of dates."""
    if isinstance(value, list):
        if not value:
            raise Wrong("the list is empty", "like [2026-12-02, 2027-01-13]")
        return tuple(sorted({day(entry) for entry in value}))
    return (day(value),)


WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NTH = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}


def weekday(word: str) -> int | None:
    """Parse a weekday by its name or first three letters: 0 for Monday; None for anything else."""
    for index, full in enumerate(WEEKDAYS):
        if word.lower() in {full, full[:3]}:
            return index
    return None


def day_rules(value: object) -> tuple[WindowDay, ...]:
    """Parse `daily`, a day rule, or a list of them."""
    if isinstance(value, list):
        if not value:
            raise Wrong("the list is empty", "like [monday, thursday], or daily")
        return tuple(dict.fromkeys(_day_rule(entry) for entry in value))
    return (_day_rule(value),)


def _day_rule(value: object) -> WindowDay:
    """Parse `daily`, `tuesday`, `second tuesday`, `last friday`, or a day of the month."""
    found = scalar(value, "a day")
    if found.strip().lower() == "daily":
        return WindowDay()
    if re.fullmatch(r"[0-9]{1,2}", found) and 1 <= int(found) <= 31:  # noqa: PLR2004
        return WindowDay(monthday=int(found))
    words = found.lower().split()
    index = weekday(words[-1]) if words else None
    if index is not None and len(words) == 1:
        return WindowDay(weekday=index)
    if index is not None and len(words) == 2 and words[0] in _NTH:  # noqa: PLR2004
        return WindowDay(weekday=index, nth=_NTH[words[0]])
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", found):
        raise Wrong(f"{quoted(found)} is not a day rule", f"for one date, write `date: {found}`")
    if "," in found:
        raise Wrong(f"{quoted(found)} is not a day", f"for several, write a list: [{found}]")
    hint = closest(words[-1], (*WEEKDAYS, "daily")) if words else ""
    like = "like tuesday, [monday, thursday], second tuesday, last friday, 15 or daily"
    raise Wrong(f"{quoted(found)} is not a day", hint if hint.startswith("did") else like)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    from zoneinfo import available_timezones

    return frozenset(available_timezones())


def zone(value: object) -> str:
    """Parse an IANA time zone."""
    found = scalar(value, "a time zone")
    if found not in _zones():
        hint = closest(found, _zones())
        hint = hint if hint.startswith("did") else "like Europe/Berlin"
        raise Wrong(f"{quoted(found)} is not a time zone", hint)
    return found


def window_zone(value: object) -> str:
    """Parse a time zone, or `client` for each client's own."""
    return "client" if value == "client" else zone(value)


def rule(value: object) -> Rule:
    """Parse a rule: `hold`, `at-once` or `{after: 7d}`."""
    if isinstance(value, Mapping):
        unknown = [key for key in value if key != "after"]
        if unknown or "after" not in value:
            raise Wrong(
                f"unknown key {quoted(unknown[0])}" if unknown else "the rule is empty", "{after: 7d}"
            )
        return Rule(after=duration(value["after"]))
    found = scalar(value, "hold, at-once or {after: 7d}")
    if found == "hold":
        return Rule(hold=True)
    if found == "at-once":
        return Rule()
    hint = closest(found, ("hold", "at-once"))
    like = f"try {{after: {found}}}" if _DURATION.fullmatch(found) and found else ""
    message = f"{quoted(found)} is not one of hold, at-once, {{after: 7d}}"
    raise Wrong(message, like or (hint if hint.startswith("did") else ""))
