"""A host that lies in every frame holds nothing up, fills nothing, and ends as an error of its own."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
import time
from dataclasses import replace
from datetime import timedelta
from functools import partial
from types import SimpleNamespace

import pytest

from lab.hostile import MODES, SFTP_MODES, HostileHost
from runner.apply import backup
from runner.backup.receive import Room
from runner.errors import HostError, LostError, ProtocolError, SitecrewError, UnreachableError
from runner.execute import (
    Command,
    Control,
    Endpoint,
    Job,
    Pool,
    Timeouts,
    ack_job,
    attach_job,
    job_id,
    read,
    run_job,
    stream,
    upload,
)
from runner.execute.link import CutError
from runner.execute.logins import Waits
from runner.execute.sftp import transfer
from runner.hosts.remote import SshRemote
from runner.load import Redactor
from runner.model import Host, Outcome
from runner.model.settings import Backups, Settings
from runner.steps.static.names import NameRefusedError
from runner.untrusted import clean
from tests.promises.evil_endpoint import evil_endpoint

QUICK = Timeouts(
    hello=0.7, silence=0.7, beat=1, reattach=0.7, margin=0.5, job=0.2, ending=0.2,
    received=4 << 20, errors=2 << 20, noise=1 << 19, frames=1000, kept=1 << 20,
)  # fmt: skip
TASKS = (Command("about", "echo", timeout=0), Command("next", "echo", timeout=0))
JOB = job_id("run", "site", "segment")
LONGEST = 8.0
"""Seconds in which any exec of a hostile host has ended under these limits."""
HONEST = {"honest-answers", "foreign-job", "no-answers", "many-byes"}
"""Modes that a reading cannot tell from a host that answers wrongly but in order."""


@pytest.fixture
def reach(tmp_path):
    """The endpoint of a hostile host."""
    return partial(evil_endpoint, folder=tmp_path)


def job(**options):
    return Job(JOB, TASKS, check_limit=0, cleanup_limit=0, flood=1 << 20, **options)


def ended(work):
    """How it ended: its result, or the error; never another exception than ours, and never late."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        result = work()
    except SitecrewError as error:
        result = error
    if isinstance(result, SitecrewError):
        assert clean(str(result)) == str(result)
    assert time.monotonic() - began < LONGEST
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10 < 100  # MiB
    return result


@pytest.mark.parametrize("mode", sorted(MODES))
def test_a_reading_ends_with_a_record_for_every_task_or_with_our_error(mode, reach):
    with HostileHost(mode) as host, Pool() as pool:
        found = ended(lambda: read(pool, reach(host), TASKS, silence=0.7, limits=QUICK))
    if isinstance(found, dict):
        assert list(found) == ["about", "next"]
        assert mode in HONEST
    else:
        assert isinstance(found, UnreachableError)


@pytest.mark.parametrize("mode", ["heartbeats", "slow-drip", "endless-frames", "awaiting", "no-bye"])
def test_a_host_that_only_says_that_it_is_alive_is_given_up_when_its_tasks_are_late(mode, reach):
    with HostileHost(mode) as host, Pool() as pool:
        assert isinstance(ended(lambda: read(pool, reach(host), TASKS, silence=0.7, limits=QUICK)), HostError)


@pytest.mark.parametrize(
    "mode",
    [
        "endless-stderr", "foreign-nonce", "again", "awaiting", "bad-words", "codes-in-status", "dead",
        "endless-output", "endless-tasks", "giant-frame", "heartbeats", "silent-hello",
        "slow-drip",
    ],
)  # fmt: skip
def test_a_job_on_a_hostile_host_is_lost_within_its_limits(mode, reach, monkeypatch):
    monkeypatch.setattr("runner.execute.job._KILLS", 0)
    monkeypatch.setattr("runner.execute.follow._STOPS", 0.2)
    with HostileHost(mode) as host, Pool() as pool:
        assert isinstance(ended(lambda: run_job(pool, reach(host), job(), limits=QUICK)), LostError)


def test_a_login_that_never_runs_our_command_is_unreachable_and_gets_no_job(reach):
    with HostileHost("login-noise") as host, Pool() as pool:
        assert isinstance(ended(lambda: run_job(pool, reach(host), job(), limits=QUICK)), UnreachableError)
    assert "start" not in host.kinds


@pytest.mark.parametrize("mode", [f"hang-up-{frames}" for frames in range(5)])
def test_a_job_on_a_host_that_hangs_up_is_lost_only_if_it_was_sent(mode, reach, monkeypatch):
    monkeypatch.setattr("runner.execute.job._KILLS", 0)
    monkeypatch.setattr("runner.execute.follow._STOPS", 0.2)
    with HostileHost(mode) as host, Pool() as pool:
        error = ended(lambda: run_job(pool, reach(host), job(), limits=QUICK))
    assert isinstance(error, LostError if "start" in host.kinds else UnreachableError)
    assert "time limits of its commands" not in str(error) or "start" in host.kinds


