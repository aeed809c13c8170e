"""The progress of a step: its number, its phases, and the bytes of a transfer."""

from __future__ import annotations

import io
import threading
from dataclasses import replace
from typing import Any

import pytest

from runner.apply.journal import Journal
from runner.apply.meter import Meter
from runner.apply.transaction.phases import TrialPhases
from runner.execute import CommandOutput, CommandStarted
from runner.hosts.exclusive import Exclusive
from runner.model import Phase, Step, UndoOrder
from tests.apply.fakesite import Break, FakeSite

TRIED = ["checking", "saving", "applying", "verifying"]
UNDONE = ["rolling back", "verifying"]


class Emitted:
    """Events of a journal without a ledger."""

    def __init__(self, *steps: str) -> None:
        self.data: list[dict[str, object]] = []
        self.journal = Journal(None, None, self._emit, "r1", "shop", steps=steps)  # type: ignore[arg-type]

    def _emit(self, event: str, _run: str, _site: str | None, step: str | None, /, **data: object) -> None:
        self.data.append({"event": event, "step": step, **data})

    @property
    def phases(self) -> list[object]:
        return [data["phase"] for data in self.data]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def emitted() -> Emitted:
    return Emitted("first", "backup", "last")


def phases(bench: Any) -> list[object]:
    return [event.data["phase"] for event in bench.emitted("step.progress")]


def test_step_events_carry_number_of_step(emitted: Emitted) -> None:
    emitted.journal.step_started("backup")
    emitted.journal.progress("last", Phase.CHECKING)
    assert emitted.data == [
        {"event": "step.started", "step": "backup", "number": 2, "of": 3},
        {"event": "step.progress", "step": "last", "number": 3, "of": 3, "phase": "checking"},
    ]


def test_kept_batch_emits_its_phases(make_bench) -> None:
    bench = make_bench()
    bench.apply()
    assert phases(bench) == TRIED


def test_rolled_back_trial_emits_its_phases(make_bench) -> None:
    bench = make_bench(FakeSite(items=("a",), breaks=[Break.of("a")]))
    bench.apply()
    assert phases(bench) == TRIED + UNDONE


def test_progress_writes_nothing_to_the_ledger(bench) -> None:
    def written() -> int:
        with bench.ledger.runs._store.read() as connection:
            return connection.exec_driver_sql("PRAGMA data_version").scalar_one()

    context, before = bench.context(), written()
    context.journal.progress("items", Phase.APPLYING)
    meter = Meter(context.journal, "items", Phase.BACKING_UP, clock=(clock := Clock()))
    clock.now += 5
    meter.add(1)
    assert written() == before
    assert len(bench.events) == 3


def test_wait_between_tries_is_a_phase(make_bench) -> None:
    bench = make_bench(FakeSite(items=("a",), sick="answers 500"), begin=False)
    bench.begin(replace(bench.step, retries=1))
    bench.apply()
    assert phases(bench) == ["checking", "waiting", "checking"]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([b'x {"item":"a","state":"fetched"}\n', b'x {"item":"b","state":"fetched"}\n'], ["applying"]),
        ([b'x {"item":"a","state":"fetched"}\nx {"item":"b","state":"refused"}\n'], ["applying"]),
        ([b'"fetched" "fetch', b'ed"'], ["applying"]),
        ([b'"fetched"', b"", b"...", b"more of the same"], []),
        ([b'"fetched"', b'"state":"begun"'], ["applying"]),
    ],
    ids=["each", "refused", "split", "one of two", "begun"],
)
def test_applying_starts_after_all_packages(bench, pieces: list[bytes], expected: list[str]) -> None:
    step = Step(id="plugins", kind="wordpress.plugins", options=None)
    trial = TrialPhases(bench.context(), step, 2)
    trial.receive(CommandStarted("change"))
    assert phases(bench) == ["fetching"]
    for piece in pieces:
        trial.receive(CommandOutput("change", piece))
    assert phases(bench) == ["fetching", *expected]


def test_undo_is_a_phase_of_its_own(bench) -> None:
    bench.order = replace(bench.order, undo=UndoOrder(run="r0"))
    trial = TrialPhases(bench.context(), Step(id="plugins", kind="wordpress.plugins", options=None), 1)
    trial.receive(CommandStarted("change"))
    assert phases(bench) == ["undoing"]


def test_meter_emits_once_a_second(emitted: Emitted) -> None:
    clock = Clock()
    meter = Meter(emitted.journal, "backup", Phase.BACKING_UP, total=10_000, clock=clock)
    for _ in range(32):
        clock.now += 0.125
        meter.add(100)
    assert [data.get("bytes") for data in emitted.data[:3]] == [None, 800, 1600]
    assert emitted.data[4:] == [
        {
            "event": "step.progress", "step": "backup", "number": 2, "of": 3, "phase": "backing up",
            "bytes": 3200, "rate": 800, "bytes_total": 10_000, "seconds_left": 8,
        }
    ]  # fmt: skip


def test_meter_without_total_has_no_estimate(emitted: Emitted) -> None:
    meter = Meter(emitted.journal, "backup", Phase.BACKING_UP, clock=(clock := Clock()))
    clock.now += 2
    meter.add(4000)
    assert emitted.data[-1] == {
        "event": "step.progress", "step": "backup", "number": 2, "of": 3, "phase": "backing up",
        "bytes": 4000, "rate": 2000,
    }  # fmt: skip


def test_meter_drops_an_estimate_that_was_too_small(emitted: Emitted) -> None:
    meter = Meter(emitted.journal, "backup", Phase.BACKING_UP, total=3000, clock=(clock := Clock()))
    clock.now += 2
    meter.add(4000)
    assert emitted.data[-1].keys().isdisjoint({"bytes_total", "seconds_left"})


def test_rate_is_that_of_the_last_ten_seconds(emitted: Emitted) -> None:
    meter = Meter(emitted.journal, "backup", Phase.BACKING_UP, clock=(clock := Clock()))
    for size in [9_000_000] * 10 + [1000] * 10:
        clock.now += 1
        meter.add(size)
    assert emitted.data[-1]["rate"] == 1000


def test_counted_file_counts_what_is_read(emitted: Emitted) -> None:
    meter = Meter(emitted.journal, "files", Phase.SENDING, clock=(clock := Clock()))
    file = meter.counted(io.BytesIO(b"x" * 700))
    clock.now += 1
    assert file.read(500) == b"x" * 500
    assert emitted.data[-1]["bytes"] == 500


def test_wait_for_other_sites_of_host_is_emitted(emitted: Emitted) -> None:
    exclusive, waiting = Exclusive(), threading.Event()

    def wait() -> None:
        with exclusive.hold("web1", alone=True, on_wait=waiting.set):
            pass

    with exclusive.hold("web1", on_wait=lambda: pytest.fail("the host is free")):
        other = threading.Thread(target=wait)
        other.start()
        assert waiting.wait(10)
    other.join()
