"""Translation and formatting of numbers, dates and lists. The messages in the code are English."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from importlib.resources.abc import Traversable
from io import BytesIO
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError, dates, lists, numbers, units
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from runner.model import Period

__all__ = ["Words"]

_SMALL = 12
_WEEKDAY = re.compile("E+")
"""The weekday in a pattern of the Unicode CLDR. Some languages have no pattern with its full name."""
_MEGABYTE = 1_000_000


class Words:
    """Texts in one language, with times in one time zone.

    Args:
        language: A language tag such as `de` or `en-US`; an unknown one means English.
        timezone: IANA name of the reader's time zone.
        catalogues: Folder with one `<language>.po` per language.
    """

    def __init__(self, language: str, timezone: str, catalogues: Traversable) -> None:
        self.locale = _locale(language)
        self.zone = ZoneInfo(timezone)
        self.catalogue = _catalogue(catalogues / f"{self.locale.language}.po")
        if not self.catalogue.files:
            self.locale = _locale(language if self.locale.language == "en" else "en")

    @property
    def tag(self) -> str:
        """The tag of the language in use, for HTML and mail headers."""
        return str(self.locale.language)

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return str(self.locale.text_direction)

    def say(self, message: str, **values: str) -> str:
        """Translate a message and fill in its `{names}`."""
        return str(self.catalogue.gettext(message)).format(**values)

    def plural(self, one: str, many: str, number: int, **values: str) -> str:
        """Like `say`, with the plural form for a number; `{count}` is the number, spelled out if small."""
        return str(self.catalogue.ngettext(one, many, number)).format(count=self.count(number), **values)

    def count(self, number: int) -> str:
        """Return a number, spelled out up to twelve."""
        if not 0 < number <= _SMALL:
            return self.number(number)
        pgettext = self.catalogue.pgettext
        words = (
            pgettext("number", "one"),
            pgettext("number", "two"),
            pgettext("number", "three"),
            pgettext("number", "four"),
            pgettext("number", "five"),
            pgettext("number", "six"),
            pgettext("number", "seven"),
            pgettext("number", "eight"),
            pgettext("number", "nine"),
            pgettext("number", "ten"),
            pgettext("number", "eleven"),
            pgettext("number", "twelve"),
        )
        return str(words[number - 1])

    def number(self, number: int) -> str:
        """Return a number with the language's grouping of digits."""
        return numbers.format_decimal(number, locale=self.locale)

    def list(self, items: Iterable[str], most: int = 3) -> str:
        """Return `a, b and c`; with more than `most` items `a, b and three more`."""
        items = list(items)
        if len(items) > most:
            more = self.say("{count} more", count=self.count(len(items) - most + 1))
            items = [*items[: most - 1], more]
        return lists.format_list(items, locale=self.locale)

    def size(self, size: int) -> str:
        """Return bytes as megabytes or gigabytes, with a no-break space before the unit."""
        if size >= 1000 * _MEGABYTE:
            value, unit = round(size / 1000 / _MEGABYTE, 1), "digital-gigabyte"
        else:
            value = max(round(size / _MEGABYTE, 1 if size < 10 * _MEGABYTE else None), 0.1)
            unit = "digital-megabyte"
        text = units.format_unit(value, unit, "short", locale=self.locale)
        return text.replace(" ", "\N{NO-BREAK SPACE}")

    def seconds(self, seconds: float) -> str:
        """`2.1 seconds`."""
        text = units.format_unit(seconds, "duration-second", "long", locale=self.locale)
        return text.replace(" ", "\N{NO-BREAK SPACE}")

    def day(self, at: datetime | date, *, weekday: bool = False) -> str:
        """`3 November`, or `Tuesday 3 November`."""
        return self._format(at, "MMMMEEEEd" if weekday else "MMMMd")

    def full_day(self, at: datetime | date) -> str:
        """`3 November 2026`."""
        return dates.format_date(self._local(at), "long", locale=self.locale)

    def moment(self, at: datetime) -> str:
        """`Tue 3 Nov, 02:07`."""
        return f"{self._format(at, 'MMMEd')}, {self.time(at)}"

    def time(self, at: datetime) -> str:
        """`02:07`."""
        return dates.format_time(at, "short", tzinfo=self.zone, locale=self.locale)

    def from_to(self, starts: datetime, ends: datetime) -> str:
        """`Tuesday 1 December, 02:00 to 04:00`."""
        if self._local(starts) == self._local(ends):
            return self.say(
                "{day}, {start} to {end}",
                day=self.day(starts, weekday=True), start=self.time(starts), end=self.time(ends),
            )  # fmt: skip
        return self.say("{start} to {end}", start=self.moment(starts), end=self.moment(ends))

    def figure(self, value: int, of: int | None) -> str:
        """`22 of 23`, or `22` if the total is unknown."""
        if of is None:
            return self.number(value)
        return self.say("{value} of {total}", value=self.number(value), total=self.number(of))

    def days(self, instants: Iterable[datetime], most: int = 3) -> str:
        """`on 3 November and 10 November`; beyond `most`, `on four days`."""
        found = sorted({self._local(at) for at in instants})
        if len(found) > most:
            return self.plural("on one day", "on {count} days", len(found))
        return self.say("on {date}", date=self.list(map(self.day, found), most))

    def period(self, period: Period) -> str:
        """`November 2026`, `week 48 of 2026`, `4th quarter 2026`."""
        if "-W" in period.key:
            year, week = period.key.split("-W")
            return self.say("week {week} of {year}", week=str(int(week)), year=year)
        return self._format(period.first, "yQQQQ" if "-Q" in period.key else "yMMMM")

    def in_period(self, period: Period) -> str:
        """`in November 2026`."""
        if "-W" in period.key:
            return self.say("in {week}", week=self.period(period))
        if "-Q" in period.key:
            return self.say("in the {quarter}", quarter=self.period(period))
        return self.say("in {month}", month=self.period(period))

    def span(self, first: date, last: date) -> str:
        """Return both ends in one text, such as 23 to 29 November 2026."""
        return dates.format_interval(first, last, "yMMMMd", locale=self.locale)

    @property
    def place(self) -> str:
        """The city of the time zone, such as `Berlin`; `UTC` for UTC."""
        if self.zone.key in {"UTC", "Etc/UTC"}:
            return "UTC"
        return str(dates.get_timezone_location(self.zone, locale=self.locale, return_city=True))

    @property
    def zone_note(self) -> str:
        """The sentence that names the time zone."""
        if self.place == "UTC":
            return self.say("All times are in UTC.")
        return self.say("All times are local time in {place}.", place=self.place)

    def _format(self, at: datetime | date, skeleton: str) -> str:
        moment = self._local(at)
        noon = datetime(moment.year, moment.month, moment.day, 12)  # noqa: DTZ001 - a day has no time zone
        known = dates.match_skeleton(skeleton, self.locale.datetime_skeletons)
        if known is None or "EEEE" not in skeleton:
            return dates.format_skeleton(skeleton, noon, locale=self.locale)
        pattern = _WEEKDAY.sub("EEEE", str(self.locale.datetime_skeletons[known].pattern))
        return dates.format_datetime(noon, pattern, locale=self.locale)

    def _local(self, at: datetime | date) -> date:
        return at.astimezone(self.zone).date() if isinstance(at, datetime) else at


def _locale(language: str) -> Locale:
    """Return a locale; English without a country is British: day before month, 24-hour clock."""
    try:
        locale = Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        locale = Locale("en")
    return Locale("en", "GB") if str(locale) == "en" else locale


def _catalogue(path: Traversable) -> NullTranslations:
    if not path.is_file():
        return NullTranslations()
    return _compiled(path.name, path.read_bytes())


@lru_cache(maxsize=16)
def _compiled(name: str, source: bytes) -> Translations:
    """Compile a catalogue in memory, so that the installation needs no build step."""
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(source), locale=name.removesuffix(".po")))
    compiled.seek(0)
    translations = Translations(compiled)
    translations.files = [name]
    return translations