@pytest.mark.parametrize("mode", ["end-nonsense", "huge-sizes", "negative-sizes", "unknown-ids", "locked"])
def test_a_job_knows_only_tasks_that_were_sent_and_words_that_are_plain(mode, reach):
    with HostileHost(mode) as host, Pool() as pool:
        record = ended(lambda: run_job(pool, reach(host), job(), limits=QUICK))
    assert set(record.commands) <= {"about", "next"}
    assert all(task.seconds >= 0 for task in record.commands.values())
    if record.lock is not None:
        assert clean(record.lock.owner) == record.lock.owner


@pytest.mark.parametrize(
    "mode", ["heartbeats", "slow-drip", "endless-tasks", pytest.param("again", marks=pytest.mark.long)]
)
def test_a_job_that_is_attached_to_is_lost_within_its_limits(mode, reach):
    with HostileHost(mode) as host, Pool() as pool:
        assert isinstance(ended(lambda: attach_job(pool, reach(host), JOB, limits=QUICK)), LostError)


def test_a_cancelled_job_is_given_up_although_its_tasks_would_have_hours(reach, monkeypatch):
    monkeypatch.setattr("runner.execute.follow._STOPS", 0.2)
    monkeypatch.setattr("runner.execute.job._KILLS", 0)
    long = Job(JOB, (Command("about", "echo", timeout=36_000),), check_limit=0, cleanup_limit=0)
    control = Control()
    with HostileHost("heartbeats") as host, Pool() as pool:
        threading.Timer(0.5, control.cancel).start()
        found = ended(lambda: run_job(pool, reach(host), long, control=control, limits=QUICK))
    assert isinstance(found, LostError)


@pytest.mark.parametrize("mode", ["endless-output", "endless-stderr", "giant-frame", "heartbeats"])
def test_a_stream_has_a_ceiling_of_bytes_and_of_time(mode, reach):
    taken = []
    with HostileHost(mode) as host, Pool() as pool:
        found = ended(
            lambda: stream(
                pool, reach(host), TASKS, lambda _, data: taken.append(len(data)),
                silence=0.7, ceiling=2 << 20, limits=QUICK,
            )
        )  # fmt: skip
    assert isinstance(found, ProtocolError)
    assert sum(taken) <= 2 << 20


@pytest.mark.parametrize("mode", ["heartbeats", "endless-output", "silent-login", "no-bye", "hang-up-1"])
def test_an_upload_to_a_hostile_host_ends(mode, reach):
    with HostileHost(mode) as host, Pool() as pool:
        sent = ended(
            lambda: upload(pool, reach(host), ":", "cat", lambda to: to.write(b"x"), silence=0.7, limit=0.5)
        )
    assert isinstance(sent, UnreachableError)


@pytest.mark.parametrize("mode", ["endless-output", "giant-frame", "short-frames"])
def test_an_acknowledgement_ends(mode, reach):
    with HostileHost(mode) as host, Pool() as pool, pytest.raises((CutError, UnreachableError)):
        ack_job(pool, reach(host), JOB, confirm=True)


@pytest.mark.parametrize("mode", sorted(set(SFTP_MODES) - {"sftp-endless", "sftp-wide"}))
def test_no_name_that_a_server_lists_leads_out_of_its_folder(mode, reach):
    def names():
        with transfer(pool, reach(host)) as files:
            return list(files.walk("/site"))

    with HostileHost(mode) as host, Pool() as pool:
        found = ended(names)
    assert found == [] or isinstance(found, ProtocolError | NameRefusedError)


@pytest.mark.parametrize("mode", ["sftp-endless", "sftp-wide", "sftp-deep"])
def test_a_listing_without_end_is_given_up(mode, reach, monkeypatch):
    monkeypatch.setattr("runner.execute.sftp._ENTRIES", 2000)

    def clear():
        with transfer(pool, reach(host)) as files:
            files.clear("/site")

    with HostileHost(mode) as host, Pool() as pool:
        assert "more than" in str(ended(clear))


def test_lies_in_jobs_alone_leave_honest_readings_true(reach):
    """The hostile host of these tests is a real one where it does not lie."""
    with HostileHost("dead", only=("start",)) as host, Pool() as pool:
        tasks = (Command("about", "echo true; echo aside >&2"),)
        record = read(pool, reach(host), tasks)["about"]
        assert (record.output, record.error, record.code) == (b"true\n", b"aside\n", 0)
        assert isinstance(ended(lambda: run_job(pool, reach(host), job(), limits=QUICK)), LostError)


