"""The latest periods of reports: months, and quarters and weeks once they are typed."""

from __future__ import annotations

import time

__all__ = ["periods"]

_MONTHS = 12
_QUARTERS = 6
_WEEKS = 12
_DAY = 24 * 60 * 60


def periods(typed: str, now: float | None = None) -> dict[str, str]:
    """Return periods, the latest first: weeks after `2026-W`, quarters after `2026-Q`, else months.

    `now` is in seconds since 1970.
    """
    at = time.time() if now is None else now
    today = time.localtime(at)
    if "-W" in typed:
        days = (time.localtime(at - 7 * _DAY * number) for number in range(_WEEKS))
        return dict.fromkeys((time.strftime("%G-W%V", day) for day in days), "")
    if "-Q" in typed:
        last = today.tm_year * 4 + (today.tm_mon - 1) // 3
        return {f"{number // 4}-Q{number % 4 + 1}": "" for number in range(last, last - _QUARTERS, -1)}
    last = today.tm_year * 12 + today.tm_mon - 1
    months = [f"{number // 12}-{number % 12 + 1:02}" for number in range(last, last - _MONTHS, -1)]
    return {**dict.fromkeys(months, ""), months[0]: "this month", months[1]: "last month"}
