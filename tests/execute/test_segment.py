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
    Control,
    Decided,
    Ended,
    Job,
    Limits,
    Restore,
    Started,
    Task,
    TaskBegan,
    TaskEnded,
    TaskOutput,
    ack_job,
    attach_job,
    collect_garbage,
    run_job,
    tell_job,
)
from runner.execute.noshell import SilentShellError


def test_a_job_runs_and_every_byte_comes_back(hosts, pool, shell):
    job = hosts.work()
    events = []
    record = run_job(pool, hosts.endpoint(shell), job, on_event=events.append)
    hosts.assert_whole(job, record)
    assert (record.attached, record.links) == (False, 1)
    kinds = [type(event) for event in events if not isinstance(event, TaskOutput)]
    assert kinds == [Started, *[TaskBegan, TaskEnded] * 5, Ended]


def test_a_second_start_tells_what_the_first_did_and_runs_nothing(hosts, pool, shell):
    job = hosts.work()
    run_job(pool, hosts.endpoint(shell), job)
    again = run_job(pool, hosts.endpoint(shell), job)
    hosts.assert_whole(job, again)
    assert again.attached


def test_an_acked_job_leaves_a_tombstone_and_never_runs_again(hosts, pool, shell):
    job = hosts.work()
    endpoint = hosts.endpoint(shell)
    run_job(pool, endpoint, job)
    ack_job(pool, endpoint, job.id)
    folder = hosts.folder(job, shell)
    assert until(lambda: sorted(path.name for path in folder.iterdir()) == ["done", "id"])
    again = run_job(pool, endpoint, job)
    assert (again.status, again.attached, again.tasks) == ("ok", True, {})
    attached = attach_job(pool, endpoint, job.id)
    assert attached is not None
    assert attached.status == "ok"
    assert hosts.marks(job) == ["0", "1", "2", "3", "C"]


def test_an_ack_costs_no_exec_of_its_own(hosts, pool):
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


def test_an_ack_after_the_link_is_gone_has_an_exec_of_its_own(hosts, pool):
    endpoint = hosts.endpoint()
    job = hosts.work(1)
    run_job(pool, endpoint, job)
    pool.link(endpoint).close()
    ack_job(pool, endpoint, job.id)
    assert sorted(path.name for path in hosts.folder(job).iterdir()) == ["done", "id"]


def test_a_running_job_is_not_forgotten_by_an_ack(hosts, pool):
    endpoint = hosts.endpoint()
    job = hosts.work(2, nap="sleep 0.3")

    def ack(event):
        if event == TaskBegan("t0"):
            ack_job(pool, endpoint, job.id)

    hosts.assert_whole(job, run_job(pool, endpoint, job, on_event=ack))


def test_the_host_does_not_know_a_job_that_was_never_started(hosts, pool, shell):
    assert attach_job(pool, hosts.endpoint(shell), hosts.new_id()) is None


def test_a_failed_task_stops_the_others_unless_told_to_go_on(hosts, pool, shell):
    job = Job(
        hosts.new_id(),
        (
            Task("a", "exit 3", policy="go"),
            Task("b", "echo b; exit 4"),
            Task("c", "echo never"),
        ),
        cleanup="echo clean",
    )
    record = run_job(pool, hosts.endpoint(shell), job)
    assert record.status == "failed"
    assert {name: (task.code, task.why) for name, task in record.tasks.items()} == {
        "a": (3, ""),
        "b": (4, ""),
        "c": (None, "failed"),
        "cleanup": (0, ""),
    }


