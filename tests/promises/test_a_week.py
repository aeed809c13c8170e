"""Promise: after a week with a crash, a blackout, a pause and a missed night, all accounts agree.

`sitecrew serve` runs the windows of an agency on real sites; the test sets its clock. At the end, the list of
openings, the notices to the crew and the reports to the clients are compared.

    WEEK_PAGE=docs/operations.md scripts/test long tests/promises/test_a_week.py

writes the commands of the last morning and their output to a page of the docs.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from lab.shell import until
from tests.crew import ROOT, Crew, Said, forget_marks, marks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab import Fleet

pytestmark = pytest.mark.fleet

DATED = "tests.promises.dated"
ZONE = "Europe/Berlin"
"""Of the agency and both clients."""
PATIENCE = 120
MONDAY = date(2027, 1, 4)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
PLAYBOOK = """\
name: Nightly
steps:
  - wordpress.plugins: {update: [harbour-forms]}
  - shell: {run: 'echo done >>"$HOME/marks"; while [ -e "$HOME/wait" ]; do sleep 0.05; done', changes: true}
  - probe.http: {expect: "</html>"}
"""
WINDOW = """\
  nightly:
    playbook: nightly
    day: daily
    at: "02:00"
    lasts: 2h
    timezone: client
    blackouts: [holidays.ics]
    sites: [{sites}]
"""
HOLIDAY = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Northwind//EN
BEGIN:VEVENT
UID:epiphany
DTSTART;VALUE=DATE:20270106
SUMMARY:Epiphany
END:VEVENT
END:VCALENDAR
"""
FIRST, LAST = "On Sunday morning:", "## Alarms"
"""Between these lines of the page is what the test writes."""
ACME, GLOBEX = "acme", "globex"
SITES = {ACME: "acme-blog", GLOBEX: "globex-docs"}
HOSTS = {ACME: "web2", GLOBEX: "web3"}
ABSENT = "no scheduler was running; the start deadline (1 h) passed"


