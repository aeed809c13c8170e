from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from driver_hosts import until

from runner.errors import JobRefusedError, LostError, NoShellError
from runner.execute import (
    Awaiting,
    Command,
    CommandEnded,
    CommandOutput,
    CommandStarted,
    Control,
    Decided,
    Ended,
    Job,
    Restore,
    Started,
    Timeouts,
    ack_job,
    attach_job,
    collect_garbage,
    run_job,
    tell_job,
)
from runner.execute.noshell import SilentShellError


def test_a_job_runs_and_returns_every_byte(hosts, pool, shell):
    job = hosts.work()
    events = []
    record = run_job(pool, hosts.endpoint(shell), job, on_event=events.append)
    hosts.assert_whole(job, record)
    assert (record.attached, record.links) == (False, 1)
    kinds = [type(event) for event in events if not isinstance(event, CommandOutput)]
    assert kinds == [Started, *[CommandStarted, CommandEnded] * 5, Ended]


def test_a_second_start_returns_the_first_result(hosts, pool, shell):
    job = hosts.work()
    run_job(pool, hosts.endpoint(shell), job)
    again = run_job(pool, hosts.endpoint(shell), job)
    hosts.assert_whole(job, again)
    assert again.attached


def test_an_acknowledged_job_never_runs_again(hosts, pool, shell):
    job = hosts.work()
    endpoint = hosts.endpoint(shell)
    run_job(pool, endpoint, job)
    ack_job(pool, endpoint, job.id)
    folder = hosts.folder(job, shell)
    assert until(lambda: sorted(path.name for path in folder.iterdir()) == ["done", "id"])
    again = run_job(pool, endpoint, job)
    assert (again.status, again.attached, again.commands) == ("ok", True, {})
    attached = attach_job(pool, endpoint, job.id)
    assert attached is not None
    assert attached.status == "ok"
    assert hosts.marks(job) == ["0", "1", "2", "3", "C"]


def test_an_ack_needs_no_channel_of_its_own(hosts, pool):
    endpoint = hosts.endpoint()
    link = pool.link(endpoint)
    assert run_job(pool, endpoint, hosts.work(1)).ok
    for _ in range(20):
        job = hosts.work(1)
        before = link._transport._channel_counter
        run_job(pool, endpoint, job)
        ack_job(pool, endpoint, job.id)
        assert link._transport._channel_counter == before + 1
        assert until(lambda job=job: len(list(hosts.folder(job).iterdir())) == 2)


def test_an_ack_after_a_disconnect_opens_a_channel(hosts, pool):
    endpoint = hosts.endpoint()
    job = hosts.work(1)
    run_job(pool, endpoint, job)
    pool.link(endpoint).close()
    ack_job(pool, endpoint, job.id)
    assert sorted(path.name for path in hosts.folder(job).iterdir()) == ["done", "id"]


def test_an_ack_does_not_stop_a_running_job(hosts, pool):
    endpoint = hosts.endpoint()
    job = hosts.work(2, nap="sleep 0.3")

    def ack(event):
        if event == CommandStarted("t0"):
            ack_job(pool, endpoint, job.id)

    hosts.assert_whole(job, run_job(pool, endpoint, job, on_event=ack))


def test_attaching_to_an_unknown_job_returns_none(hosts, pool, shell):
    assert attach_job(pool, hosts.endpoint(shell), hosts.new_id()) is None


def test_a_failed_command_skips_the_others_unless_go(hosts, pool, shell):
    job = Job(
        hosts.new_id(),
        (
            Command("a", "exit 3", policy="go"),
            Command("b", "echo b; exit 4"),
            Command("c", "echo never"),
        ),
        cleanup="echo clean",
    )
    record = run_job(pool, hosts.endpoint(shell), job)
    assert record.status == "failed"
    assert {name: (command.code, command.why) for name, command in record.commands.items()} == {
        "a": (3, ""),
        "b": (4, ""),
        "c": (None, "failed"),
        "cleanup": (0, ""),
    }


