"""Events of an iCalendar file (RFC 5545) as closed periods. The file is data of a stranger, with limits."""

from __future__ import annotations

import re
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from runner.load.values import Wrong
from runner.model import ClosedPeriod, DateRange, TimeRange
from runner.units import count
from runner.untrusted import sentence

if TYPE_CHECKING:
    from icalendar import Component, Event

__all__ = ["LARGEST", "closed_periods"]

LARGEST = 1024 * 1024
"""Bytes of a file."""
_MOST_EVENTS = 5_000
_MOST_PERIODS = 20_000
_MOST_REPEATS = 250_000
"""Repetitions of one event between its start and the end of the horizon."""
_HOURS = 24
_LIMIT = 5.0
"""Seconds of CPU time for a file."""
_PARSING = threading.Lock()
"""The library keeps the time zones of a file in the process."""
_DAY = timedelta(days=1)
_LONGEST = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
_TIMES = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "STATUS", "TRANSP")
"""Properties that decide when an event takes place; mistakes in others do not matter."""
_EVENT = re.compile(rb"^BEGIN:VEVENT\s*$", re.IGNORECASE | re.MULTILINE)


def closed_periods(raw: bytes, first: date, last: date) -> tuple[ClosedPeriod, ...]:
    """Return when the events of a file take place between two days, merged: whole days, then times.

    Cancelled events do not count, and neither do events with a time that are marked as free (TRANSP). Events
    of whole days always count, since calendars of holidays mark them as free.

    Raises:
        Wrong: the file is not a calendar, or is beyond a limit.
    """
    if len(raw) > LARGEST:
        raise Wrong(f"the file is larger than {LARGEST // 1024 // 1024} MiB")
    if (events := len(_EVENT.findall(raw))) > _MOST_EVENTS:
        raise Wrong(f"{count(events, 'event')}; at most {_MOST_EVENTS} are read")
    with _PARSING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _merged(_periods(raw, first, last))
        except Wrong:
            raise
        except Exception as error:  # noqa: BLE001  # whatever the libraries raise, the file is the reason
            raise Wrong(_reason(error)) from None


def _periods(raw: bytes, first: date, last: date) -> Iterator[ClosedPeriod]:
    from icalendar import Calendar
    from icalendar.timezone import tzp
    from recurring_ical_events import of

    tzp.use_default()  # forget the time zones of other files
    calendars = Calendar.from_ical(raw, multiple=True)
    if not calendars or any(each.name != "VCALENDAR" for each in calendars):
        raise Wrong("it is not an iCalendar file", "it has BEGIN:VCALENDAR ... END:VCALENDAR")
    end, started, number = datetime.combine(last + _DAY, datetime.min.time(), UTC), time.thread_time(), 0
    for calendar in calendars:
        for component in calendar.walk():
            _check(component, last)
        for series in of(calendar).series:
            if time.thread_time() - started > _LIMIT:
                raise Wrong(f"reading it takes longer than {_LIMIT:.0f} s")
            for occurrence in series.between(datetime.combine(first, datetime.min.time(), UTC), end):
                number += 1
                if number > _MOST_PERIODS:
                    raise Wrong(f"more than {_MOST_PERIODS} events until {last}")
                yield from _period(occurrence.as_component(keep_recurrence_attributes=False))


def _period(event: Event) -> Iterator[ClosedPeriod]:
    """Yield the time of an event that closes windows."""
    starts, ends = event.start, event.end
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return
    if not isinstance(starts, datetime) or not isinstance(ends, datetime):
        yield DateRange(starts, max(starts, ends - _DAY))
        return
    if str(event.get("TRANSP", "")).upper() == "TRANSPARENT" or starts >= ends:
        return
    if starts.tzinfo:
        starts, ends = starts.astimezone(UTC), ends.astimezone(UTC)
    yield TimeRange(starts, ends)


def _check(component: Component, last: date) -> None:
    """Refuse what cannot be read rightly or in a bounded time."""
    name = _name(component)
    for about, why in component.errors:
        if (about or "") in _TIMES or (not about and any(key in str(why) for key in _TIMES)):
            raise Wrong(f"{name}: {sentence(f'{about}: {why}' if about else str(why), 160)}")
    start = component.get("DTSTART")
    if component.name == "VEVENT" and (start is None or isinstance(start, list)):
        raise Wrong(f"{name}: DTSTART is missing" if start is None else f"{name}: DTSTART occurs twice")
    for key, value in component.property_items(recursive=False):
        if not isinstance(value, str | bytes) and (zone := _unknown_zone(value)):
            raise Wrong(f"{name}: {key} is in the unknown time zone {sentence(zone, 60)!r}")
    rules = component.get("RRULE", [])
    if not rules:
        component.pop("RRULE", None)
    for rule in [] if not rules else rules if isinstance(rules, list) else [rules]:
        _check_rule(rule, component, last, name)


def _unknown_zone(value: Any) -> str:
    """Return the name of a property's time zone if it is neither in the file nor known."""
    from icalendar.timezone import tzp

    zone = str(getattr(value, "params", {}).get("TZID", ""))
    return zone if zone and tzp.timezone(zone) is None else ""


def _check_rule(rule: Any, component: Component, last: date, name: str) -> None:
    """Refuse a rule that repeats more often than hourly or without end within the library."""
    frequency = str(next(iter(rule.get("FREQ", [])), "")).upper()
    if frequency not in {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}:
        raise Wrong(f"{name}: FREQ={sentence(frequency, 20)} is not read; it must be DAILY or longer")
    times = 1
    for part in ("BYHOUR", "BYMINUTE", "BYSECOND"):
        times *= max(1, len(set(rule.get(part, []))))
    start = component.get("DTSTART")
    days = (last - _day(start.dt)).days if start else 0
    if times > _HOURS or times * days > _MOST_REPEATS:
        raise Wrong(f"{name}: it repeats too often")
    months, monthdays = rule.get("BYMONTH", []), rule.get("BYMONTHDAY", [])
    longest = max((_LONGEST.get(int(month), 31) for month in months), default=31)
    if monthdays and min(map(abs, monthdays)) > longest:
        raise Wrong(f"{name}: it repeats on a day that no month has")


def _day(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


def _name(component: Component) -> str:
    about = component.get("SUMMARY") or component.get("TZID") or component.get("UID") or ""
    return f"{component.name} {sentence(str(about), 40)!r}" if about else str(component.name)


def _reason(error: Exception) -> str:
    text = sentence(str(error), 120)
    return f"it is not a valid iCalendar file: {text}" if text else "it is not a valid iCalendar file"


def _merged(periods: Iterable[ClosedPeriod]) -> tuple[ClosedPeriod, ...]:
    """Sort periods of each kind and join those that overlap or touch."""
    found = list(periods)
    days = sorted((each.first, each.last) for each in found if isinstance(each, DateRange))
    times = [each for each in found if isinstance(each, TimeRange)]
    local = sorted((each.starts, each.ends) for each in times if each.starts.tzinfo is None)
    fixed = sorted((each.starts, each.ends) for each in times if each.starts.tzinfo is not None)
    return (
        *(DateRange(*each) for each in _joined(days, _DAY)),
        *(TimeRange(*each) for each in _joined(local, timedelta(0))),
        *(TimeRange(*each) for each in _joined(fixed, timedelta(0))),
    )


def _joined(spans: list[tuple[Any, Any]], gap: timedelta) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    for first, last in spans:
        if found and first <= found[-1][1] + gap:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return found
