"""What a scheduler notifies the crew of: one summary for each opening, over all its clients."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from runner.errors import SecretError, SitecrewError
from runner.model import Outcome
from runner.record import DeliveryKind, DeliveryState, NewDelivery, Recipient, WindowState
from runner.workflows.notices import CrewNotifier, last_window
from tests.workflows.scheduling import SchedulerProcess, at, scheduler, write

TUESDAY = at("2027-01-05 02:00")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CREW = """\
mail: {host: 127.0.0.1, port: 9, from: care@northwind.example}
crew:
  mail: [crew@northwind.example]
  webhooks: {chat: {url: 'http://127.0.0.1:9/hook', preset: slack}}
"""


def window(name: str, more: str = "") -> str:
    return f'  {name}: {{playbook: hello, day: tuesday, at: "02:00", lasts: 2h{more}}}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sitecrew.yaml").write_text(CREW)
    return write(tmp_path, window("weekly"), ("acme", "bolt"))


class Crew:
    """A scheduler and its notifier at a time that the test sets."""

    def __init__(self, process: SchedulerProcess) -> None:
        self.process = process
        self.stuck: dict[str, SitecrewError] = {}
        self.notifier = CrewNotifier(process.ledger, lambda: process.session.workspace, lambda: self.stuck)

    def subjects(self, now: datetime) -> list[str]:
        """Queue what is due; return the subjects of all notices so far, each once."""
        self.notifier.queue_due(now)
        views = self.process.ledger.deliveries.list(kind=DeliveryKind.NOTICE)
        assert len(views) == 2 * len({view.topic for view in views})
        return list(dict.fromkeys(view.subject for view in views))

    def start(self) -> tuple[str, ...]:
        self.process.tick(TUESDAY - MINUTE)
        return self.process.tick(TUESDAY)


@pytest.fixture
def crew(folder: Path):
    with scheduler(folder) as process:
        yield Crew(process)


def test_one_summary_when_the_last_run_has_ended(crew: Crew):
    first, second = crew.start()
    crew.process.end(first, outcome=Outcome.UNDONE)
    assert crew.subjects(TUESDAY + MINUTE) == []
    crew.process.end(second)
    [subject] = crew.subjects(TUESDAY + 2 * MINUTE)
    assert subject.startswith("weekly, Tue 2027-01-05 ")
    assert subject.endswith(": 1 of 2 sites OK, 1 rolled back")
    assert crew.subjects(TUESDAY + HOUR) == [subject]


def test_summary_waits_for_clients_that_start_later(folder: Path):
    write(folder, window("weekly", ", jitter: 30m"), ("acme", "bolt"))
    with scheduler(folder) as process:
        crew, runs = Crew(process), []
        process.tick(TUESDAY - MINUTE)
        for minute in range(31):
            runs += process.tick(TUESDAY + minute * MINUTE)
            if len(runs) == 1:
                process.end(*runs, outcome=Outcome.FAILED)
                assert crew.subjects(TUESDAY + minute * MINUTE) == []
        process.end(runs[-1])
        assert len(runs) == 2
        assert len(crew.subjects(TUESDAY + HOUR)) == 1


def test_success_is_quiet_and_not_reconsidered(crew: Crew):
    crew.process.end(*crew.start())
    assert crew.subjects(TUESDAY + MINUTE) == []
    assert crew.process.ledger.notices.openings() == ()


def test_lost_site_is_notified_at_once_and_in_the_summary(crew: Crew):
    first, second = crew.start()
    crew.process.end(first, outcome=Outcome.LOST)
    [urgent] = crew.subjects(TUESDAY + MINUTE)
    assert urgent.endswith(": 1 site lost; the window is still in progress")
    assert crew.subjects(TUESDAY + 2 * MINUTE) == [urgent]
    crew.process.end(second)
    assert len(crew.subjects(TUESDAY + 3 * MINUTE)) == 2


def test_lost_site_with_no_run_left_is_only_in_the_summary(crew: Crew):
    crew.process.end(*crew.start(), outcome=Outcome.LOST)
    [subject] = crew.subjects(TUESDAY + MINUTE)
    assert subject.endswith(": 0 of 2 sites OK, 2 lost")


def test_openings_without_a_scheduler_are_one_notice(folder: Path):
    with scheduler(folder) as process:
        process.tick(TUESDAY - MINUTE)
    with scheduler(folder) as process:
        crew = Crew(process)
        process.tick(TUESDAY + timedelta(days=20))
        [subject] = crew.subjects(TUESDAY + timedelta(days=20))
        assert subject.startswith(
            "no scheduler was running: 6 openings of windows missed, from Tue 2027-01-05"
        )
        assert crew.subjects(TUESDAY + timedelta(days=20, minutes=1)) == [subject]


def test_skipped_opening_is_notified_but_not_a_blackout(folder: Path):
    blackout = window("quiet", ", blackouts: [2027-01-05]")
    write(folder, window("weekly", ", overlap: skip") + blackout, ("acme",))
    with scheduler(folder) as process:
        crew = Crew(process)
        process.tick(TUESDAY - MINUTE)
        [run] = process.tick(TUESDAY)
        assert crew.subjects(TUESDAY) == []
        process.tick(TUESDAY + timedelta(days=7))
        process.end(run)
        subjects = crew.subjects(TUESDAY + timedelta(days=7, hours=1))
        assert [subject.rpartition(": ")[2] for subject in subjects if subject.startswith("weekly")] == [
            "1 client not started"
        ]


def test_run_that_cannot_be_resumed_does_not_hold_up_the_summary(crew: Crew):
    first, second = crew.start()
    crew.process.end(first)
    crew.stuck = {second: SecretError("PASSWORD is not set", hint="export PASSWORD=...")}
    [subject] = crew.subjects(TUESDAY + MINUTE)
    assert subject.endswith(": 1 of 2 sites OK, 1 not finished")


def test_refused_report_is_notified_once(crew: Crew):
    office = Recipient(address="office@acme.example")
    ledger = crew.process.ledger
    new = NewDelivery(
        message_id="<r>", client="acme", period="2026-12", recipients=(office,), subject="s", message=b"m"
    )
    ledger.deliveries.queue(new)
    assert crew.subjects(TUESDAY) == []
    refused = [Recipient(address="office@acme.example", state=DeliveryState.REFUSED, reply="550 no")]
    ledger.deliveries.update("<r>", before={DeliveryState.QUEUED}, recipients=refused)
    assert crew.subjects(TUESDAY) == ["1 report did not reach every recipient"]
    assert crew.subjects(TUESDAY + MINUTE) == ["1 report did not reach every recipient"]


def test_channels_set_up_later_get_no_old_notices(tmp_path: Path):
    folder = write(tmp_path, window("weekly"))
    with scheduler(folder) as process:
        crew = Crew(process)
        process.end(*crew.start(), outcome=Outcome.FAILED)
        assert crew.subjects(TUESDAY + MINUTE) == []
    (folder / "sitecrew.yaml").write_text(CREW)
    with scheduler(folder) as process:
        assert Crew(process).subjects(TUESDAY + HOUR) == []


def test_last_window_can_be_shown_again(crew: Crew):
    assert last_window(crew.process.ledger, None, quiet=True) is None
    crew.process.end(*crew.start(), outcome=Outcome.FAILED)
    crew.subjects(TUESDAY + MINUTE)
    notice = last_window(crew.process.ledger, "weekly", quiet=True)
    assert notice
    assert notice.subject.endswith(": 0 of 2 sites OK, 2 failed")
    assert [row.state for row in crew.process.ledger.windows.list("weekly")] == [WindowState.RUN] * 2
