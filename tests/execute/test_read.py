from __future__ import annotations

import hashlib
import threading
import time

import pytest
from driver_hosts import until
from proxies import Proxy

from runner.errors import NoShellError, UnreachableError
from runner.execute import Pool, Restore, Task, read, stream


def test_several_facts_come_in_one_exec_each_from_its_own_shell(hosts, pool, shell):
    endpoint = hosts.endpoint(shell)
    link = pool.link(endpoint)
    before = link._transport._channel_counter
    records = read(
        pool,
        endpoint,
        [
            Task("first", "cd /; X=1; echo out; echo err >&2; exit 3", policy="go"),
            Task("broken", "if then (", policy="go"),
            Task("second", 'cat; echo "${X-unset} $Y"; pwd', env={"Y": "it's"}),
            Task("binary", r"printf 'a\0b\377\036'"),
        ],
    )
    assert link._transport._channel_counter == before + 1
    first = records["first"]
    assert (first.code, first.output, first.error) == (3, b"out\n", b"err\n")
    assert records["broken"].code not in (0, None)
    assert records["second"].text == f"unset it's\n{hosts.homes[shell]}\n"
    assert records["binary"].output == b"a\0b\xff\x1e"
    assert records["second"].error == b""


def test_reading_leaves_no_folder(hosts, pool, shell):
    before = (
        sorted((hosts.homes[shell] / ".sitecrew").rglob("*"))
        if (hosts.homes[shell] / ".sitecrew").exists()
        else []
    )
    read(pool, hosts.endpoint(shell), [Task("a", "true")])
    after = (
        sorted((hosts.homes[shell] / ".sitecrew").rglob("*"))
        if (hosts.homes[shell] / ".sitecrew").exists()
        else []
    )
    assert before == after


def test_a_reader_that_is_late_is_stopped_and_the_next_one_runs(hosts, pool, shell):
    records = read(
        pool,
        hosts.endpoint(shell),
        [Task("slow", "echo begun; sleep 60", timeout=1, policy="go"), Task("next", "echo next")],
    )
    slow = records["slow"]
    assert (slow.code, slow.why, slow.output) == (124, "timeout", b"begun\n")
    assert records["next"].output == b"next\n"
    assert until(lambda: not hosts.running("sleep 60", shell))


def test_after_a_failed_reader_the_others_are_skipped_unless_it_says_go(hosts, pool):
    records = read(pool, hosts.endpoint(), [Task("a", "false"), Task("b", "true")])
    assert (records["b"].code, records["b"].why) == (None, "failed")


def test_a_flood_of_stderr_holds_nothing_up(hosts, pool, shell):
    records = read(pool, hosts.endpoint(shell), [Task("a", "head -c 9000000 /dev/zero >&2; echo done")])
    assert records["a"].output == b"done\n"
    assert 0 < len(records["a"].error) <= 65536


def test_a_task_that_prints_without_end_is_stopped_and_the_others_run(hosts, pool, shell):
    tasks = [Task("a", "cat /dev/zero", policy="go", timeout=60), Task("b", "echo fine")]
    began = time.monotonic()
    records = read(pool, hosts.endpoint(shell), tasks, cap=1000)
    assert (records["a"].why, records["a"].ok, len(records["a"].output)) == ("flood", False, 1000)
    assert records["b"].output == b"fine\n"
    assert time.monotonic() - began < 30
    assert until(lambda: not hosts.running("cat /dev/zero", shell))


def test_an_output_beyond_the_cap_is_cut_and_marked(hosts, pool):
    record = read(pool, hosts.endpoint(), [Task("a", "head -c 300000 /dev/zero")], cap=1000)["a"]
    assert (len(record.output), record.truncated, record.size) == (1000, True, 300_000)


def test_a_reader_finds_the_restore_points_of_a_run(hosts, pool):
    record = read(
        pool, hosts.endpoint(), [Task("a", 'echo "$SITECREW_RESTORE"')], restore=Restore("r1", "shop")
    )["a"]
    assert record.text.strip() == str(hosts.homes["sh"] / ".sitecrew/restore/r1/shop")


def test_a_stale_connection_is_opened_anew(hosts, pool):
    endpoint = hosts.endpoint()
    pool.link(endpoint)._transport.sock.close()
    assert read(pool, endpoint, [Task("a", "echo ok")])["a"].output == b"ok\n"


def test_an_account_without_a_shell_says_so(hosts, pool):
    with pytest.raises(NoShellError):
        read(pool, hosts.endpoint("sftp"), [Task("a", "true")])


def test_a_host_that_hangs_up_before_it_has_read_everything_tells_why_all_the_same(hosts, pool):
    with pytest.raises(NoShellError):
        read(pool, hosts.endpoint("sftp"), [Task("a", f"echo {'x' * 8_000_000}")])


def test_streams_are_exact_and_tell_how_their_producers_ended(hosts, pool, shell):
    home = hosts.homes[shell]
    sums = {"database": hashlib.sha256(), "files": hashlib.sha256()}
    records = stream(
        pool,
        hosts.endpoint(shell),
        [
            Task("database", "head -c 7000000 /dev/urandom | tee $HOME/one; echo note >&2", policy="go"),
            Task("files", "head -c 3000001 /dev/urandom | tee $HOME/two; exit 2"),
        ],
        lambda name, data: sums[name].update(data),
    )
    for name, file in (("database", "one"), ("files", "two")):
        content = (home / file).read_bytes()
        assert sums[name].hexdigest() == hashlib.sha256(content).hexdigest()
        assert records[name].size == len(content)
        assert records[name].output == b""
    assert (records["database"].code, records["files"].code) == (0, 2)
    assert records["database"].error == b"note\n"


def test_a_slow_sink_slows_the_producer_and_loses_nothing(hosts, pool):
    got = bytearray()

    def sink(name, data):
        if len(got) < 300_000:
            threading.Event().wait(0.02)
        got.extend(data)

    task = Task("a", "head -c 40000000 /dev/zero; date +%s >$HOME/finished")
    record = stream(pool, hosts.endpoint(), [task], sink)["a"]
    assert record.size == len(got) == 40_000_000


def test_what_a_sink_raises_ends_the_stream_and_its_producer(hosts, pool):
    def sink(name, data):
        raise OSError("no space left on the controller")

    with pytest.raises(OSError, match="no space left"):
        stream(pool, hosts.endpoint(), [Task("a", "cat /dev/zero; sleep 61")], sink)
    assert until(lambda: not hosts.running("cat /dev/zero") and not hosts.running("sleep 61"), 5)


def test_a_link_cut_in_a_stream_is_an_error_never_a_short_stream(hosts):
    with Proxy((hosts.address, hosts.port), budget=400_000) as proxy, Pool() as links:
        endpoint = hosts.endpoint(port=proxy.port, address=proxy.address)
        with pytest.raises(UnreachableError, match="in the middle"):
            stream(links, endpoint, [Task("a", "head -c 4000000 /dev/zero; sleep 62")], lambda *_: None)
    assert until(lambda: not hosts.running("sleep 62"), 5)


def test_a_silent_stream_on_a_silent_link_ends(hosts):
    with Proxy((hosts.address, hosts.port)) as proxy, Pool() as links:
        endpoint = hosts.endpoint(port=proxy.port, address=proxy.address)
        links.link(endpoint)
        began = time.monotonic()

        def sink(name, data):
            proxy.freeze()

        with pytest.raises(UnreachableError, match="nothing heard"):
            stream(links, endpoint, [Task("a", "echo x; sleep 5")], sink, silence=1)
        assert time.monotonic() - began < 4
