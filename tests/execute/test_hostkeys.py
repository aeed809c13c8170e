from __future__ import annotations

import subprocess
import threading

import pytest

from runner.errors import HostKeyError
from runner.execute.hostkeys import KnownHosts, host_name
from runner.execute.keys import HostKey
from runner.execute.recording import record

OLD = HostKey("ssh-ed25519", b"\0\0\0\x0bssh-ed25519" + b"\0\0\0 " + b"o" * 32)
NEW = HostKey("ssh-ed25519", b"\0\0\0\x0bssh-ed25519" + b"\0\0\0 " + b"n" * 32)
RSA = HostKey("ssh-rsa", b"\0\0\0\x07ssh-rsa" + b"r" * 32)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ssh" / "known_hosts"


def known(path):
    return KnownHosts([path])


@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize("port", [22, 2222])
def test_a_recorded_key_is_found_by_openssh_too(path, hashed, port):
    record([path], "Web1.example", port, OLD, hashed=hashed)
    known(path).check("web1.example", port, OLD)
    assert path.stat().st_mode & 0o777 == 0o600
    assert (b"web1" in path.read_bytes()) is not hashed
    found = subprocess.run(
        ["ssh-keygen", "-F", host_name("web1.example", port), "-f", str(path)],
        capture_output=True,
        check=False,
    )
    assert found.returncode == 0


def test_an_unknown_key_is_refused_with_a_hint(path):
    with pytest.raises(HostKeyError, match="unknown host key SHA256:") as caught:
        known(path).check("web1.example", 22, OLD, called="web1")
    assert "sitecrew trust web1" in caught.value.hint


def test_a_changed_key_is_refused_with_both_fingerprints(path):
    record([path], "web1", 22, OLD)
    with pytest.raises(HostKeyError, match="CHANGED") as caught:
        known(path).check("web1", 22, NEW)
    assert OLD.fingerprint in str(caught.value)
    assert NEW.fingerprint in str(caught.value)
    with pytest.raises(HostKeyError):
        record([path], "web1", 22, NEW)
    record([path], "web1", 22, NEW, replace=True)
    known(path).check("web1", 22, NEW)
    with pytest.raises(HostKeyError):
        known(path).check("web1", 22, OLD)


def test_replacing_a_key_keeps_other_lines(path):
    path.parent.mkdir()
    path.write_text(f"# mine\nweb2 {OLD.text}\nweb1 {OLD.text}")
    record([path], "web1", 22, NEW, replace=True)
    assert path.read_text() == f"# mine\nweb2 {OLD.text}\nweb1 {NEW.text}\n"


def test_a_host_may_have_keys_of_several_types(path):
    path.parent.mkdir()
    path.write_text(f"web1 {OLD.text}\nweb1 {RSA.text}\n")
    record([path], "web1", 22, OLD)
    assert known(path).keys("web1") == [OLD, RSA]


def test_a_second_key_type_needs_replace(path):
    record([path], "web1", 22, OLD)
    with pytest.raises(HostKeyError, match="CHANGED"):
        record([path], "web1", 22, RSA)
    assert known(path).keys("web1") == [OLD]
    record([path], "web1", 22, RSA, replace=True)
    assert known(path).keys("web1") == [OLD, RSA]  # a key of each type


def test_a_key_without_a_port_counts_for_every_port(path):
    record([path], "web1", 22, OLD)
    with pytest.raises(HostKeyError, match="CHANGED"):
        record([path], "web1", 2222, RSA)


def test_a_missing_last_line_feed_is_added(path):
    path.parent.mkdir()
    path.write_text(f"web2 {OLD.text}")
    record([path], "web1", 22, OLD)
    assert path.read_text().count("\n") == 2
    known(path).check("web2", 22, OLD)


@pytest.mark.parametrize(
    ("names", "host", "port", "matches"),
    [
        ("web1,10.0.0.1", "10.0.0.1", 22, True),
        ("*.example,!bad.example", "web.example", 22, True),
        ("*.example,!bad.example", "bad.example", 22, False),
        ("web1", "web1", 2222, True),
        ("[web1]:2222", "web1", 2222, True),
        ("[web1]:2222", "web1", 22, False),
        ("[::1]:2222", "::1", 2222, True),
        ("web?", "web1", 22, True),
        ("[ab]", "a", 22, False),
    ],
)
def test_names_match_as_in_openssh(path, names, host, port, matches):
    path.parent.mkdir()
    path.write_text(f"{names} {OLD.text}\n")
    assert bool(known(path).keys(host, port)) is matches


def test_a_known_key_is_refused_once_revoked(path):
    path.parent.mkdir()
    path.write_text(f"web1 {OLD.text}\n@revoked * {OLD.text}\n")
    with pytest.raises(HostKeyError, match="revoked"):
        known(path).check("web1", 22, OLD)


def test_invalid_lines_are_ignored(path):
    path.parent.mkdir()
    path.write_bytes(
        b"\xff\xfe\n\nweb1\nweb1 ssh-ed25519\nweb1 ssh-ed25519 ???\n@cert-authority * ssh-rsa AAAA\n"
    )
    assert known(path).keys("web1") == []


def test_concurrent_writers_write_whole_lines(path):
    threads = [threading.Thread(target=record, args=([path], f"web{n}", 22, OLD)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in range(20):
        known(path).check(f"web{n}", 22, OLD)


def test_the_fingerprint_matches_openssh(hosts):
    shown = subprocess.run(
        ["ssh-keygen", "-lf", str(hosts.base / "host_key.pub")], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    assert known(hosts.known_hosts).keys(hosts.address, hosts.port)[0].fingerprint == shown
