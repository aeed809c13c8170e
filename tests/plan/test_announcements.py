"""When openings are announced to clients, and what happens to an announcement if the window changes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.model import Client, DateRange, Inventory, Policy, Window, WindowDay
from runner.plan.announcements import (
    Announce,
    Announcements,
    Cancel,
    Rename,
    WindowsNow,
    announce_at,
    announced_ahead,
    decide_announcements,
    reason_against,
)
from runner.plan.schedules import Opening, Planned
from runner.record import AnnouncementState, AnnouncementView, PauseView

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
AHEAD = 3 * DAY
BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


WEEKLY = Window(
    name="weekly",
    playbook="weekly",
    days=(WindowDay(weekday=1),),
    at=time(12),
    timezone="UTC",
    lasts=2 * HOUR,
)
TUESDAY = at("2027-01-05 12:00")


@dataclass
class Agency:
    """Windows of one client, what was announced, and how often the client was mailed."""

    windows: list[Window]
    ahead: timedelta = AHEAD
    rows: list[AnnouncementView] = field(default_factory=list)
    pauses: list[PauseView] = field(default_factory=list)
    mails: list[tuple[str, datetime]] = field(default_factory=list)

    def against(self, opening: Opening) -> str:
        return reason_against(opening, self.pauses)

    def decide(self, now: datetime) -> Announcements:
        planned = [Planned(window, "acme") for window in self.windows]
        windows = WindowsNow(
            planned=planned,
            ahead={one.key: self.ahead for one in planned},
            zones={"acme": "UTC"},
            against=self.against,
        )
        return decide_announcements(windows, [one for one in self.rows if one.starts > now], now)

    def turn(self, now: datetime) -> list[str]:
        """Do what is due; return what the client was notified of."""
        before = len(self.mails)
        for action in self.decide(now).actions:
            self._apply(action, now)
        assert self.decide(now).actions == [], "everything is done once"
        return [word for word, _ in self.mails[before:]]

    def _apply(self, action: Announce | Cancel | Rename, now: datetime) -> None:
        if isinstance(action, Rename):
            new = replace(action.announced, window=action.window, edition=action.edition)
            self.rows[self.rows.index(action.announced)] = new
            return
        if isinstance(action, Cancel):
            self._end(action.announced, AnnouncementState.CANCELLED, now)
            self.mails.append(("cancelled", action.announced.starts))
            return
        if action.replaces:
            self._end(action.replaces, AnnouncementState.MOVED, now)
        opening = action.opening
        row = AnnouncementView(
            id=len(self.rows),
            window=opening.planned.window.name,
            client="acme",
            starts=opening.starts,
            closes=opening.occurrence.closes,
            edition=action.edition,
            state=AnnouncementState.ANNOUNCED,
            why="",
            announced=now,
            message_id="",
            ended=None,
            ended_message_id="",
        )
        assert (row.key, row.edition) not in {(one.key, one.edition) for one in self.rows}
        self.rows.append(row)
        self.mails.append(("moved" if action.replaces else "announced", opening.starts))

    def _end(self, one: AnnouncementView, state: AnnouncementState, now: datetime) -> None:
        self.rows[self.rows.index(one)] = replace(one, state=state, ended=now)

    def pause(self, since: datetime, days: int) -> None:
        until = since.date() + days * DAY
        ends = datetime.combine(until + DAY, time(0), UTC)
        self.pauses.append(
            PauseView(
                id=len(self.pauses),
                client="acme",
                since=since,
                until=until,
                ends=ends,
                why="",
                operator="ann",
                resumed=None,
                resumed_by=None,
            )
        )

    def resume(self, now: datetime) -> None:
        self.pauses = [replace(one, resumed=now) if one.ends > now else one for one in self.pauses]


@pytest.fixture
def agency() -> Agency:
    return Agency([WEEKLY])


def test_opening_is_announced_once_when_it_is_time(agency: Agency):
    assert agency.turn(TUESDAY - AHEAD - timedelta(seconds=1)) == []
    assert agency.decide(TUESDAY - AHEAD - HOUR).again == TUESDAY - AHEAD
    assert agency.turn(TUESDAY - AHEAD) == ["announced"]
    assert agency.turn(TUESDAY - HOUR) == []
    assert agency.decide(TUESDAY - HOUR).again == TUESDAY + 4 * DAY


def test_late_announcement_is_sent_until_the_start(agency: Agency):
    assert agency.turn(TUESDAY - timedelta(seconds=1)) == ["announced"]
    assert Agency([WEEKLY]).turn(TUESDAY) == []


@pytest.mark.parametrize(
    ("starts", "ahead", "expected"),
    [
        ("2027-01-05 12:00", 3 * DAY, "2027-01-02 12:00"),
        ("2027-01-05 02:00", 3 * DAY, "2027-01-01 18:00"),
        ("2027-01-05 23:00", 3 * DAY, "2027-01-02 18:00"),
        ("2027-01-05 08:00", 1 * DAY, "2027-01-04 08:00"),
        ("2027-01-05 02:00", 4 * HOUR, "2027-01-04 18:00"),
        ("2027-03-28 20:00", 1 * DAY, "2027-03-27 18:00"),
    ],
)
def test_announcements_are_mailed_by_day(starts: str, ahead: timedelta, expected: str):
    zone = ZoneInfo(BERLIN)
    here = datetime.fromisoformat(starts).replace(tzinfo=zone).astimezone(UTC)
    assert announce_at(here, ahead, zone).astimezone(zone).replace(tzinfo=None) == datetime.fromisoformat(
        expected
    )


def test_paused_and_blacked_out_openings_are_not_announced(agency: Agency):
    agency.pause(TUESDAY - 4 * DAY, 4)
    assert agency.turn(TUESDAY - DAY) == []
    agency.windows = [replace(WEEKLY, blackouts=(DateRange(date(2027, 1, 12), date(2027, 1, 12)),))]
    assert agency.turn(TUESDAY + 6 * DAY) == []


def test_pause_cancels_and_its_end_announces_again(agency: Agency):
    agency.turn(TUESDAY - AHEAD)
    agency.pause(TUESDAY - 2 * DAY, 7)
    [cancel] = agency.decide(TUESDAY - 2 * DAY).actions
    assert isinstance(cancel, Cancel)
    assert cancel.why.startswith("paused until ")
    assert cancel.next
    assert cancel.next.starts == TUESDAY + 7 * DAY
    assert agency.turn(TUESDAY - 2 * DAY) == ["cancelled"]
    agency.resume(TUESDAY - DAY)
    assert agency.turn(TUESDAY - DAY) == ["announced"]


def test_changed_start_is_one_mail(agency: Agency):
    agency.turn(TUESDAY - AHEAD)
    agency.windows = [replace(WEEKLY, at=time(14))]
    assert agency.turn(TUESDAY - 2 * DAY) == ["moved"]
    agency.windows = [replace(WEEKLY, days=(WindowDay(weekday=2),))]
    assert agency.turn(TUESDAY - DAY) == ["moved"]
    assert [(one.state, one.starts) for one in agency.rows] == [
        (AnnouncementState.MOVED, TUESDAY),
        (AnnouncementState.MOVED, TUESDAY + 2 * HOUR),
        (AnnouncementState.ANNOUNCED, TUESDAY + DAY),
    ]


def test_changed_end_is_a_new_edition(agency: Agency):
    agency.turn(TUESDAY - AHEAD)
    agency.windows = [replace(WEEKLY, lasts=4 * HOUR)]
    assert agency.turn(TUESDAY - DAY) == ["moved"]
    assert [one.edition for one in agency.rows] == [1, 2]


def test_start_moved_beyond_the_notice_is_cancelled_first(agency: Agency):
    agency.turn(TUESDAY - AHEAD)
    agency.windows = [replace(WEEKLY, days=(WindowDay(weekday=6),))]
    [cancel] = agency.decide(TUESDAY - DAY).actions
    assert isinstance(cancel, Cancel)
    assert cancel.next
    assert cancel.next.starts == TUESDAY + 5 * DAY
    assert agency.turn(TUESDAY - DAY) == ["cancelled"]
    assert agency.turn(TUESDAY + 2 * DAY) == ["announced"]


def test_removed_window_is_cancelled(agency: Agency):
    agency.turn(TUESDAY - AHEAD)
    agency.windows = []
    assert agency.turn(TUESDAY - DAY) == ["cancelled"]


def test_renamed_window_is_not_mailed(agency: Agency):
    agency.turn(TUESDAY - AHEAD)
    agency.windows = [replace(WEEKLY, name="updates")]
    assert agency.turn(TUESDAY - DAY) == []
    assert [one.window for one in agency.rows] == ["updates"]


def test_announcement_stays_if_announcing_ends(agency: Agency):
    agency.turn(TUESDAY - AHEAD)
    agency.ahead = timedelta(0)
    assert agency.turn(TUESDAY - DAY) == []
    agency.windows = []
    assert agency.turn(TUESDAY - HOUR) == ["cancelled"]


def test_client_that_is_gone_is_not_mailed(agency: Agency):
    agency.turn(TUESDAY - AHEAD)
    agency.rows = [replace(one, client="gone") for one in agency.rows]
    agency.windows = []
    assert agency.turn(TUESDAY - DAY) == []


@pytest.mark.parametrize(
    ("client", "window", "policy", "expected"),
    [
        (DAY, 2 * DAY, 3 * DAY, DAY),
        (None, 2 * DAY, 3 * DAY, 2 * DAY),
        (None, None, 3 * DAY, 3 * DAY),
        (timedelta(0), 2 * DAY, 3 * DAY, timedelta(0)),
        (None, timedelta(0), 3 * DAY, timedelta(0)),
        (DAY, timedelta(0), 3 * DAY, timedelta(0)),
        (DAY, None, timedelta(0), DAY),
        (None, None, timedelta(0), timedelta(0)),
    ],
)
def test_never_wins_and_then_the_narrowest_setting(
    client: timedelta | None, window: timedelta | None, policy: timedelta, expected: timedelta
):
    inventory = Inventory(
        hosts={}, sites={}, clients={"acme": Client(id="acme", name="Acme", announce=client)}, windows={}
    )
    found = announced_ahead(inventory, Policy(announce=policy), replace(WEEKLY, announce=window), "acme")
    assert found == expected


EDITS = st.sampled_from(
    ["at 12", "at 14", "tuesday", "thursday", "daily", "pause", "resume", "longer", "rename"]
)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), EDITS | st.none()), max_size=15))
def test_client_knows_of_each_opening_that_starts(steps: list[tuple[int, str | None]]):
    """Whatever is edited: what is announced at its start takes place, and what takes place is announced."""
    agency, now = Agency([WEEKLY]), at("2027-01-01 09:30")
    agency.turn(now)
    for hours, edit in steps:
        until = now + hours * HOUR
        while now < until:
            now += HOUR
            agency.turn(now)
        window = agency.windows[0]
        changed = {
            "at 12": replace(window, at=time(12)),
            "at 14": replace(window, at=time(14)),
            "tuesday": replace(window, days=(WindowDay(weekday=1),)),
            "thursday": replace(window, days=(WindowDay(weekday=3),)),
            "daily": replace(window, days=(WindowDay(),)),
            "longer": replace(window, lasts=window.lasts + HOUR),
            "rename": replace(window, name=f"{window.name}x"),
        }
        agency.windows = [changed.get(edit or "", window)]
        if edit == "pause":
            agency.pause(now, 5)
        if edit == "resume":
            agency.resume(now)
        agency.turn(now)
        upcoming = [one for one in agency.rows if one.starts > now and one.applies]
        planned = Planned(agency.windows[0], "acme")
        true = {}
        for opening in planned.openings(now):
            if opening.starts > now + AHEAD + DAY:
                break
            if not agency.against(opening):
                true[opening.starts] = opening.occurrence.closes
        assert all(true.get(one.starts) == one.closes for one in upcoming)
        due = {start for start in true if start <= now + AHEAD}
        assert due <= {one.starts for one in upcoming}
        assert len({one.starts for one in upcoming}) == len(upcoming)
