"""What a run shows while it is in progress: its state, the live view, and lines without a terminal."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import click
import pytest
from rich.cells import cell_len
from syrupy.assertion import SnapshotAssertion

from lab.run_events import RUN, START, run_events
from runner.cli.progress.earlier import earlier_durations
from runner.cli.progress.frame import frame, shorten, summary
from runner.cli.progress.json_lines import JsonLines
from runner.cli.progress.lines import Lines
from runner.cli.progress.listener import is_plain
from runner.cli.progress.sentences import sentence
from runner.cli.progress.state import Goal, RunProgress
from runner.cli.progress.texts import time_left
from runner.model import Outcome, Phase, RunEvent
from runner.record import Ledger
from tests.cli.open_runs import start_run

FEW, MANY = run_events(4), run_events(200, at_once=50)


def folded(events: list[RunEvent], seconds: float, start: RunProgress | None = None) -> RunProgress:
    """The state of a run some seconds after its start."""
    at = START + timedelta(seconds=seconds)
    return reduce(RunProgress.after, (event for event in events if event.at <= at), start or RunProgress())


def view(run: RunProgress, seconds: float, columns: int = 80, rows: int = 24) -> str:
    """The live view as plain text."""
    lines = frame(run, START + timedelta(seconds=seconds), columns, rows)
    return "\n".join(map(click.unstyle, lines)) + "\n"


def event(name: str, site: str = "shop", step: str | None = None, at: float = 0, /, **data: Any) -> RunEvent:
    return RunEvent(event=name, at=START + timedelta(seconds=at), run=RUN, site=site, step=step, data=data)


def started(*sites: str) -> RunProgress:
    return RunProgress().after(event("run.started", playbook="weekly", sites=sites))


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
@pytest.mark.parametrize(
    ("events", "seconds"),
    [(FEW, 1), (FEW, 15), (FEW, 42), (MANY, 12), (MANY, 90), (MANY, 160)],
    ids=["4 start", "4 back up", "4 update", "200 back up", "200 update", "200 end"],
)
def test_live_view_fits_the_terminal(
    events: list[RunEvent], seconds: float, columns: int, rows: int, snapshot: SnapshotAssertion
) -> None:
    shown = view(folded(events, seconds), seconds, columns, rows)
    lines = shown.splitlines()
    assert len(lines) <= rows - 4
    assert max(map(cell_len, lines)) < columns
    assert shown == snapshot


@pytest.mark.parametrize("columns", [20, 32, 40, 60, 80, 200])
@pytest.mark.parametrize("rows", [3, 10, 24, 60])
@pytest.mark.parametrize("seconds", [0, 30, 100])
def test_every_size_of_terminal_holds_the_view(columns: int, rows: int, seconds: float) -> None:
    lines = view(folded(MANY, seconds), seconds, columns, rows).splitlines()
    assert len(lines) <= max(rows - 4, 3)
    assert max(map(cell_len, lines)) < max(columns, 48)


def test_every_site_is_counted_once_at_any_time() -> None:
    run = RunProgress()
    for one in MANY:
        run = run.after(one)
        assert run.done + len(run.running) + len(run.waiting) == len(run.sites) == 200
    assert (run.done, run.running, run.waiting) == (200, {}, frozenset())


def test_summary_counts_bad_outcomes() -> None:
    run = folded(MANY, 400)
    assert click.unstyle(summary(run, START)) == "200 of 200 done, 5 failed, 5 undone"


def test_estimate_is_close_to_the_real_end() -> None:
    end = (MANY[-1].at - START).total_seconds()
    for seconds in (60, 90, 120):
        left = folded(MANY, seconds).seconds_left(START + timedelta(seconds=seconds))
        assert left == pytest.approx(end - seconds, rel=0.5, abs=20)


def test_estimate_is_unknown_before_a_site_has_finished() -> None:
    assert folded(MANY, 5).seconds_left(START + timedelta(seconds=5)) is None


def test_earlier_run_gives_first_estimate() -> None:
    start = RunProgress(earlier={"shop": 100.0, "blog": 200.0})
    run = start.after(event("run.started", playbook="weekly", sites=("shop", "blog", "new")))
    assert run.seconds_left(START) == 100 + 200 + 150
    run = run.after(event("site.started", "shop")).after(event("site.started", "blog"))
    assert run.seconds_left(START + timedelta(seconds=40)) == (60 + 160 + 150) / 2


def test_soak_times_of_later_rings_are_part_of_the_estimate() -> None:
    run = replace(started("a", "b"), earlier={"a": 10.0, "b": 10.0}, soak_time=timedelta(minutes=10))
    run = run.after(event("ring.started", ring=1, of=3, sites=["a"]))
    assert run.seconds_left(START) == 20 + 2 * 600
    until = (START + timedelta(seconds=300)).isoformat()
    run = run.after(event("ring.soaking", ring=1, of=3, until=until))
    assert run.seconds_left(START) == 20 + 300 + 600
    assert "soaking until" in view(run, 0)


def test_stopped_run_expects_only_sites_in_progress() -> None:
    run = replace(started("a", "b"), earlier={"a": 60.0, "b": 600.0}).after(event("site.started", "a"))
    run = run.after(event("run.draining"))
    assert (run.goal, run.seconds_left(START)) == (Goal.FINISH_STARTED, 60)
    assert view(run, 0).splitlines()[1:] == [
        "0 of 2 done, 1 running, about 1 min left, no others are started"
    ]
    assert summary(run.after(event("run.cancelling")), START).endswith("cancelling")


def test_step_of_a_later_phase_keeps_its_number() -> None:
    run = started("shop").after(event("site.started"))
    assert view(run, 3).startswith("shop       3 s")
    run = run.after(event("step.started", "shop", "plugins", number=2, of=5))
    run = run.after(event("step.progress", "shop", "plugins", number=2, of=5, phase="checking"))
    run = run.after(event("trial.started", "shop", "plugins", items=["a", "b"]))
    run = run.after(event("step.progress", "shop", "plugins", phase="rolling back"))
    assert view(run, 5).splitlines()[0] == "shop       5 s  [2/5] plugins  rolling back 2 changes"
    run = run.after(event("step.finished", "shop", "plugins", outcome="undone"))
    assert view(run, 5).splitlines()[0] == "shop       5 s  [2/5] plugins"


def test_json_lines_wait_for_a_pause_or_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    printer = JsonLines(together=True)
    printer(event("site.started", client="acme", host="web1"))
    assert capsys.readouterr().out == ""
    printer.tick()
    assert capsys.readouterr().out.count("\n") == 1
    printer(event("site.finished", outcome=Outcome.OK, why=""))
    printer(event("run.finished", outcome=Outcome.OK, sites={"shop": Outcome.OK}))
    assert [line.split('"')[3] for line in capsys.readouterr().out.splitlines()] == [
        "site.finished",
        "run.finished",
    ]
    printer(event("run.started", sites=[]))
    printer.close()
    assert capsys.readouterr().out.count("\n") == 1


def test_unknown_events_change_nothing() -> None:
    run = started("shop")
    assert run.after(event("something.new")) is run


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("short", 10, "short"),
        ("acme-international-customer-portal", 20, "acme-inter…er-portal"),
        ("日本語のとても長いステップ名", 10, "日本…プ名"),
        ("two\nlines\x1b[31m", 20, "two lines"),
    ],
)
def test_long_names_lose_their_middle(text: str, width: int, expected: str) -> None:
    shown = shorten(text, width)
    assert cell_len(shown) <= width
    assert shown == expected


def test_time_left_is_written_as_on_a_clock() -> None:
    assert [time_left(seconds) for seconds in (0, 31, 725, 3725)] == ["0:00", "0:31", "12:05", "1:02:05"]


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


def replayed(events: list[RunEvent], capsys: pytest.CaptureFixture[str], **options: Any) -> str:
    """What the events print as lines, in UTC, with the clock of the events."""
    clock = Clock()
    lines = Lines(now=clock, **options)
    for one in events:
        clock.seconds = (one.at - START).total_seconds()
        lines(one)
    return capsys.readouterr().err


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_lines_without_a_terminal(
    verbose: int, capsys: pytest.CaptureFixture[str], snapshot: SnapshotAssertion
) -> None:
    every = timedelta(seconds=20)
    assert replayed(FEW, capsys, verbose=verbose, every=every) == snapshot


@pytest.mark.parametrize("events", [FEW, MANY], ids=["4", "200"])
def test_verbose_adds_and_removes_nothing(events: list[RunEvent], capsys: pytest.CaptureFixture[str]) -> None:
    printed = [replayed(events, capsys, verbose=verbose).splitlines() for verbose in range(3)]
    assert len(printed[0]) < len(printed[1]) < len(printed[2])
    assert set(printed[0]) <= set(printed[1]) <= set(printed[2])


def test_many_long_steps_print_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    text = replayed(MANY, capsys, every=timedelta(seconds=20))
    found = re.findall(r"^02:0\d:\d\d  (\d+) of 200 done, \d+ running", text, re.MULTILINE)
    assert len(found) > 5
    assert [*map(int, found)] == sorted(map(int, found))


def test_silent_step_prints_a_line_when_it_is_long(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = Lines(every=timedelta(seconds=30), now=clock)
    for one in (
        event("run.started", playbook="weekly", sites=["shop"]),
        event("site.started"),
        event("step.started", "shop", "shell", number=1, of=2),
    ):
        lines(one)
    capsys.readouterr()
    for clock.seconds in (10, 29, 30, 31, 59, 61):
        lines.tick()
    assert capsys.readouterr().err.splitlines() == [
        "02:00:30  shop: [1/2] shell: still running",
        "02:01:01  shop: [1/2] shell: still running",
    ]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, False), ({"SITECREW_PLAIN": "1"}, True), ({"SITECREW_PLAIN": ""}, False), ({"TERM": "dumb"}, True)],
    ids=["terminal", "plain", "empty", "dumb"],
)
def test_plain_output_on_a_terminal(
    variables: dict[str, str],
    expected: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as terminal, monkeypatch.context() as patch:
        patch.setattr("sys.stderr", terminal)
        assert is_plain() is expected
    os.close(ours)


def test_every_phase_is_a_word_of_a_sentence() -> None:
    for phase in Phase:
        assert sentence(event("step.progress", "shop", "x", phase=phase)) == f"shop: x: {phase}"


def test_durations_come_from_the_last_run_of_the_playbook(ledger: Ledger) -> None:
    start_run(ledger, "nightly-1", minutes=100, sites="acme-shop acme-docs")
    begun = datetime(2026, 11, 1, tzinfo=UTC)
    ledger.sites.started("nightly-1", "acme-shop", begun)
    ledger.sites.finished("nightly-1", "acme-shop", Outcome.OK, "", begun + timedelta(seconds=75))
    ledger.sites.finished("nightly-1", "acme-docs", Outcome.CANCELLED, "", begun)
    ledger.runs.finished("nightly-1", Outcome.CANCELLED, begun)
    start_run(ledger, "nightly-2")
    assert earlier_durations(ledger, "nightly-2") == {"acme-shop": 75.0}