def _endless(first: bytes, more: bytes):
    """A TCP server on loopback that sends `first` and then `more` without end."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                peer = server.accept()[0]
                threading.Thread(target=send, args=(peer,), daemon=True).start()

    def send(peer: socket.socket) -> None:
        with contextlib.suppress(OSError), peer:
            peer.sendall(first)
            while True:
                peer.sendall(more)

    threading.Thread(target=serve, daemon=True).start()
    return server


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (b"", b"x" * 8000),
        (b"", b"a line\r\n" * 1000),
        (b"SSH-2.0-evil\r\n" + b"\x7f\xff\xff\xf0", b"\0" * 65_536),
        pytest.param(b"SSH-2.0-evil\r\n", b"\0\0\0\x0c\x0a\x02" + b"\0" * 10, marks=pytest.mark.long),
    ],
    ids=["greeting-without-line", "greeting-of-lines", "giant-packet", "packets-without-key-exchange"],
)
def test_a_server_that_never_gets_as_far_as_a_login_is_unreachable(first, more, tmp_path):
    with _endless(first, more) as server:
        port = server.getsockname()[1]
        target = Endpoint(
            "127.0.0.1", port, "crew", "evil", known_hosts=(tmp_path / "none",), ssh_config=None
        )
        with Pool(waits=Waits(connect=2, banner=2, login=2, tries=2)) as pool:
            found = ended(lambda: pool.link(target))
            assert isinstance(found, UnreachableError)
            assert isinstance(ended(lambda: pool.host_key(target)), UnreachableError)
        server.shutdown(socket.SHUT_RDWR)


def test_a_host_that_ignores_the_channel_s_window_loses_its_connection(reach, monkeypatch):
    """Unread data is held in memory: paramiko itself holds whatever comes."""
    slow = threading.Event()
    monkeypatch.setattr("paramiko.channel.Channel._wait_for_send_window", lambda _, size: size)
    threading.Timer(1.5, slow.set).start()
    patient = replace(QUICK, hello=3.0, margin=5.0)  # the memory's limit is met first
    with HostileHost("endless-output") as host, Pool() as pool:
        found = ended(
            lambda: stream(pool, reach(host), TASKS, lambda *_: slow.wait(5), silence=5, limits=patient)
        )
    assert type(found) is UnreachableError, found  # the link broke; no limit of the reading was met


def test_a_snapshot_from_a_stream_without_end_stops_on_the_host_and_fails_the_step(
    reach, monkeypatch, tmp_path
):
    """The store's limit ends the exec, and its error says what to do."""
    monkeypatch.setattr("runner.backup.archive.Room", partial(Room, largest=3 << 20))
    monkeypatch.setattr(backup, "_scripts", lambda *_: {"files": "cat"})
    with HostileHost("endless-output") as host, Pool() as pool:
        outcome = snapshot_of(pool, reach(host), tmp_path)
        assert host.exec_ended.wait(LONGEST)
    assert outcome.outcome is Outcome.FAILED
    assert "the host sent more than 3 MiB" in outcome.why
    assert not [path for path in tmp_path.rglob("*") if path.is_dir() and path.name.endswith(".part")]


def test_the_streams_of_a_snapshot_have_a_limit_beside_the_store_s(reach, monkeypatch, tmp_path):
    monkeypatch.setattr(backup, "LARGEST", 3 << 20)
    monkeypatch.setattr(backup, "_scripts", lambda *_: {"files": "cat"})
    with HostileHost("endless-output") as host, Pool() as pool:
        outcome = ended(lambda: snapshot_of(pool, reach(host), tmp_path))
        assert host.exec_ended.wait(LONGEST)
    assert outcome.outcome is Outcome.FAILED
    assert "evil: the host sent a stream that is larger than its limit" in outcome.why


def snapshot_of(pool, endpoint, folder):
    """The outcome of the step `backup` of a site on this host."""
    workspace = SimpleNamespace(
        folder=folder, settings=Settings(backups=Backups(store=str(folder / "store")))
    )
    limits = replace(QUICK, received=1 << 30)
    remote = SshRemote(Host(name="evil", address="127.0.0.1"), workspace, pool, Redactor(), limits, endpoint)
    order = SimpleNamespace(limits=SimpleNamespace(step=timedelta(seconds=5)))
    site = SimpleNamespace(name="shop", host="evil", env={})
    earlier = SimpleNamespace(backups=SimpleNamespace(list=lambda _: ()))
    journal = SimpleNamespace(ledger=earlier, progress=lambda *_, **__: None)
    stop = SimpleNamespace(over=threading.Event())
    ctx = SimpleNamespace(
        workspace=workspace, remote=remote, order=order, site=site, run="run", journal=journal, stop=stop
    )
    return backup.back_up(ctx, SimpleNamespace(id="backup", timeout=None, become=False))


@pytest.mark.parametrize("parting", ["finish", "close"])
def test_a_host_that_does_not_read_cannot_hold_up_the_end_of_an_exec(reach, monkeypatch, parting):
    """Its full socket blocks paramiko's message until the link is closed."""
    monkeypatch.setattr("runner.execute.link._PARTING", 0.3)
    with HostileHost("silent-hello") as host, Pool() as pool:
        link = pool.link(reach(host))
        exec_ = link.run("sh", 5, data=b'eval "$(head -c 1)"\n.\n:')
        transport = link._transport

        def blocked(*_):
            while transport.is_active():
                time.sleep(0.02)
            raise EOFError

        monkeypatch.setattr(transport, "_send_user_message", blocked)
        began = time.monotonic()
        with contextlib.suppress(CutError):
            getattr(exec_, parting)()
        assert time.monotonic() - began < 5
        assert not link.alive
