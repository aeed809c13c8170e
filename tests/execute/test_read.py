from __future__ import annotations

import hashlib
import threading
import time

import pytest
from driver_hosts import until
from proxies import Proxy

from runner.errors import NoShellError, UnreachableError
from runner.execute import Command, Pool, Restore, read, stream


def test_commands_share_a_channel_but_not_a_shell(hosts, pool, shell):
    endpoint = hosts.endpoint(shell)
    link = pool.link(endpoint)
    before = link._transport._channel_counter
    records = read(
        pool,
        endpoint,
        [
            Command("first", "cd /; X=1; echo out; echo err >&2; exit 3", policy="go"),
            Command("broken", "if then (", policy="go"),
            Command("second", 'cat; echo "${X-unset} $Y"; pwd', env={"Y": "it's"}),
            Command("binary", r"printf 'a\0b\377\036'"),
        ],
    )
    assert link._transport._channel_counter == before + 1
    first = records["first"]
    assert (first.code, first.output, first.error) == (3, b"out\n", b"err\n")
    assert records["broken"].code not in (0, None)
    assert records["second"].text == f"unset it's\n{hosts.homes[shell]}\n"
    assert records["binary"].output == b"a\0b\xff\x1e"
    assert records["second"].error == b""


def test_reading_leaves_no_files(hosts, pool, shell):
    before = (
        sorted((hosts.homes[shell] / ".sitecrew").rglob("*"))
        if (hosts.homes[shell] / ".sitecrew").exists()
        else []
    )
    read(pool, hosts.endpoint(shell), [Command("a", "true")])
    after = (
        sorted((hosts.homes[shell] / ".sitecrew").rglob("*"))
        if (hosts.homes[shell] / ".sitecrew").exists()
        else []
    )
    assert before == after


def test_a_late_command_is_stopped_and_the_next_runs(hosts, pool, shell):
    records = read(
        pool,
        hosts.endpoint(shell),
        [Command("slow", "echo begun; sleep 60", timeout=1, policy="go"), Command("next", "echo next")],
    )
    slow = records["slow"]
    assert (slow.code, slow.why, slow.output) == (124, "timeout", b"begun\n")
    assert records["next"].output == b"next\n"
    assert until(lambda: not hosts.running("sleep 60", shell))


def test_commands_after_a_failure_are_skipped(hosts, pool):
    records = read(pool, hosts.endpoint(), [Command("a", "false"), Command("b", "true")])
    assert (records["b"].code, records["b"].why) == (None, "failed")


def test_a_flood_of_stderr_does_not_block(hosts, pool, shell):
    records = read(pool, hosts.endpoint(shell), [Command("a", "head -c 9000000 /dev/zero >&2; echo done")])
    assert records["a"].output == b"done\n"
    assert 0 < len(records["a"].error) <= 65536


def test_a_flooding_command_is_stopped_and_the_next_runs(hosts, pool, shell):
    commands = [Command("a", "cat /dev/zero", policy="go", timeout=60), Command("b", "echo fine")]
    began = time.monotonic()
    records = read(pool, hosts.endpoint(shell), commands, cap=1000)
    assert (records["a"].why, records["a"].ok, len(records["a"].output)) == ("flood", False, 1000)
    assert records["b"].output == b"fine\n"
    assert time.monotonic() - began < 30
    assert until(lambda: not hosts.running("cat /dev/zero", shell))


def test_output_beyond_the_cap_is_truncated(hosts, pool):
    record = read(pool, hosts.endpoint(), [Command("a", "head -c 300000 /dev/zero")], cap=1000)["a"]
    assert (len(record.output), record.truncated, record.size) == (1000, True, 300_000)


def test_a_reading_finds_the_restore_points(hosts, pool):
    record = read(
        pool, hosts.endpoint(), [Command("a", 'echo "$SITECREW_RESTORE"')], restore=Restore("r1", "shop")
    )["a"]
    assert record.text.strip() == str(hosts.homes["sh"] / ".sitecrew/restore/r1/shop")


def test_a_stale_connection_is_reopened(hosts, pool):
    endpoint = hosts.endpoint()
    pool.link(endpoint)._transport.sock.close()
    assert read(pool, endpoint, [Command("a", "echo ok")])["a"].output == b"ok\n"


def test_an_account_without_a_shell_is_reported(hosts, pool):
    with pytest.raises(NoShellError):
        read(pool, hosts.endpoint("sftp"), [Command("a", "true")])


def test_an_early_disconnect_still_reports_the_reason(hosts, pool):
    with pytest.raises(NoShellError):
        read(pool, hosts.endpoint("sftp"), [Command("a", f"echo {'x' * 8_000_000}")])


def test_streams_are_exact_and_have_exit_codes(hosts, pool, shell):
    home = hosts.homes[shell]
    sums = {"database": hashlib.sha256(), "files": hashlib.sha256()}
    records = stream(
        pool,
        hosts.endpoint(shell),
        [
            Command("database", "head -c 7000000 /dev/urandom | tee $HOME/one; echo note >&2", policy="go"),
            Command("files", "head -c 3000001 /dev/urandom | tee $HOME/two; exit 2"),
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


def test_a_slow_sink_loses_nothing(hosts, pool):
    got = bytearray()

    def sink(name, data):
        if len(got) < 300_000:
            threading.Event().wait(0.02)
        got.extend(data)

    command = Command("a", "head -c 40000000 /dev/zero; date +%s >$HOME/finished")
    record = stream(pool, hosts.endpoint(), [command], sink)["a"]
    assert record.size == len(got) == 40_000_000


def test_an_error_in_the_sink_stops_the_command(hosts, pool):
    def sink(name, data):
        raise OSError("no space left on the controller")

    with pytest.raises(OSError, match="no space left"):
        stream(pool, hosts.endpoint(), [Command("a", "cat /dev/zero; sleep 61")], sink)
    assert until(lambda: not hosts.running("cat /dev/zero") and not hosts.running("sleep 61"), 5)


def test_a_disconnect_during_a_stream_is_an_error(hosts):
    with Proxy((hosts.address, hosts.port), budget=400_000) as proxy, Pool() as links:
        endpoint = hosts.endpoint(port=proxy.port, address=proxy.address)
        with pytest.raises(UnreachableError, match="during a stream"):
            stream(links, endpoint, [Command("a", "head -c 4000000 /dev/zero; sleep 62")], lambda *_: None)
    assert until(lambda: not hosts.running("sleep 62"), 5)


def test_a_silent_stream_times_out(hosts):
    with Proxy((hosts.address, hosts.port)) as proxy, Pool() as links:
        endpoint = hosts.endpoint(port=proxy.port, address=proxy.address)
        links.link(endpoint)
        began = time.monotonic()

        def sink(name, data):
            proxy.freeze()

        with pytest.raises(UnreachableError, match="no data for"):
            stream(links, endpoint, [Command("a", "echo x; sleep 5")], sink, silence=1)
        assert time.monotonic() - began < 4