class Receiver:
    """Receives notices like a chat service."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.texts.append(json.loads(body)["text"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"


class Controller:
    """The machine of the agency: its clock, its scheduler and its commands."""

    def __init__(self, crew: Crew, receiver: Receiver, *clients: str) -> None:
        self.crew, self.receiver, self.clients = crew, receiver, clients
        self.clock = crew.folder / "clock"
        self.log = crew.folder.parent / "serve.log"
        self.env = {"CLOCK": str(self.clock), "TZ": ZONE}
        self.serving: subprocess.Popen[bytes] | None = None

    def set_clock(self, day: int, hour: int, minute: int = 0, second: int = 0) -> None:
        """Set the clock to a local time of a day, counted from Monday."""
        at = datetime.combine(MONDAY + day * DAY, time(hour, minute, second), ZoneInfo(ZONE))
        new = self.clock.with_suffix(".new")
        new.write_text(f"{(at - datetime.now(UTC)).total_seconds()}")
        new.rename(self.clock)

    def say(self, *arguments: str) -> Said:
        return self.crew.say(*arguments, module=DATED, env=self.env)

    def serve(self) -> None:
        """Start the scheduler, which logs to a file."""
        with self.log.open("ab") as log:
            self.serving = subprocess.Popen(
                [sys.executable, "-m", DATED, "serve"],
                cwd=self.crew.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), **self.env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def kill(self) -> None:
        if self.serving:
            self.serving.kill()
            self.serving.wait()
            self.serving = None

    def stop(self) -> None:
        """Stop the scheduler as a service manager does."""
        assert self.serving
        self.serving.send_signal(signal.SIGTERM)
        try:
            assert self.serving.wait(PATIENCE) == 0
        except subprocess.TimeoutExpired:
            self.serving.send_signal(signal.SIGUSR1)
            self.wait_for_log("Current thread")
            raise AssertionError(self.log.read_text()) from None
        self.serving = None

    def night(self, day: int) -> None:
        """Let the windows of a night open, and wait until their runs have ended."""
        self.set_clock(day, 1, 59, 57)
        until(
            lambda: sum(night == day for _, night in self.openings()) == len(self.clients),
            f"the windows of day {day}",
            seconds=PATIENCE,
        )
        self.wait_for_runs()

    def wait_for_runs(self) -> None:
        until(
            lambda: all(run["state"] == "ended" for run in self.say("list", "runs", "--json").json),
            "the runs to end",
            seconds=PATIENCE,
        )

    def wait_for_log(self, text: str) -> None:
        until(lambda: text in self.log.read_text(), f"{text!r} in the log", seconds=PATIENCE)

    def wait_for_notice(self, text: str) -> None:
        until(lambda: any(text in one for one in self.receiver.texts), f"a notice: {text}", seconds=PATIENCE)

    def openings(self) -> dict[tuple[str, int], tuple[str, str]]:
        """Return state and reason of each decided opening, by client and day, from `schedule list`."""
        return {
            (row["client"], day_of(row["starts"])): (row["state"], row["why"])
            for row in self.say("schedule", "list", "-n", "100", "--json").json
        }

    def report(self, client: str) -> dict[str, Any]:
        found: dict[str, Any] = self.say("report", client, "--period", "2027-01", "--json").json
        return found


def day_of(instant: str) -> int:
    """Return the local day of an instant, counted from Monday."""
    return (datetime.fromisoformat(instant).astimezone(ZoneInfo(ZONE)).date() - MONDAY).days


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.server.shutdown()
    found.server.server_close()


def controller(fleet: Fleet, folder: Path, receiver: Receiver, sites: Mapping[str, str]) -> Controller:
    """Return the controller of an agency that maintains a site of each client."""
    for host in HOSTS.values():
        forget_marks(fleet, host)
    crew = Crew(fleet, folder, PLAYBOOK)
    crew.edit("inventory.yaml", "America/New_York", ZONE)
    text = (crew.folder / "inventory.yaml").read_text().partition("windows:")[0]
    (crew.folder / "inventory.yaml").write_text(
        f"{text}windows:\n{WINDOW.replace('{sites}', ', '.join(sites.values()))}"
    )
    (crew.folder / "holidays.ics").write_text(HOLIDAY)
    crew.settings(
        "crew:\n  mail: [crew@northwind.example]\n"
        f"  webhooks: {{chat: {{url: '{receiver.url}', preset: slack}}}}\n"
    )
    return Controller(crew, receiver, *sites)


def crash(here: Controller, day: int) -> None:
    """The scheduler is killed while both runs are in progress, and started again."""
    fleet = here.crew.fleet
    waiting = [fleet.spec.home(host) / "wait" for host in HOSTS.values()]
    for host, file in zip(HOSTS.values(), waiting, strict=True):
        forget_marks(fleet, host)
        file.touch()
    here.set_clock(day, 1, 59, 57)
    until(lambda: all(marks(fleet, host) for host in HOSTS.values()), "both runs", seconds=PATIENCE)
    here.kill()
    for file in waiting:
        file.unlink()
    here.serve()
    until(lambda: here.log.read_text().count("resumed; its process had died") == 2, "both", seconds=PATIENCE)
    here.wait_for_runs()
    assert [marks(fleet, host)["done"] for host in HOSTS.values()] == [1, 1]


def pause(here: Controller, day: int) -> None:
    """Globex is paused for a night."""
    here.set_clock(day - 1, 9)
    last = f"{MONDAY + day * DAY}"
    assert here.say("schedule", "pause", GLOBEX, "--until", last, "--why", "trade fair").code == 0
    here.night(day)


def miss(here: Controller, day: int) -> None:
    """The scheduler is stopped during a night."""
    here.set_clock(day - 1, 18)
    here.stop()
    here.set_clock(day, 9)
    here.serve()
    here.wait_for_notice("no scheduler was running")


def lose_host(here: Controller, day: int) -> None:
    """A host does not answer in a night; the scheduler has no connection to it yet."""
    fleet = here.crew.fleet
    fleet.stop_host(HOSTS[ACME])
    here.night(day)
    here.wait_for_notice("1 unreachable")
    fleet.start_host(HOSTS[ACME])
    here.set_clock(day, 12)
    here.stop()  # it would not try the host again for half a minute, which is a day here
    here.serve()


def start(here: Controller) -> None:
    """Start the scheduler on the day before."""
    here.set_clock(-1, 12)
    here.serve()
    here.wait_for_log("the next is nightly")


@pytest.mark.long
def test_a_week(fresh_fleet: Fleet, tmp_path: Path, receiver: Receiver) -> None:
    here = controller(fresh_fleet, tmp_path / "northwind", receiver, SITES)
    try:
        start(here)
        here.night(0)
        crash(here, 1)
        here.night(2)
        pause(here, 3)
        miss(here, 4)
        lose_host(here, 5)
        here.night(6)
        here.set_clock(6, 8)
        assert here.openings() == {
            **{(client, day): ("run", "") for client in SITES for day in (0, 1, 3, 5, 6)},
            **{(client, 2): ("skipped", "the day is a blackout") for client in SITES},
            **{(client, 4): ("missed", ABSENT) for client in SITES},
            (GLOBEX, 3): ("skipped", f"paused until {MONDAY + 3 * DAY}: trade fair"),
        }
        for client in SITES:
            assert told_by_report(here.report(client)) == told_by_ledger(here, client)
        check_notices(here)
        check_letters(here)
        if name := os.environ.get("WEEK_PAGE"):
            write_page(here, Path(name))
        here.stop()
    finally:
        here.kill()


def test_two_nights(fresh_fleet: Fleet, tmp_path: Path, receiver: Receiver) -> None:
    """A static site: a night with a run, and one that is missed, as the scheduler is stopped."""
    here = controller(fresh_fleet, tmp_path / "northwind", receiver, {GLOBEX: SITES[GLOBEX]})
    try:
        start(here)
        here.night(0)
        miss(here, 1)
        assert told_by_ledger(here, GLOBEX) == {0: "", 1: f"missed: {ABSENT}"}
        assert told_by_report(here.report(GLOBEX)) == told_by_ledger(here, GLOBEX)
        assert receiver.texts == [
            "no scheduler was running: 1 opening of windows missed, Tue 2027-01-05 02:00 CET"
        ]
        here.stop()
    finally:
        here.kill()


def told_by_ledger(here: Controller, client: str) -> dict[int, str]:
    """Return what happened to a client on each day, from `schedule list` and `show`."""
    found = {}
    for (name, day), (state, why) in here.openings().items():
        if name == client:
            run = f"nightly-{MONDAY + day * DAY:%Y%m%d}-0100-{client}"
            outcome = here.crew.show(run)["outcome"] if state == "run" else state
            found[day] = "" if outcome in {"ok", "changed"} else f"{outcome}: {why or site_reason(here, run)}"
    return found


def site_reason(here: Controller, run: str) -> str:
    [site] = here.crew.show(run)["sites"]
    reason: str = site["why"]
    return reason


def told_by_report(report: dict[str, Any]) -> dict[int, str]:
    """Return what happened on each day of a report: its runs, and its open issues."""
    runs = {run.split("-")[1] for run in report["evidence"]["runs"]}
    found = {day: "" for day in range(7) if f"{MONDAY + day * DAY:%Y%m%d}" in runs}
    for issue in report["undone"]:
        found |= {day_of(at): f"{issue['outcome']}: {issue['why']}" for at in issue["at"]}
    due = [text for text in found.values() if not text.startswith("skipped")]
    missed = [text for text in due if text.startswith("missed")]
    assert report["windows"] == {"due": len(due), "missed": len(missed)}
    return found


def check_notices(here: Controller) -> None:
    """The crew is notified of what was missed or unreachable, once on each channel, and of nothing else."""
    subjects = {
        "no scheduler was running: 2 openings of windows missed, Fri 2027-01-08 02:00 CET",
        "nightly, Sat 2027-01-09 02:00 CET: 1 of 2 sites OK, 1 unreachable",
    }
    assert sorted(here.receiver.texts) == sorted(subjects)
    notices = here.say("list", "notices", "--json").json
    assert {one["subject"] for one in notices} == subjects
    assert {one["state"] for one in notices} == {"sent"}
    letters = here.crew.fleet.mailbox.letters()
    assert sorted(letter.message["Subject"] for letter in letters) == sorted(subjects)
    body = letters[-1].message.get_body(("plain",))
    assert body is not None
    assert site_reason(here, "nightly-20270109-0100-acme")[:100] in " ".join(body.get_content().split())


def check_letters(here: Controller) -> None:
    """The client reads the same days and reasons in plain words."""
    here.crew.fleet.mailbox.clear()
    for client in SITES:
        assert here.say("report", client, "--period", "2027-01", "--send").code == 0
    letters = here.crew.fleet.mailbox.letters()
    bodies = [letter.message.get_body(("plain",)) for letter in letters]
    acme, globex = (" ".join(body.get_content().split()) for body in bodies if body)
    assert "No maintenance on 6 January, as agreed." in acme
    assert "The planned maintenance on 8 January did not run." in acme
    assert "could not be reached on 9 January" in acme
    assert "trade fair" not in acme
    assert "Maintenance was paused on 7 January." in globex
    assert "trade fair (until 7 January 2027)" in globex
    assert "The planned maintenance on 8 January did not run." in globex


def write_page(here: Controller, path: Path) -> None:
    """Replace the commands of the last morning, with their output, on a page of the docs."""
    blocks = []
    for words in (("schedule", "list"), ("list", "notices")):
        lines = here.say(*words).out.rstrip().splitlines()
        text = "\n".join(line.rstrip() for line in lines)
        blocks.append(f"```console\n$ sitecrew {' '.join(words)}\n{text}\n```")
    letter = next(one for one in here.crew.fleet.mailbox.letters() if "office@acme.example" in one.recipients)
    body = letter.message.get_body(("plain",))
    assert body is not None
    blocks.append(f"```text\n{body.get_content().partition('Next maintenance')[0].rstrip()}\n```")
    before, _, rest = path.read_text().partition(FIRST)
    after = rest.partition(LAST)[2]
    names = ("", "", "The report to Acme:\n\n")
    shown = "\n\n".join(name + block for name, block in zip(names, blocks, strict=True))
    path.write_text(f"{before}{FIRST}\n\n{shown}\n\n{LAST}{after}")