def test_a_task_is_alone(hosts, pool, shell):
    """A syntax error, an exit, a change of folder, a reader of stdin: nothing reaches the next task."""
    job = Job(
        hosts.new_id(),
        (
            Task("syntax", "if then (", policy="go"),
            Task("chatty", "cd /; X=1; export X; cat; exit 0", env={"Y": "it's"}),
            Task("last", 'echo "${X-unset} ${Y-unset}"; pwd; ls -l /proc/$$/fd'),
        ),
    )
    record = run_job(pool, hosts.endpoint(shell), job)
    assert record.tasks["syntax"].code not in (0, None)
    assert record.tasks["chatty"].output == b""
    lines = record.tasks["last"].text.splitlines()
    assert lines[:2] == ["unset unset", str(hosts.homes[shell])]
    events = [line for line in lines[2:] if line.endswith("/events")]
    assert len(events) == 2, "only stdout and stderr lead to the events"
    assert not [line for line in lines[2:] if "pipe:" in line or "socket:" in line]


def test_stderr_can_be_kept_apart(hosts, pool, shell):
    job = Job(
        hosts.new_id(),
        (
            Task("apart", "echo out; echo err >&2; echo more >&2", stderr=6),
            Task("merged", "echo out; echo err >&2"),
        ),
    )
    record = run_job(pool, hosts.endpoint(shell), job)
    assert (record.tasks["apart"].output, record.tasks["apart"].error) == (b"out\n", b"err\nmo")
    assert record.tasks["merged"].output == b"out\nerr\n"


def test_a_timeout_ends_the_whole_group(hosts, pool, shell):
    job = Job(
        hosts.new_id(),
        (
            Task("slow", "sleep 50 & sleep 51", timeout=1, policy="go"),
            Task("left", "(sleep 3; echo late) & echo now"),
        ),
        cleanup="echo clean",
    )
    record = run_job(pool, hosts.endpoint(shell), job)
    slow, left = record.tasks["slow"], record.tasks["left"]
    assert (slow.code, slow.why) == (124, "timeout")
    assert left.ok
    assert left.seconds < 1, "a child in the background holds its task up"
    assert record.tasks["cleanup"].output.startswith(b"clean\n")
    assert not hosts.running("sleep 50", shell)
    assert not hosts.running("sleep 51", shell)


@pytest.mark.long
def test_a_task_that_ignores_the_signal_is_killed(hosts, pool, shell):
    job = Job(hosts.new_id(), (Task("deaf", "trap '' TERM; while :; do sleep 1; done", timeout=1),))
    task = run_job(pool, hosts.endpoint(shell), job).tasks["deaf"]
    assert (task.code, task.why) == (124, "timeout")
    assert task.seconds < 14


def test_big_scripts_and_big_outputs_are_exact(hosts, pool, shell):
    job = Job(
        hosts.new_id(),
        (
            Task("random", "head -c 5242880 /dev/urandom | tee $HOME/big"),
            Task("long", "#" + "y" * 200_000 + "\necho ok"),
        ),
    )
    record = run_job(pool, hosts.endpoint(shell), job, limits=Limits(output=8 << 20))
    assert record.tasks["random"].output == (hosts.homes[shell] / "big").read_bytes()
    assert record.tasks["long"].output == b"ok\n"


def test_too_much_output_is_cut_and_marked(hosts, pool):
    job = Job(hosts.new_id(), (Task("zeros", "head -c 3000000 /dev/zero"), Task("after", "echo after")))
    record = run_job(pool, hosts.endpoint(), job)
    zeros = record.tasks["zeros"]
    assert (len(zeros.output), zeros.truncated, zeros.size) == (1 << 20, True, 3_000_000)
    assert record.tasks["after"].output == b"after\n"


def test_a_flood_is_stopped_and_cleaned_up_after(hosts, pool, shell):
    job = Job(
        hosts.new_id(),
        (Task("flood", "while :; do head -c 1000000 /dev/zero; sleep 0.05; done"),),
        cleanup="echo clean",
        flood=5 << 20,
    )
    record = run_job(pool, hosts.endpoint(shell), job, limits=Limits(output=1000))
    assert record.tasks["flood"].why == "flood"
    assert record.tasks["cleanup"].output == b"clean\n"
    assert record.status == "failed"
    ack_job(pool, hosts.endpoint(shell), job.id)


