from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from proxies import Proxy

from runner.errors import HostKeyError, LoginRefusedError, SshConfigError, UnreachableError
from runner.execute import Command, Endpoint, Pool, read, resolve, run_job
from runner.execute.logins import Waits
from runner.execute.recording import record


def works(pool, endpoint):
    return read(pool, endpoint, [Command("a", "echo ok")])["a"].output == b"ok\n"


def test_an_unknown_host_key_is_never_accepted(hosts, pool, tmp_path):
    endpoint = replace(hosts.endpoint(), known_hosts=(tmp_path / "none",))
    with pytest.raises(HostKeyError, match="unknown host key") as caught:
        pool.link(endpoint)
    assert "sitecrew trust host-sh" in caught.value.hint
    assert not (tmp_path / "none").exists()


def test_a_changed_host_key_is_never_accepted(hosts, pool, tmp_path):
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    words = (tmp_path / "other.pub").read_text().split()
    known = tmp_path / "known_hosts"
    known.write_text(f"[{hosts.address}]:{hosts.port} {words[0]} {words[1]}\n")
    with pytest.raises(HostKeyError, match="CHANGED"):
        pool.link(replace(hosts.endpoint(), known_hosts=(known,)))


def test_a_recorded_host_key_is_accepted(hosts, pool, tmp_path):
    known = tmp_path / "known_hosts"
    endpoint = replace(hosts.endpoint(), known_hosts=(known,))
    target, key = pool.host_key(endpoint)
    record((known,), target.key_name, target.key_port, key, hashed=True)
    assert works(pool, endpoint)


def test_a_refused_key_is_not_tried_again_at_once(hosts, pool, tmp_path):
    stranger = tmp_path / "stranger"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(stranger)], check=True)
    with Proxy((hosts.address, hosts.port)) as proxy:
        endpoint = replace(hosts.endpoint(port=proxy.port, address=proxy.address), identity_file=stranger)
        with pytest.raises(LoginRefusedError, match="refused the login") as caught:
            pool.link(endpoint)
        assert caught.value.hint
        with pytest.raises(LoginRefusedError, match="refused recently"):
            pool.link(endpoint)
        assert proxy.connections == 1


def test_a_closed_port_is_unreachable_with_a_hint(pool):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    endpoint = Endpoint("127.0.0.1", port=port, user="x", ssh_config=None, name="web1")
    with pytest.raises(UnreachableError, match=f"web1: 127.0.0.1 port {port} refused") as caught:
        pool.link(endpoint)
    assert "ssh -p" in caught.value.hint


def test_an_unresolvable_name_is_unreachable(pool):
    with pytest.raises(UnreachableError) as caught:
        pool.link(Endpoint("no-such-host.invalid", user="x", ssh_config=None))
    assert "cannot resolve the name" in str(caught.value)


def test_a_server_without_greeting_times_out(hosts):
    with socket.create_server(("127.0.0.1", 0)) as server, Pool(waits=Waits(banner=0.5, tries=1)) as pool:
        endpoint = hosts.endpoint(port=server.getsockname()[1], address="127.0.0.1")
        began = time.monotonic()
        with pytest.raises(UnreachableError):
            pool.link(endpoint)
        assert time.monotonic() - began < 3


def test_a_dropped_login_is_tried_again(hosts, pool):
    with Proxy((hosts.address, hosts.port), budget=10) as proxy:
        assert works(pool, hosts.endpoint(port=proxy.port, address=proxy.address))
        assert proxy.connections == 2


def test_a_disconnect_during_login_is_not_a_refusal(hosts):
    for budget in range(1200, 2300, 90):
        with Proxy((hosts.address, hosts.port), budget=budget) as proxy, Pool() as pool:
            assert works(pool, hosts.endpoint(port=proxy.port, address=proxy.address))