def test_commands_do_not_affect_each_other(hosts, pool, shell):
    """Syntax errors, exits, `cd`, variables and stdin of one command do not reach the next."""
    job = Job(
        hosts.new_id(),
        (
            Command("syntax", "if then (", policy="go"),
            Command("chatty", "cd /; X=1; export X; cat; exit 0", env={"Y": "it's"}),
            Command("last", 'echo "${X-unset} ${Y-unset}"; pwd; ls -l /proc/$$/fd'),
        ),
    )
    record = run_job(pool, hosts.endpoint(shell), job)
    assert record.commands["syntax"].code not in (0, None)
    assert record.commands["chatty"].output == b""
    lines = record.commands["last"].text.splitlines()
    assert lines[:2] == ["unset unset", str(hosts.homes[shell])]
    events = [line for line in lines[2:] if line.endswith("/events")]
    assert len(events) == 2, "only stdout and stderr go to the events file"
    assert not [line for line in lines[2:] if "pipe:" in line or "socket:" in line]


def test_stderr_can_be_kept_separate(hosts, pool, shell):
    job = Job(
        hosts.new_id(),
        (
            Command("apart", "echo out; echo err >&2; echo more >&2", stderr=6),
            Command("merged", "echo out; echo err >&2"),
        ),
    )
    record = run_job(pool, hosts.endpoint(shell), job)
    assert (record.commands["apart"].output, record.commands["apart"].error) == (b"out\n", b"err\nmo")
    assert record.commands["merged"].output == b"out\nerr\n"


def test_a_timeout_kills_the_whole_group(hosts, pool, shell):
    job = Job(
        hosts.new_id(),
        (
            Command("slow", "sleep 50 & sleep 51", timeout=1, policy="go"),
            Command("left", "(sleep 3; echo late) & echo now"),
        ),
        cleanup="echo clean",
    )
    record = run_job(pool, hosts.endpoint(shell), job)
    slow, left = record.commands["slow"], record.commands["left"]
    assert (slow.code, slow.why) == (124, "timeout")
    assert left.ok
    assert left.seconds < 1, "a background process delayed its command"
    assert record.commands["cleanup"].output.startswith(b"clean\n")
    assert not hosts.running("sleep 50", shell)
    assert not hosts.running("sleep 51", shell)


@pytest.mark.long
def test_a_command_that_ignores_term_is_killed(hosts, pool, shell):
    job = Job(hosts.new_id(), (Command("deaf", "trap '' TERM; while :; do sleep 1; done", timeout=1),))
    command = run_job(pool, hosts.endpoint(shell), job).commands["deaf"]
    assert (command.code, command.why) == (124, "timeout")
    assert command.seconds < 14


def test_big_scripts_and_big_outputs_are_exact(hosts, pool, shell):
    job = Job(
        hosts.new_id(),
        (
            Command("random", "head -c 5242880 /dev/urandom | tee $HOME/big"),
            Command("long", "#" + "y" * 200_000 + "\necho ok"),
        ),
    )
    record = run_job(pool, hosts.endpoint(shell), job, limits=Timeouts(output=8 << 20))
    assert record.commands["random"].output == (hosts.homes[shell] / "big").read_bytes()
    assert record.commands["long"].output == b"ok\n"


def test_output_beyond_the_limit_is_truncated(hosts, pool):
    job = Job(hosts.new_id(), (Command("zeros", "head -c 3000000 /dev/zero"), Command("after", "echo after")))
    record = run_job(pool, hosts.endpoint(), job)
    zeros = record.commands["zeros"]
    assert (len(zeros.output), zeros.truncated, zeros.size) == (1 << 20, True, 3_000_000)
    assert record.commands["after"].output == b"after\n"


def test_a_flood_is_stopped_before_cleanup(hosts, pool, shell):
    job = Job(
        hosts.new_id(),
        (Command("flood", "while :; do head -c 1000000 /dev/zero; sleep 0.05; done"),),
        cleanup="echo clean",
        flood=5 << 20,
    )
    record = run_job(pool, hosts.endpoint(shell), job, limits=Timeouts(output=1000))
    assert record.commands["flood"].why == "flood"
    assert record.commands["cleanup"].output == b"clean\n"
    assert record.status == "failed"
    ack_job(pool, hosts.endpoint(shell), job.id)