def test_forged_frames_are_text_and_the_nonce_is_nowhere(hosts, pool, shell):
    job = Job(
        hosts.new_id(),
        (
            Task(
                "forger",
                rf"printf '\036%s bye ok 1\n' {'0123456789abcdef' * 2}; printf '\036\n'; printf 'eof done'",
            ),
            Task("spy", "set; env; exit 5", policy="go"),
        ),
    )
    record = run_job(pool, hosts.endpoint(shell), job)
    assert record.status == "ok"
    assert b"bye ok 1" in record.tasks["forger"].output
    assert record.tasks["spy"].code == 5
    assert job.nonce.encode() not in record.tasks["spy"].output


def verdict_job(hosts, wait=20, check="true", **options):
    made = hosts.new_id()
    return Job(
        made,
        (Task("a", hosts.mark(made, "a")),),
        wait=wait,
        check=check,
        keep=(Task("k", hosts.mark(made, "k")),),
        undo=(Task("u", hosts.mark(made, "u")),),
        cleanup=hosts.mark(made, "C"),
        **options,
    )


@pytest.mark.parametrize("word", ["keep", "undo"])
def test_the_verdict_is_carried_out(hosts, pool, shell, word):
    job = verdict_job(hosts)
    times = {}

    def judge(awaiting):
        assert awaiting == Awaiting(20)
        times["said"] = time.monotonic()
        return word

    def look(event):
        if isinstance(event, Decided):
            times["decided"] = time.monotonic()

    record = run_job(pool, hosts.endpoint(shell), job, verdict=judge, on_event=look)
    assert record.decided == Decided(word, "controller")
    assert record.status == ("ok" if word == "keep" else "undone")
    assert hosts.marks(job) == ["a", word[0], "C"]
    assert times["decided"] - times["said"] < 1


@pytest.mark.parametrize(("check", "word"), [("true", "keep"), ("false", "undo")])
def test_silence_lets_the_host_look_and_decide(hosts, pool, shell, check, word):
    job = verdict_job(hosts, wait=1, check=check)
    record = run_job(pool, hosts.endpoint(shell), job)
    assert record.decided == Decided(word, "deadman")
    assert hosts.marks(job) == ["a", word[0], "C"]


def test_a_long_look_holds_the_dead_man_off(hosts, pool, shell):
    job = verdict_job(hosts, wait=2)

    def judge(awaiting):
        threading.Event().wait(4.5)
        return "keep"

    record = run_job(pool, hosts.endpoint(shell), job, verdict=judge)
    assert record.decided == Decided("keep", "controller")


def test_a_look_without_a_verdict_leaves_it_to_the_host(hosts, pool):
    job = verdict_job(hosts, wait=1, check="false")
    record = run_job(pool, hosts.endpoint(), job, verdict=lambda _: None)
    assert record.decided == Decided("undo", "deadman")


def test_what_a_look_raises_is_no_verdict(hosts, pool):
    job = verdict_job(hosts, wait=2)

    def judge(awaiting):
        raise RuntimeError("the ledger is locked")

    with pytest.raises(RuntimeError, match="the ledger is locked"):
        run_job(pool, hosts.endpoint(), job, verdict=judge)
    assert hosts.marks(job) == ["a"]
    record = attach_job(pool, hosts.endpoint(), job.id)
    assert record is not None
    assert record.decided == Decided("keep", "deadman")


def test_nobody_is_asked_again_once_it_is_decided(hosts, pool):
    job = verdict_job(hosts)
    run_job(pool, hosts.endpoint(), job, verdict=lambda _: "undo")
    asked = []
    record = run_job(pool, hosts.endpoint(), job, verdict=asked.append)
    assert record.decided == Decided("undo", "controller")
    assert asked == []


def test_a_verdict_can_come_over_another_exec(hosts, pool, shell):
    job = verdict_job(hosts)
    told = []

    def tell(event):
        if isinstance(event, Awaiting):
            threading.Thread(
                target=lambda: told.append(tell_job(pool, hosts.endpoint(shell), job.id, "undo"))
            ).start()

    record = run_job(pool, hosts.endpoint(shell), job, on_event=tell)
    assert record.decided == Decided("undo", "controller")
    assert until(lambda: told)
    assert told[0].decided == record.decided


