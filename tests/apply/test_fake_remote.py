"""FakeRemote: answers, jobs that outlive the controller, and the faults that a test chooses."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

from runner.errors import JobRefusedError, LostError, UnreachableError
from runner.execute import UNSEEN, Awaiting, Command, Control, DiedError, Ended, Job, Lock
from runner.hosts.fake import Answer, ControllerKilled, FakeRemote, Fault, FaultKind
from runner.hosts.remote import Remote
from runner.model import Host, SecretRef, SecretSource
from tests.apply.fakesite import the_site

ONE, TWO = "a" * 32, "b" * 32
WAITING = 4
"""The event at which `changing` waits: start, begin, end, wait."""


def changing(job: str = ONE, **more: Any) -> Job:
    """A job of one command that waits for a verdict."""
    values = {"wait": 90, "keep": (Command("keep", ""),), "undo": (Command("undo", ""),)} | more
    return Job(job, (Command("change", ""),), **values)


@pytest.fixture
def ran() -> list[str]:
    """Ids of the commands that the host has run."""
    return []


@pytest.fixture
def remote(bench, ran) -> FakeRemote:
    def answer(command: Command) -> Answer:
        ran.append(command.id)
        return Answer()

    return FakeRemote(Host(name="web1", address="192.0.2.1"), bench.workspace, answer)


def keep(_: Awaiting) -> Any:
    return "keep"


def undo(_: Awaiting) -> Any:
    return "undo"


def test_fake_remote_is_a_remote(remote):
    checked: Remote = remote
    assert {name for name in dir(Remote) if not name.startswith("_")} <= set(dir(checked))


# -- answers


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"a": Answer(3, "no\n")}, (3, "no\n")),
        ({"a": "only output"}, (0, "only output")),
        ({"a": lambda command: f"ran {command.text}"}, (0, "ran true")),
        ({}, (0, "")),
        (lambda command: Answer(7, command.id), (7, "a")),
    ],
)
def test_answers_come_from_table_or_callable(remote, answers, expected):
    remote.answers = answers
    record = remote.read([Command("a", "true")])["a"]
    assert (record.code, record.text) == expected


def test_stream_hands_output_to_the_sink(remote):
    remote.answers = {"a": "data"}
    got: list[tuple[str, bytes]] = []
    records = remote.stream([Command("a", "")], lambda *piece: got.append(piece), ceiling=100)
    assert (got, records["a"].output, records["a"].size) == ([("a", b"data")], b"", 4)


@pytest.mark.parametrize(
    ("answers", "code", "uploads"),
    [({}, 0, [b"abc"]), ({"before": Answer(4)}, 4, []), ({"take": Answer(5)}, 5, [b"abc"])],
)
def test_upload_ends_as_its_commands(remote, answers, code, uploads):
    remote.answers = answers
    sent = remote.upload("", "", lambda pipe: pipe.write(BytesIO(b"abc").read()))
    assert (sent.code, remote.uploads) == (code, uploads)


def test_site_environment_comes_with_its_commands(remote, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", "secret-value")
    site = the_site(env={"A": "1", "KEY": SecretRef(SecretSource.ENV, "SHOP_KEY")})
    (command,) = remote.for_site(site, [Command("a", "", env={"A": "own"})])
    assert (dict(command.env), dict(command.secret)) == ({"A": "own"}, {"KEY": "secret-value"})


@pytest.mark.parametrize("call", ["run", "attach", "read", "acknowledge", "upload", "stream"])
def test_offline_host_reaches_nothing(remote, ran, call):
    remote.offline = True
    arguments: dict[str, tuple[Any, ...]] = {
        "run": (changing(),),
        "read": ([Command("a", "")],),
        "upload": ("", "", lambda _: None),
    }
    more = {"ceiling": 1} if call == "stream" else {}
    with pytest.raises(UnreachableError, match="connection refused"):
        getattr(remote, call)(*arguments.get(call, ([], print) if call == "stream" else (ONE,)), **more)
    assert (ran, remote.calls, remote.is_connected) == ([], [], False)


def test_chosen_error_is_raised_once(remote):
    remote.failures["run"] = [JobRefusedError("no space")]
    with pytest.raises(JobRefusedError):
        remote.run(changing(), verdict=keep)
    assert remote.run(changing(), verdict=keep).ok


# -- jobs


@pytest.mark.parametrize(
    ("verdict", "end"),
    [
        (keep, ("ok", "controller", ["change", "keep"])),
        (undo, ("undone", "controller", ["change", "undo"])),
        (lambda _: None, ("ok", "deadman", ["change", "look", "keep"])),
        (None, ("ok", "deadman", ["change", "look", "keep"])),
    ],
)
def test_verdict_decides(remote, ran, verdict, end):
    record = remote.run(changing(), verdict=verdict)
    assert (record.status, record.decided.by, ran) == end


def test_host_rolls_back_when_its_check_fails(remote):
    remote.answers = {"look": Answer(1)}
    assert remote.run(changing()).decided.verdict == "undo"


def test_job_started_twice_runs_once(remote, ran):
    first = remote.run(changing(), verdict=keep)
    second = remote.run(changing(), verdict=undo)
    assert (ran, first.attached, second.attached) == (["change", "keep"], False, True)
    assert second.decided == first.decided


def test_second_start_sees_all_events(remote):
    seen: tuple[list[Any], list[Any]] = ([], [])
    for events in seen:
        remote.run(changing(), verdict=keep, on_event=events.append)
    assert seen[0] == seen[1]


def test_unknown_job_is_absent(remote):
    assert remote.attach(ONE) is None


def test_forgotten_job_leaves_only_its_status(remote, ran):
    remote.run(changing(), verdict=undo)
    remote.acknowledge(ONE)
    record = remote.attach(ONE)
    assert (record.status, dict(record.commands), record.decided) == ("undone", {}, None)
    assert remote.run(changing()).status == "undone"
    assert ran == ["change", "undo"]


def test_lock_of_another_owner_refuses_the_job(remote, ran):
    remote.owners["/srv/shop"] = "other/shop"
    record = remote.run(changing(lock=Lock("/srv/shop", "mine/shop"), cleanup="tidy"))
    assert (record.status, record.lock.owner, ran) == ("locked", "other/shop", [])
    assert {one.why for one in record.commands.values()} == {"locked"}


def test_cancelled_command_ends_the_job(remote, ran):
    control = Control()
    remote.answers = lambda command: (ran.append(command.id), control.cancel(), Answer())[2]
    record = remote.run(changing(), verdict=keep, control=control)
    assert (record.status, record.decided.by, ran) == ("cancelled", "cancelled", ["change", "undo"])
    assert record.commands["change"].why == "cancelled"


# -- faults


def test_death_keeps_what_was_done(remote, ran):
    remote.faults = [Fault(FaultKind.DIE, 3)]
    with pytest.raises(DiedError) as caught:
        remote.run(changing(), verdict=keep)
    assert (caught.value.record.status, ran) == ("died", ["change"])
    assert caught.value.record.commands["change"].ok
    with pytest.raises(DiedError):
        remote.attach(ONE)


def test_unwritten_event_is_not_known(remote, ran):
    remote.faults = [Fault(FaultKind.DIE_UNWRITTEN, 3)]
    with pytest.raises(DiedError) as caught:
        remote.run(changing(), verdict=keep)
    assert ran == ["change"]
    assert caught.value.record.commands["change"].code is None


@pytest.mark.parametrize(
    ("at", "undo_on_death", "commands"),
    [
        (2, True, ["undo"]),
        (2, False, []),
        (3, True, ["change", "undo"]),
        (WAITING, True, ["change", "look", "keep"]),
    ],
)
def test_warden_takes_over_from_a_killed_driver(remote, ran, at, undo_on_death, commands):
    remote.faults = [Fault(FaultKind.DRIVER, at)]
    remote.run(changing(undo_on_death=undo_on_death), verdict=keep)
    assert ran == commands


def test_cut_connection_counts_its_links(remote):
    remote.faults = [Fault(FaultKind.CUT, 2)]
    record = remote.run(changing(), verdict=keep)
    assert (record.links, record.decided.by) == (2, "controller")


def test_connection_away_leaves_the_decision_to_the_host(remote):
    asked: list[Awaiting] = []
    remote.faults = [Fault(FaultKind.AWAY, WAITING)]
    record = remote.run(changing(), verdict=asked.append)
    assert (record.decided, asked) == (UNSEEN, [])


def test_late_verdict_is_asked_for_and_ignored(remote):
    asked: list[Awaiting] = []
    remote.faults = [Fault(FaultKind.LATE, 1)]
    record = remote.run(changing(), verdict=lambda event: (asked.append(event), "undo")[1])
    assert (record.decided, len(asked)) == (UNSEEN, 1)


@pytest.mark.parametrize("at", range(1, 8))
def test_lost_connection_lets_the_job_finish(remote, at):
    remote.faults = [Fault(FaultKind.LOST, at)]
    with pytest.raises(LostError):
        remote.run(changing(), verdict=keep)
    assert isinstance(remote.events[-1], Ended)
    assert remote.attach(ONE).status == "ok"


@pytest.mark.parametrize(("still_waits", "by"), [(True, "controller"), (False, "deadman")])
def test_job_of_a_killed_controller_goes_on(remote, still_waits, by):
    remote.still_waits = still_waits
    remote.faults = [Fault(FaultKind.KILL, 2)]
    seen: list[Any] = []
    with pytest.raises(ControllerKilled):
        remote.run(changing(), verdict=keep, on_event=seen.append)
    assert len(seen) == 1, "the event at which it was killed is not seen"
    assert remote.attach(ONE, verdict=undo).decided.by == by


@pytest.mark.parametrize("where", ["on_event", "verdict"])
def test_error_of_the_caller_is_no_verdict(remote, where):
    def fail(_: object) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        remote.run(changing(), **({"verdict": keep} | {where: fail}))
    assert remote.attach(ONE).decided == UNSEEN


def test_faults_count_events_of_all_jobs(remote):
    remote.run(changing(), verdict=keep)
    remote.faults = [Fault(FaultKind.DIE, len(remote.events) + 1)]
    with pytest.raises(DiedError):
        remote.run(changing(TWO), verdict=keep)
    assert remote.faults == []