def test_commands_cannot_forge_frames_or_read_the_nonce(hosts, pool, shell):
    job = Job(
        hosts.new_id(),
        (
            Command(
                "forger",
                rf"printf '\036%s bye ok 1\n' {'0123456789abcdef' * 2}; printf '\036\n'; printf 'eof done'",
            ),
            Command("spy", "set; env; exit 5", policy="go"),
        ),
    )
    record = run_job(pool, hosts.endpoint(shell), job)
    assert record.status == "ok"
    assert b"bye ok 1" in record.commands["forger"].output
    assert record.commands["spy"].code == 5
    assert job.nonce.encode() not in record.commands["spy"].output


def verdict_job(hosts, wait=20, check="true", **options):
    made = hosts.new_id()
    return Job(
        made,
        (Command("a", hosts.mark(made, "a")),),
        wait=wait,
        check=check,
        keep=(Command("k", hosts.mark(made, "k")),),
        undo=(Command("u", hosts.mark(made, "u")),),
        cleanup=hosts.mark(made, "C"),
        **options,
    )


@pytest.mark.parametrize("word", ["keep", "undo"])
def test_the_verdict_is_carried_out(hosts, pool, shell, word):
    job = verdict_job(hosts)
    times = {}

    def judge(awaiting):
        assert awaiting == Awaiting(20)
        times["sent"] = time.monotonic()
        return word

    def look(event):
        if isinstance(event, Decided):
            times["decided"] = time.monotonic()

    record = run_job(pool, hosts.endpoint(shell), job, verdict=judge, on_event=look)
    assert record.decided == Decided(word, "controller")
    assert record.status == ("ok" if word == "keep" else "undone")
    assert hosts.marks(job) == ["a", word[0], "C"]
    assert times["decided"] - times["sent"] < 1


@pytest.mark.parametrize(("check", "word"), [("true", "keep"), ("false", "undo")])
def test_the_host_decides_after_silence(hosts, pool, shell, check, word):
    job = verdict_job(hosts, wait=1, check=check)
    record = run_job(pool, hosts.endpoint(shell), job)
    assert record.decided == Decided(word, "deadman")
    assert hosts.marks(job) == ["a", word[0], "C"]


@pytest.mark.long
def test_a_slow_verdict_keeps_the_host_waiting(hosts, pool, shell):
    job = verdict_job(hosts, wait=2)

    def judge(awaiting):
        threading.Event().wait(4.5)
        return "keep"

    record = run_job(pool, hosts.endpoint(shell), job, verdict=judge)
    assert record.decided == Decided("keep", "controller")


def test_the_host_decides_without_a_verdict(hosts, pool):
    job = verdict_job(hosts, wait=1, check="false")
    record = run_job(pool, hosts.endpoint(), job, verdict=lambda _: None)
    assert record.decided == Decided("undo", "deadman")


def test_an_error_in_the_judge_is_not_a_verdict(hosts, pool):
    job = verdict_job(hosts, wait=2)

    def judge(awaiting):
        raise RuntimeError("the ledger is locked")

    with pytest.raises(RuntimeError, match="the ledger is locked"):
        run_job(pool, hosts.endpoint(), job, verdict=judge)
    assert hosts.marks(job) == ["a"]
    record = attach_job(pool, hosts.endpoint(), job.id)
    assert record is not None
    assert record.decided == Decided("keep", "deadman")


def test_the_judge_is_not_called_after_a_decision(hosts, pool):
    job = verdict_job(hosts)
    run_job(pool, hosts.endpoint(), job, verdict=lambda _: "undo")
    asked = []
    record = run_job(pool, hosts.endpoint(), job, verdict=asked.append)
    assert record.decided == Decided("undo", "controller")
    assert asked == []