def test_the_first_word_wins(hosts, pool, shell):
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


def test_a_failed_task_is_undone_without_a_verdict(hosts, pool):
    made = hosts.new_id()
    job = Job(made, (Task("a", "false"),), wait=20, undo=(Task("u", hosts.mark(made, "u")),))
    record = run_job(pool, hosts.endpoint(), job)
    assert (record.status, record.decided) == ("failed", Decided("undo", "failed"))
    assert hosts.marks(made) == ["u"]


def test_an_undo_that_fails_is_not_called_undone(hosts, pool):
    job = Job(
        hosts.new_id(), (Task("a", "true"),), wait=20, undo=(Task("u", "false"), Task("v", "echo still"))
    )
    record = run_job(pool, hosts.endpoint(), job, verdict=lambda _: "undo")
    assert record.status == "failed"
    assert record.tasks["v"].output == b"still\n"


@pytest.mark.parametrize("way", ["same exec", "other exec"])
def test_cancelling_kills_the_group_and_cleans_up(hosts, pool, shell, way):
    made = hosts.new_id()
    job = Job(
        made,
        (Task("a", "sleep 70 & sleep 71"), Task("b", hosts.mark(made, "never"))),
        cleanup="sleep 0.2; echo clean",
    )
    control = Control()
    endpoint = hosts.endpoint(shell)
    other = threading.Thread(target=tell_job, args=(pool, endpoint, job.id, "cancel"))

    def cancel(event):
        if event == TaskBegan("a"):
            if way == "same exec":
                control.cancel()
            else:
                other.start()

    record = run_job(pool, endpoint, job, on_event=cancel, control=control)
    if way == "other exec":
        other.join()
    assert record.status == "cancelled"
    assert record.tasks["a"].why == "cancelled"
    assert record.tasks["b"].why == "cancelled"
    assert record.tasks["cleanup"].output == b"clean\n"
    assert hosts.marks(made) == []
    assert not hosts.running("sleep 70", shell)
    assert not hosts.running("sleep 71", shell)


def test_cancelling_while_it_waits_undoes(hosts, pool, shell):
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


def test_a_cancel_before_the_greeting_is_not_lost(hosts, pool):
    job = hosts.work(nap="sleep 5")
    control = Control()
    control.cancel()
    record = run_job(pool, hosts.endpoint(), job, control=control)
    assert record.status == "cancelled"


def test_tasks_find_their_restore_folder(hosts, pool, shell):
    job = Job(
        hosts.new_id(),
        (
            Task(
                "a", 'echo "$SITECREW_RESTORE"; echo saved >"$SITECREW_RESTORE/x"; ls -ld "$SITECREW_RESTORE"'
            ),
        ),
        wait=10,
        undo=(Task("u", 'cat "$SITECREW_RESTORE/x"'),),
        restore=Restore("2026-11-24T02:00", "shop"),
    )
    record = run_job(pool, hosts.endpoint(shell), job, verdict=lambda _: "undo")
    folder = hosts.homes[shell] / ".sitecrew/restore/2026-11-24T02:00/shop"
    lines = record.tasks["a"].text.splitlines()
    assert lines[0] == str(folder)
    assert lines[1].startswith("drwx------")
    assert record.tasks["u"].output == b"saved\n"
    ack_job(pool, hosts.endpoint(shell), job.id, confirm=True)
    assert (folder / "x").exists()


def test_garbage_is_collected_and_tombstones_stay(hosts, pool, shell):
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
    """What the account still runs, but for the last naps of heartbeats."""
    return [words for words in hosts.processes(shell).values() if "sleep 10" not in words]