def test_a_connection_is_opened_once_for_many_threads(hosts, pool):
    with Proxy((hosts.address, hosts.port)) as proxy:
        endpoint = hosts.endpoint(port=proxy.port, address=proxy.address)
        threads = [threading.Thread(target=works, args=(pool, endpoint)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert proxy.connections == 1


def test_logins_to_one_sshd_are_limited(hosts):
    """The allowed logins wait for a server that never answers; the others have not connected yet."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        server.settimeout(1.0)
        port = server.getsockname()[1]
        with Pool(logins=3, waits=Waits(banner=2.5, tries=1)) as pool:

            def attempt(user):
                with pytest.raises(UnreachableError):
                    pool.link(replace(hosts.endpoint(port=port, address="127.0.0.1"), user=user))

            threads = [threading.Thread(target=attempt, args=(f"u{n}",)) for n in range(6)]
            for thread in threads:
                thread.start()
            accepted = []
            try:
                while True:
                    accepted.append(server.accept()[0])
            except TimeoutError:
                pass
            assert len(accepted) == 3
            server.settimeout(3.0)
            accepted.extend(server.accept()[0] for _ in range(3))
            for sock in accepted:
                sock.close()
            for thread in threads:
                thread.join()


def test_ipv6_addresses_work(hosts, pool):
    assert works(pool, hosts.endpoint(address="::1"))


def test_socket_options_are_set(hosts, pool):
    sock = pool.link(hosts.endpoint())._transport.sock
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert sock.gettimeout() >= 1


def test_the_host_key_of_a_gateway_is_checked(hosts, pool, tmp_path):
    inner = replace(hosts.endpoint("bash"), gateway=hosts.endpoint("sh"))
    assert works(pool, inner)
    job = hosts.work()
    hosts.assert_whole(job, run_job(pool, inner, job))
    with pytest.raises(HostKeyError), Pool() as other:
        other.link(replace(inner, gateway=replace(hosts.endpoint("sh"), known_hosts=(tmp_path / "none",))))


def test_the_ssh_config_is_used(hosts, pool, tmp_path):
    config = tmp_path / "config"
    config.write_text(
        f"Host shop\n  HostName {hosts.address}\n  Port {hosts.port}\n  User {hosts.user('sh')}\n"
        f"  IdentityFile {hosts.key}\n  UserKnownHostsFile {tmp_path}/known\n  HostKeyAlias shop-key\n"
        "  StrictHostKeyChecking no\n"
        f"Host inside\n  HostName {hosts.address}\n  ProxyJump shop\n  Port {hosts.port}\n"
        f"  User {hosts.user('bash')}\n"
        f"  IdentityFile {hosts.key}\n  UserKnownHostsFile {hosts.known_hosts}\n"
    )
    endpoint = Endpoint("shop", ssh_config=config)
    with pytest.raises(HostKeyError):
        pool.link(endpoint)
    target, key = pool.host_key(endpoint)
    assert (target.key_name, target.key_port) == ("shop-key", 22)
    record((tmp_path / "known",), target.key_name, target.key_port, key)
    assert works(pool, endpoint)
    assert works(pool, Endpoint("inside", ssh_config=config))


def test_the_inventory_overrides_the_ssh_config(tmp_path):
    config = tmp_path / "config"
    config.write_text("Host *\n  Port 2200\n  User someone\n  IdentityFile /nowhere\n")
    target = resolve(Endpoint("web1", port=22, user="deploy", identity_file=Path("/else"), ssh_config=config))
    assert (target.port, target.user, target.identities) == (22, "deploy", (Path("/else"), Path("/nowhere")))


def test_a_proxyjump_through_itself_is_an_error(tmp_path):
    config = tmp_path / "config"
    config.write_text("Host *\n  ProxyJump bastion\n")
    with pytest.raises(SshConfigError, match="its own ProxyJump"):
        resolve(Endpoint("bastion", ssh_config=config))


def test_an_encrypted_key_asks_for_its_passphrase_once(hosts, tmp_path):
    key = tmp_path / "key"
    shutil.copy(hosts.key, key)
    key.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", str(key)], check=True)
    asked = []

    def passphrase():
        asked.append(1)
        return "open sesame"

    endpoint = replace(hosts.endpoint(), identity_file=key, passphrase=passphrase)
    for _ in range(2):
        with Pool() as pool:
            assert works(pool, endpoint)
    assert asked == [1]
    os.utime(key, (1, 1))
    with Pool() as pool, pytest.raises(LoginRefusedError, match="needs a passphrase"):
        pool.link(replace(endpoint, passphrase=None))


def test_closing_the_pool_closes_its_connections(hosts):
    with Pool() as pool:
        link = pool.link(hosts.endpoint())
        assert link.alive
    assert not link.alive