def test_a_verdict_may_use_another_channel(hosts, pool, shell):
    job = verdict_job(hosts)
    records = []

    def tell(event):
        if isinstance(event, Awaiting):
            threading.Thread(
                target=lambda: records.append(tell_job(pool, hosts.endpoint(shell), job.id, "undo"))
            ).start()

    record = run_job(pool, hosts.endpoint(shell), job, on_event=tell)
    assert record.decided == Decided("undo", "controller")
    assert until(lambda: records)
    assert records[0].decided == record.decided


def test_the_first_verdict_wins(hosts, pool, shell):
    for first, second in [("keep", "undo"), ("undo", "keep"), ("keep", "cancel")] * 4:
        job = verdict_job(hosts)
        control = Control()

        def say(event, control=control, first=first, second=second):
            if isinstance(event, Awaiting):
                control.say(first)
                control.say(second)

        record = run_job(pool, hosts.endpoint(shell), job, on_event=say, control=control)
        assert hosts.marks(job) == ["a", first[0], "C"]
        assert record.decided == Decided(first, "controller")


def test_a_failed_command_is_undone_without_a_verdict(hosts, pool):
    made = hosts.new_id()
    job = Job(made, (Command("a", "false"),), wait=20, undo=(Command("u", hosts.mark(made, "u")),))
    record = run_job(pool, hosts.endpoint(), job)
    assert (record.status, record.decided) == ("failed", Decided("undo", "failed"))
    assert hosts.marks(made) == ["u"]


def test_a_failed_undo_is_not_reported_as_undone(hosts, pool):
    job = Job(
        hosts.new_id(),
        (Command("a", "true"),),
        wait=20,
        undo=(Command("u", "false"), Command("v", "echo still")),
    )
    record = run_job(pool, hosts.endpoint(), job, verdict=lambda _: "undo")
    assert record.status == "failed"
    assert record.commands["v"].output == b"still\n"


@pytest.mark.parametrize("way", ["same exec", "other exec"])
def test_a_cancel_kills_the_group_and_cleans_up(hosts, pool, shell, way):
    made = hosts.new_id()
    job = Job(
        made,
        (Command("a", "sleep 70 & sleep 71"), Command("b", hosts.mark(made, "never"))),
        cleanup="sleep 0.2; echo clean",
    )
    control = Control()
    endpoint = hosts.endpoint(shell)
    other = threading.Thread(target=tell_job, args=(pool, endpoint, job.id, "cancel"))

    def cancel(event):
        if event == CommandStarted("a"):
            if way == "same exec":
                control.cancel()
            else:
                other.start()

    record = run_job(pool, endpoint, job, on_event=cancel, control=control)
    if way == "other exec":
        other.join()
    assert record.status == "cancelled"
    assert record.commands["a"].why == "cancelled"
    assert record.commands["b"].why == "cancelled"
    assert record.commands["cleanup"].output == b"clean\n"
    assert hosts.marks(made) == []
    assert not hosts.running("sleep 70", shell)
    assert not hosts.running("sleep 71", shell)


def test_a_cancel_while_waiting_undoes(hosts, pool, shell):
    job = verdict_job(hosts)
    control = Control()
    record = run_job(
        pool,
        hosts.endpoint(shell),
        job,
        control=control,
        on_event=lambda event: control.cancel() if isinstance(event, Awaiting) else None,
    )
    assert (record.status, record.decided) == ("cancelled", Decided("undo", "cancelled"))
    assert hosts.marks(job) == ["a", "u", "C"]


def test_a_cancel_before_the_greeting_is_kept(hosts, pool):
    job = hosts.work(nap="sleep 5")
    control = Control()
    control.cancel()
    record = run_job(pool, hosts.endpoint(), job, control=control)
    assert record.status == "cancelled"


def test_commands_get_the_restore_directory(hosts, pool, shell):
    job = Job(
        hosts.new_id(),
        (
            Command(
                "a", 'echo "$SITECREW_RESTORE"; echo saved >"$SITECREW_RESTORE/x"; ls -ld "$SITECREW_RESTORE"'
            ),
        ),
        wait=10,
        undo=(Command("u", 'cat "$SITECREW_RESTORE/x"'),),
        restore=Restore("2026-11-24T02:00", "shop"),
    )
    record = run_job(pool, hosts.endpoint(shell), job, verdict=lambda _: "undo")
    folder = hosts.homes[shell] / ".sitecrew/restore/2026-11-24T02:00/shop"
    lines = record.commands["a"].text.splitlines()
    assert lines[0] == str(folder)
    assert lines[1].startswith("drwx------")
    assert record.commands["u"].output == b"saved\n"
    ack_job(pool, hosts.endpoint(shell), job.id, confirm=True)
    assert (folder / "x").exists()