def test_nothing_is_left_running_after_a_job(hosts, pool, shell):
    endpoint = hosts.endpoint(shell)
    job = hosts.work(2)
    run_job(pool, endpoint, job, limits=Limits(beat=1))
    ack_job(pool, endpoint, job.id)
    assert until(
        lambda: not [words for words in hosts.processes(shell).values() if "sleep 10" not in words], 5
    )


def test_an_account_without_a_shell_is_told_apart(hosts, pool):
    began = time.monotonic()
    with pytest.raises(NoShellError, match="sftp") as caught:
        run_job(pool, hosts.endpoint("sftp"), hosts.work())
    assert caught.value.hint
    assert time.monotonic() - began < 3


def test_a_login_shell_may_be_tcsh_and_may_be_noisy(hosts, pool):
    for kind in ("csh", "bash"):
        job = hosts.work()
        hosts.assert_whole(job, run_job(pool, hosts.endpoint(kind), job))


def test_one_session_on_a_connection_is_enough(hosts, pool):
    endpoint = hosts.endpoint(port=hosts.single)
    job = verdict_job(hosts)
    record = run_job(pool, endpoint, job, verdict=lambda _: "keep")
    assert record.ok
    later = hosts.work()  # the exec of the job before still lingers for its ack
    hosts.assert_whole(later, run_job(pool, endpoint, later))
    assert len({id(pool.link(endpoint)) for _ in range(3)}) == 1


def test_two_sites_take_turns_where_one_session_is_allowed(hosts, pool):
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


def test_a_body_that_was_cut_runs_nothing(hosts, pool):
    from runner.execute.wire import command, opening

    job = hosts.work()
    endpoint = hosts.endpoint()
    start = opening("start", job.id, body=job.body())
    exec_ = pool.link(endpoint).run(command(), 10)
    exec_.send(start.data[:-200], 10)
    exec_._channel.shutdown_write()
    said = b""
    while data := exec_.receive(10):
        said += data
    exec_.close()
    assert said == b""
    assert hosts.marks(job) == []
    hosts.assert_whole(job, run_job(pool, endpoint, job))


@pytest.mark.parametrize("junk", [{}, {"b.99999": "nonce=1\nhalf a bo"}, {"b.1": "x", "id.77": "n 77 1 b\n"}])
def test_a_folder_without_an_id_is_no_job(hosts, pool, junk):
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


def test_a_task_has_the_login_s_locale_else_a_plain_utf_8(hosts, pool, shell):
    for lines, locale in (("unset LC_ALL", "C.UTF-8"), ("export LC_ALL=POSIX", "POSIX")):
        job = Job(hosts.new_id(), (Task("a", 'sh -c "echo \\$LC_ALL"'),))
        record = run_job(pool, hosts.wrapped(f"locale-{locale}-{shell}", lines, shell), job)
        assert record.tasks["a"].text == f"{locale}\n"


def test_a_home_that_cannot_be_used_is_gone_around(hosts, pool):
    for name, lines in (
        ("missing", "HOME=/nonexistent/x"),
        ("unset", "unset HOME LOGNAME USER"),
    ):
        job = hosts.work()
        endpoint = hosts.wrapped(name, lines)
        hosts.assert_whole(job, run_job(pool, endpoint, job))
        assert list(Path("/var/tmp").glob(f".sitecrew-*/jobs/{job.id}")), name
        assert run_job(pool, endpoint, job).attached


def test_a_root_that_is_a_link_or_another_users_is_not_used(hosts, pool):
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
def test_hosts_without_setsid_or_proc_do_too(hosts, pool, variable):
    endpoint = hosts.wrapped(variable.lower(), f"{variable}=1; export {variable}")
    job = hosts.work()
    hosts.assert_whole(job, run_job(pool, endpoint, job))
    slow = Job(hosts.new_id(), (Task("a", "sleep 80 & sleep 81", timeout=1),))
    assert run_job(pool, endpoint, slow).tasks["a"].why == "timeout"
    assert not hosts.running("sleep 80")


