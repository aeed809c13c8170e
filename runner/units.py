"""How instants, durations, sizes and counts are written: one function for each.

On the screen, times are local. What is recorded or mailed names its zone, since others read it elsewhere.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["age", "ago", "clock", "count", "duration", "iso", "local", "size", "utc"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SOON = timedelta(minutes=5)
_SAME_DAY = timedelta(hours=12)
_KILO = 1000
_TENS = 10
"""From here on, tenths are left out."""


def local(at: datetime, *, seconds: bool = False, zone: bool = False) -> str:
    """Format an instant in local time: `2026-11-28 14:05`; with `zone`, `2026-11-28 14:05 CET`."""
    here = at.astimezone()
    text = f"{here:%Y-%m-%d %H:%M:%S}" if seconds else f"{here:%Y-%m-%d %H:%M}"
    return f"{text} {here.tzname()}" if zone else text


def utc(at: datetime) -> str:
    """Format an instant for texts that are recorded: `2026-11-28 13:05 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def clock(at: datetime, now: datetime | None = None) -> str:
    """Format a local time near `now` (default: `at`): `14:05:09` up to 5 minutes ahead, later `14:05`.

    From 12 hours ahead on, it has the date: `2026-11-28 14:05`.
    """
    here, ahead = at.astimezone(), at - (now or at)
    if ahead < _SOON:
        return f"{here:%H:%M:%S}"
    return f"{here:%H:%M}" if ahead < _SAME_DAY else local(at)


def iso(at: datetime) -> str:
    """Format an instant for JSON, as RFC 3339 in UTC: `2026-11-28T13:05:00Z`.

    Instants that were measured have milliseconds.
    """
    precision = "milliseconds" if at.microsecond else "seconds"
    return at.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def duration(length: timedelta | float | None) -> str:
    """Format a duration, a number being seconds: 0.4 s, 12 s, 3 m 05 s, 2 h 10 m, 3 d 4 h. None is empty."""
    if length is None:
        return ""
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    if round(seconds, 1) < _TENS and seconds != int(seconds):
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02} m"
    return f"{minutes} m {rest:02} s" if minutes else f"{rest} s"


def age(length: timedelta) -> str:
    """Format a duration in its largest whole unit: `2 days`, `1 hour`, `less than a minute`."""
    seconds = length.total_seconds()
    for unit, unit_seconds in (("day", _DAY), ("hour", _HOUR), ("minute", _MINUTE)):
        if seconds >= unit_seconds:
            return count(int(seconds // unit_seconds), unit)
    return "less than a minute"


def ago(at: datetime | None, now: datetime | None = None) -> str:
    """Format the time since an instant: `just now`, `5 minutes ago`, `2 days ago`. None is empty."""
    if at is None:
        return ""
    passed = (now or datetime.now(UTC)) - at
    return f"{age(passed)} ago" if passed.total_seconds() >= _MINUTE else "just now"


def size(number: float) -> str:
    """Format a number of bytes: `512 B`, `1.5 kB`, `12 MB`, `3.4 GB`. 1 kB is 1000 bytes."""
    scaled = float(number)
    for unit in ("B", "kB", "MB"):
        if round(scaled) < _KILO:
            whole = unit == "B" or round(scaled, 1) >= _TENS
            return f"{scaled:.0f} {unit}" if whole else f"{scaled:.1f} {unit}"
        scaled /= _KILO
    return f"{scaled:.1f} GB"


def count(number: int, noun: str, plural: str = "") -> str:
    """Format a number of things: `1 host`, `2 hosts`. `plural` is for nouns that do not just add an s."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