def test_garbage_collection_keeps_tombstones(hosts, pool, shell):
    endpoint = hosts.endpoint(shell)
    old, young = (
        hosts.work(1, restore=Restore("old", "site")),
        hosts.work(1, restore=Restore("young", "site")),
    )
    for job in (old, young):
        run_job(pool, endpoint, job)
    long_ago = time.time() - 20 * 86400
    os.utime(hosts.folder(old, shell) / "done", (long_ago, long_ago))
    restore = hosts.homes[shell] / ".sitecrew/restore"
    os.utime(restore / "old/site", (long_ago, long_ago))
    collect_garbage(pool, endpoint)
    assert sorted(path.name for path in hosts.folder(old, shell).iterdir()) == ["done", "id"]
    assert "events" in [path.name for path in hosts.folder(young, shell).iterdir()]
    assert not (restore / "old").exists()
    assert (restore / "young/site").exists()
    assert run_job(pool, endpoint, old).status == "ok"
    assert hosts.marks(old) == ["0", "C"]


def left_over(hosts, shell):
    """The account's processes, without the last sleeps of heartbeats."""
    return [words for words in hosts.processes(shell).values() if "sleep 10" not in words]


def test_no_process_is_left_after_a_job(hosts, pool, shell):
    endpoint = hosts.endpoint(shell)
    job = hosts.work(2)
    run_job(pool, endpoint, job, limits=Timeouts(beat=1))
    ack_job(pool, endpoint, job.id)
    assert until(
        lambda: not [words for words in hosts.processes(shell).values() if "sleep 10" not in words], 5
    )


def test_an_sftp_only_account_is_reported(hosts, pool):
    began = time.monotonic()
    with pytest.raises(NoShellError, match="sftp") as caught:
        run_job(pool, hosts.endpoint("sftp"), hosts.work())
    assert caught.value.hint
    assert time.monotonic() - began < 3


def test_tcsh_and_noisy_login_shells_work(hosts, pool):
    for kind in ("csh", "bash"):
        job = hosts.work()
        hosts.assert_whole(job, run_job(pool, hosts.endpoint(kind), job))


def test_one_session_on_a_connection_is_enough(hosts, pool):
    endpoint = hosts.endpoint(port=hosts.single)
    job = verdict_job(hosts)
    record = run_job(pool, endpoint, job, verdict=lambda _: "keep")
    assert record.ok
    later = hosts.work()  # the channel of the job before is still open for its ack
    hosts.assert_whole(later, run_job(pool, endpoint, later))
    assert len({id(pool.link(endpoint)) for _ in range(3)}) == 1