@pytest.mark.parametrize("spec", ["-400d", "+4000d", "+0 x500"])
def test_jumps_of_the_wall_clock_change_nothing(hosts, pool, spec):
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    lines = f"export LD_PRELOAD={library} FAKETIME='{spec}' FAKETIME_DONT_FAKE_MONOTONIC=1"
    job = hosts.work(nap="sleep 0.05")
    hosts.assert_whole(job, run_job(pool, hosts.wrapped("clock", lines), job))
    again = run_job(pool, hosts.endpoint(), job)
    hosts.assert_whole(job, again)
    assert again.attached


def test_a_dead_host_process_pair_is_lost_and_its_task_is_stopped(hosts, pool, shell):
    made = hosts.new_id()
    job = Job(made, (Task("a", f"{hosts.mark(made, 'a')}; sleep 60"),))
    endpoint = hosts.endpoint(shell)

    def kill(event):
        if event == TaskBegan("a"):
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


def test_a_killed_warden_is_replaced_before_the_next_task(hosts, pool, shell):
    made = hosts.new_id()
    job = Job(made, (Task("a", "sleep 0.5"), Task("b", "sleep 40", timeout=1)))

    def kill(event):
        if event == TaskBegan("a"):
            os.kill(hosts.pid(job, "warden", shell), 9)

    record = run_job(pool, hosts.endpoint(shell), job, on_event=kill)
    assert record.tasks["b"].why == "timeout"


def test_a_job_that_vanished_from_the_host_is_lost_not_begun_again(hosts, pool):
    import shutil

    job = hosts.work(3, nap="sleep 0.3")

    def vanish(event):
        if event == TaskBegan("t0"):
            shutil.rmtree(hosts.folder(job))
            pool.link(hosts.endpoint()).close()

    with pytest.raises(LostError):
        run_job(pool, hosts.endpoint(), job, on_event=vanish)
    assert hosts.marks(job).count("0") <= 1


def test_a_full_disk_at_the_start_refuses_and_burns_nothing(hosts, pool, tmp_path_factory):
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


def test_a_disk_that_fills_up_still_gets_its_cleanup_and_its_record(hosts, pool):
    place = Path(hosts.base / "filling")
    with hosts.disk(place, "400k"):
        endpoint = hosts.wrapped("filling", f"HOME={place}")
        made = hosts.new_id()
        job = Job(
            made,
            (
                Task("a", hosts.mark(made, "a") + "; head -c 250000 /dev/zero"),
                Task("b", hosts.mark(made, "b") + "; head -c 3000000 /dev/zero", policy="go"),
                Task("d", hosts.mark(made, "d")),
            ),
            cleanup=hosts.mark(made, "C"),
        )
        record = run_job(pool, endpoint, job)
        assert record.status == "nospace"
        assert record.tasks["d"].why == "nospace"
        assert hosts.marks(made) == ["a", "b", "C"]


def test_a_noexec_or_read_only_home_is_no_obstacle(hosts, pool):
    for name, options in (("noexec", "size=4m,noexec"), ("readonly", "ro")):
        place = hosts.base / name
        with hosts.disk(place, options):
            job = hosts.work()
            hosts.assert_whole(job, run_job(pool, hosts.wrapped(name, f"HOME={place}"), job))


@pytest.mark.parametrize("line", ["exec sh", "exec sleep 1000", "exec bash -i", "exec cat"])
def test_a_login_shell_that_becomes_another_has_begun_nothing(hosts, pool, line):
    start_up = hosts.homes["bash"] / ".bashrc"
    before = start_up.read_text() if start_up.exists() else None
    start_up.write_text(f"{line}\n")
    job = hosts.work()
    try:
        with pytest.raises(SilentShellError, match="login's shell"):
            run_job(pool, hosts.endpoint("bash"), job, limits=Limits(hello=1.0))
    finally:
        start_up.unlink() if before is None else start_up.write_text(before)
    assert hosts.marks(job) == []
    hosts.assert_whole(job, run_job(pool, hosts.endpoint("bash"), job))