def test_sites_share_a_single_session(hosts, pool):
    endpoint = hosts.endpoint(port=hosts.single)
    jobs = [hosts.work(2, nap="sleep 0.2") for _ in range(3)]
    records = {}
    threads = [
        threading.Thread(target=lambda job=job: records.__setitem__(job.id, run_job(pool, endpoint, job)))
        for job in jobs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for job in jobs:
        hosts.assert_whole(job, records[job.id])


def test_an_incomplete_body_runs_nothing(hosts, pool):
    from runner.execute.wire import opening, shell_command

    job = hosts.work()
    endpoint = hosts.endpoint()
    start = opening("start", job.id, body=job.body())
    exec_ = pool.link(endpoint).run(shell_command(), 10)
    exec_.send(start.data[:-200], 10)
    exec_._channel.shutdown_write()
    received = b""
    while data := exec_.receive(10):
        received += data
    exec_.close()
    assert received == b""
    assert hosts.marks(job) == []
    hosts.assert_whole(job, run_job(pool, endpoint, job))


@pytest.mark.parametrize("junk", [{}, {"b.99999": "nonce=1\nhalf a bo"}, {"b.1": "x", "id.77": "n 77 1 b\n"}])
def test_a_directory_without_an_id_is_not_a_job(hosts, pool, junk):
    job = hosts.work()
    folder = hosts.folder(job)
    hosts_uid = hosts.uid()
    folder.mkdir(mode=0o700, parents=True)
    for path, content in junk.items():
        (folder / path).write_text(content)
    for path in [folder, *folder.iterdir()]:
        os.chown(path, hosts_uid, hosts_uid)
    for path in (folder.parent, folder.parent.parent):
        os.chown(path, hosts_uid, hosts_uid)
    assert attach_job(pool, hosts.endpoint(), job.id) is None
    hosts.assert_whole(job, run_job(pool, hosts.endpoint(), job))


def test_a_command_gets_the_locale_of_the_login(hosts, pool, shell):
    for lines, locale in (("unset LC_ALL", "C.UTF-8"), ("export LC_ALL=POSIX", "POSIX")):
        job = Job(hosts.new_id(), (Command("a", 'sh -c "echo \\$LC_ALL"'),))
        record = run_job(pool, hosts.wrapped(f"locale-{locale}-{shell}", lines, shell), job)
        assert record.commands["a"].text == f"{locale}\n"


def test_an_unusable_home_falls_back_to_var_tmp(hosts, pool):
    for name, lines in (
        ("missing", "HOME=/nonexistent/x"),
        ("unset", "unset HOME LOGNAME USER"),
    ):
        job = hosts.work()
        endpoint = hosts.wrapped(name, lines)
        hosts.assert_whole(job, run_job(pool, endpoint, job))
        assert list(Path("/var/tmp").glob(f".sitecrew-*/jobs/{job.id}")), name
        assert run_job(pool, endpoint, job).attached


def test_a_root_of_another_user_is_not_used(hosts, pool):
    home = hosts.base / "home"
    for name in ("link", "foreign"):
        place = home / name
        place.mkdir(parents=True)
        place.chmod(0o777)
        if name == "link":
            (place / ".sitecrew").symlink_to(hosts.homes["sh"])
        else:
            (place / ".sitecrew").mkdir(mode=0o777)
            (place / ".sitecrew").chmod(0o777)
        job = hosts.work()
        hosts.assert_whole(job, run_job(pool, hosts.wrapped(name, f"HOME={place}"), job))
        assert list(Path("/var/tmp").glob(f".sitecrew-*/jobs/{job.id}")), name
        assert not list(place.glob(".sitecrew/jobs"))


@pytest.mark.parametrize("variable", ["SITECREW_NO_SETSID", "SITECREW_NO_PROC"])
def test_hosts_without_setsid_or_proc_work(hosts, pool, variable):
    endpoint = hosts.wrapped(variable.lower(), f"{variable}=1; export {variable}")
    job = hosts.work()
    hosts.assert_whole(job, run_job(pool, endpoint, job))
    slow = Job(hosts.new_id(), (Command("a", "sleep 80 & sleep 81", timeout=1),))
    assert run_job(pool, endpoint, slow).commands["a"].why == "timeout"
    assert not hosts.running("sleep 80")


@pytest.mark.parametrize("spec", ["-400d", "+4000d", "+0 x500"])
def test_clock_jumps_do_not_affect_a_job(hosts, pool, spec):
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    lines = f"export LD_PRELOAD={library} FAKETIME='{spec}' FAKETIME_DONT_FAKE_MONOTONIC=1"
    job = hosts.work(nap="sleep 0.05")
    hosts.assert_whole(job, run_job(pool, hosts.wrapped("clock", lines), job))
    again = run_job(pool, hosts.endpoint(), job)
    hosts.assert_whole(job, again)
    assert again.attached


def test_a_job_without_driver_and_warden_is_lost(hosts, pool, shell):
    made = hosts.new_id()
    job = Job(made, (Command("a", f"{hosts.mark(made, 'a')}; sleep 60"),))
    endpoint = hosts.endpoint(shell)

    def kill(event):
        if event == CommandStarted("a"):
            assert until(lambda: hosts.running("sleep 60", shell))
            for which in ("driver", "warden"):
                os.kill(hosts.pid(job, which, shell), 9)

    with pytest.raises(LostError, match="killed") as caught:
        run_job(pool, endpoint, job, on_event=kill)
    assert caught.value.hint
    with pytest.raises(LostError):
        run_job(pool, endpoint, job)
    assert until(lambda: not hosts.running("sleep 60", shell))
    assert hosts.marks(made) == ["a"]


def test_a_killed_warden_is_replaced(hosts, pool, shell):
    made = hosts.new_id()
    job = Job(made, (Command("a", "sleep 0.5"), Command("b", "sleep 40", timeout=1)))

    def kill(event):
        if event == CommandStarted("a"):
            os.kill(hosts.pid(job, "warden", shell), 9)

    record = run_job(pool, hosts.endpoint(shell), job, on_event=kill)
    assert record.commands["b"].why == "timeout"


def test_a_job_deleted_on_the_host_is_lost(hosts, pool):
    import shutil

    job = hosts.work(3, nap="sleep 0.3")

    def vanish(event):
        if event == CommandStarted("t0"):
            shutil.rmtree(hosts.folder(job))
            pool.link(hosts.endpoint()).close()

    with pytest.raises(LostError):
        run_job(pool, hosts.endpoint(), job, on_event=vanish)
    assert hosts.marks(job).count("0") <= 1


def test_a_full_disk_refuses_the_job(hosts, pool, tmp_path_factory):
    place = Path(hosts.base / "small")
    with hosts.disk(place, "24k"):
        (place / "fill").write_bytes(b"\0" * 14_000)
        endpoint = hosts.wrapped("small", f"HOME={place}")
        job = hosts.work()
        with pytest.raises(JobRefusedError, match="disk is full") as caught:
            run_job(pool, endpoint, job)
        assert caught.value.hint
        assert hosts.marks(job) == []
        (place / "fill").unlink()
    hosts.assert_whole(job, run_job(pool, hosts.endpoint(), job))


def test_a_job_on_a_filling_disk_still_cleans_up(hosts, pool):
    place = Path(hosts.base / "filling")
    with hosts.disk(place, "400k"):
        endpoint = hosts.wrapped("filling", f"HOME={place}")
        made = hosts.new_id()
        job = Job(
            made,
            (
                Command("a", hosts.mark(made, "a") + "; head -c 250000 /dev/zero"),
                Command("b", hosts.mark(made, "b") + "; head -c 3000000 /dev/zero", policy="go"),
                Command("d", hosts.mark(made, "d")),
            ),
            cleanup=hosts.mark(made, "C"),
        )
        record = run_job(pool, endpoint, job)
        assert record.status == "nospace"
        assert record.commands["d"].why == "nospace"
        assert hosts.marks(made) == ["a", "b", "C"]


def test_a_noexec_or_read_only_home_works(hosts, pool):
    for name, options in (("noexec", "size=4m,noexec"), ("readonly", "ro")):
        place = hosts.base / name
        with hosts.disk(place, options):
            job = hosts.work()
            hosts.assert_whole(job, run_job(pool, hosts.wrapped(name, f"HOME={place}"), job))


@pytest.mark.parametrize("line", ["exec sh", "exec sleep 1000", "exec bash -i", "exec cat"])
def test_a_replaced_login_shell_runs_no_job(hosts, pool, line):
    start_up = hosts.homes["bash"] / ".bashrc"
    before = start_up.read_text() if start_up.exists() else None
    start_up.write_text(f"{line}\n")
    job = hosts.work()
    try:
        with pytest.raises(SilentShellError, match="login shell"):
            run_job(pool, hosts.endpoint("bash"), job, limits=Timeouts(hello=1.0))
    finally:
        start_up.unlink() if before is None else start_up.write_text(before)
    assert hosts.marks(job) == []
    hosts.assert_whole(job, run_job(pool, hosts.endpoint("bash"), job))
