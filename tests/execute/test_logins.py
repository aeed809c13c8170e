"""Logins to a real sshd with keys from files and agents, and with certificates."""

from __future__ import annotations

import base64
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from ssh_parts import SecurityKeyAgent, agent, certify, make_key, public, run, sshd

from runner.errors import LoginRefusedError, UnreachableError
from runner.execute import Command, Endpoint, Pool, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Ground:
    """An sshd that accepts one key, and an ssh config for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host_key = make_key(folder / "host")
        self.port = 0

    def endpoint(self, *lines: str, **more: object) -> Endpoint:
        config = self.folder / "config"
        config.write_text("".join(f"{line}\n" for line in lines))
        known = self.folder / "known_hosts"
        known.write_text(f"[127.0.0.1]:{self.port} {public(self.host_key)}\n")
        return Endpoint(
            "127.0.0.1",
            port=self.port,
            user="root",
            name="web1",
            known_hosts=(known,),
            ssh_config=config,
            **more,
        )

    def works(self, *lines: str, **more: object) -> bool:
        with Pool() as pool:
            return read(pool, self.endpoint(*lines, **more), [Command("a", "echo ok")])["a"].output == b"ok\n"

    def refusal(self, *lines: str, **more: object) -> LoginRefusedError:
        with Pool() as pool, pytest.raises(LoginRefusedError) as caught:
            pool.link(self.endpoint(*lines, **more))
        return caught.value


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    found = Ground(tmp_path)
    make_key(tmp_path / "good")
    make_key(tmp_path / "authority")
    authorized = f"{public(tmp_path / 'good')}\ncert-authority {public(tmp_path / 'authority')}\n"
    with sshd(
        tmp_path / "sshd", "MaxAuthTries 6", keys=(found.host_key,), authorized=authorized
    ) as found.port:
        yield found


@pytest.fixture(params=["ssh", "ours"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run with an ssh config read by ssh, and by our own parser."""
    from runner.execute import ssh_lookup

    usable = "/usr/bin/ssh" if request.param == "ssh" else ""
    monkeypatch.setattr(ssh_lookup, "usable_ssh", lambda: usable)
    return str(request.param)


def test_a_missing_identity_file_is_skipped(ground: Ground, either: str) -> None:
    assert ground.works(
        "IdentityAgent none", f"IdentityFile {ground.folder}/none", f"IdentityFile {ground.folder}/good"
    )


def test_the_agent_is_used_despite_an_identity_file(ground: Ground, either: str) -> None:
    other = make_key(ground.folder / "other")
    with agent(ground.folder, ground.folder / "good") as path:
        assert ground.works(f"IdentityAgent {path}", f"IdentityFile {other}")
        refused = ground.refusal(f"IdentityAgent {path}", f"IdentityFile {other}", "IdentitiesOnly yes")
        assert f"(tried: key {other})" in str(refused)
        assert ground.works(f"IdentityAgent {path}", identity_file=other)


def test_the_agent_is_found_by_the_environment(
    ground: Ground, either: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with agent(ground.folder, ground.folder / "good") as path:
        monkeypatch.setenv("CREW_AGENT", str(path))
        assert ground.works("IdentityAgent $CREW_AGENT")
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        assert ground.works("User root")
        assert ground.works("IdentityAgent SSH_AUTH_SOCK")
        assert "no key to log in as" in str(ground.refusal("IdentityAgent none"))


def test_a_public_key_file_works_with_the_agent(ground: Ground, either: str) -> None:
    good = ground.folder / "good"
    with agent(ground.folder, make_key(ground.folder / "a"), good) as path:
        good.unlink()
        lines = (f"IdentityAgent {path}", "IdentitiesOnly yes")
        assert ground.works(*lines, f"IdentityFile {good}.pub")
        assert ground.works(*lines, f"IdentityFile {good}")
        assert ground.works(*lines, identity_file=good.with_name("good.pub"))


def test_a_public_key_without_private_key_is_reported(ground: Ground, either: str) -> None:
    refused = ground.refusal("IdentityAgent none", f"IdentityFile {ground.folder}/good.pub")
    assert "good.pub is a public key, and no agent has the private key" in str(refused)


def test_an_encrypted_key_needs_the_agent_or_a_passphrase(ground: Ground, either: str) -> None:
    good = ground.folder / "good"
    with agent(ground.folder, good) as path:
        run("ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", good)
        (ground.folder / "good.pub").unlink()  # the private key file contains the public key
        assert ground.works(f"IdentityAgent {path}", "IdentitiesOnly yes", f"IdentityFile {good}")
    refused = ground.refusal("IdentityAgent none", f"IdentityFile {good}")
    assert f"the key {good} needs a passphrase" in str(refused)
    assert f"ssh-add {good}" in refused.hint


@pytest.mark.parametrize("passphrase", ["", "open sesame"])
@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("rsa", "PEM"),
        ("rsa", "PKCS8"),
        ("rsa", ""),
        ("ecdsa", "PEM"),
        ("ecdsa", "PKCS8"),
        ("ecdsa", ""),
        ("ed25519", ""),
    ],
)
def test_every_key_format_is_read(ground: Ground, kind: str, form: str, passphrase: str) -> None:
    key = make_key(ground.folder / "key", kind, passphrase, form)
    (ground.folder / "sshd" / "authorized").write_text(public(key))
    assert ground.works(
        "IdentityAgent none", identity_file=key, passphrase=(lambda: passphrase) if passphrase else None
    )


def test_an_ed25519_key_in_pkcs8_is_read(ground: Ground) -> None:
    key = ground.folder / "pkcs8"
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", key)
    key.chmod(0o600)
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    loaded = load_pem_private_key(key.read_bytes(), None).public_key()
    (ground.folder / "sshd" / "authorized").write_bytes(
        loaded.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    )
    assert ground.works("IdentityAgent none", identity_file=key)


def test_a_security_key_works_through_an_agent(ground: Ground, either: str) -> None:
    path = ground.folder / "token.sock"
    token = SecurityKeyAgent(path)
    line = f"{token.name.decode()} {base64.b64encode(token.blob).decode()}\n"
    (ground.folder / "sshd" / "authorized").write_text(line)
    (ground.folder / "id_sk.pub").write_text(line)
    try:
        assert ground.works(f"IdentityAgent {path}")
        assert ground.works(
            f"IdentityAgent {path}", "IdentitiesOnly yes", f"IdentityFile {ground.folder}/id_sk"
        )
    finally:
        token.close()


def test_a_certificate_next_to_its_key_is_used(ground: Ground, either: str) -> None:
    key = make_key(ground.folder / "key", "rsa")
    assert "refused the login" in str(ground.refusal("IdentityAgent none", f"IdentityFile {key}"))
    certify(ground.folder / "authority", key, principals="root")
    assert ground.works("IdentityAgent none", f"IdentityFile {key}")
    assert ground.works("IdentityAgent none", identity_file=key)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_certificatefile_finds_its_key(ground: Ground, kind: str) -> None:
    key = make_key(ground.folder / "key", kind)
    elsewhere = certify(ground.folder / "authority", key, principals="root").rename(ground.folder / "cert")
    assert ground.works("IdentityAgent none", f"IdentityFile {key}", f"CertificateFile {elsewhere}")
    with agent(ground.folder, key) as path:
        key.unlink()
        assert ground.works(f"IdentityAgent {path}", f"CertificateFile {elsewhere}")


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_a_certificate_in_the_agent_is_used(ground: Ground, kind: str) -> None:
    key = make_key(ground.folder / "key", kind)
    certify(ground.folder / "authority", key, principals="root")
    with agent(ground.folder, key) as path:
        for file in ground.folder.glob("key*"):
            file.unlink()
        assert ground.works(f"IdentityAgent {path}")


def test_a_renewed_certificate_is_read_again(ground: Ground) -> None:
    key = make_key(ground.folder / "key")
    certify(ground.folder / "authority", key, principals="root", valid="20200101:20260101")
    with Pool() as pool:
        endpoint = ground.endpoint("IdentityAgent none", identity_file=key)
        with pytest.raises(LoginRefusedError, match=r"key-cert\.pub expired 2026-01-01") as caught:
            pool.link(endpoint)
        assert caught.value.hint == "Renew it."
        with pytest.raises(LoginRefusedError, match="refused recently"):
            pool.link(endpoint)
        certify(ground.folder / "authority", key, principals="root")
        assert pool.link(endpoint).alive


def test_a_new_agent_key_ends_the_pause_after_a_refusal(ground: Ground) -> None:
    with agent(ground.folder, make_key(ground.folder / "other")) as path, Pool() as pool:
        endpoint = ground.endpoint(f"IdentityAgent {path}")
        for words in ("refused the login", "refused recently"):
            with pytest.raises(LoginRefusedError, match=words):
                pool.link(endpoint)
        subprocess.run(
            ["ssh-add", "-q", str(ground.folder / "good")], env={"SSH_AUTH_SOCK": str(path)}, check=True
        )
        assert pool.link(endpoint).alive


def test_invalid_certificates_are_reported(ground: Ground) -> None:
    key = make_key(ground.folder / "key")
    certify(ground.folder / "authority", key, principals="root", valid="20500101:20510101")
    assert "is not valid before 2050-01-0" in str(ground.refusal("IdentityAgent none", identity_file=key))
    (ground.folder / "key-cert.pub").write_text("rubbish\n")
    assert "key-cert.pub is not a certificate" in str(ground.refusal("IdentityAgent none", identity_file=key))


def test_the_key_of_the_inventory_is_tried_first(ground: Ground) -> None:
    """The agent has more keys than this sshd allows attempts."""
    others = [make_key(ground.folder / f"other{number}") for number in range(7)]
    with agent(ground.folder, *others) as path:
        assert ground.works(f"IdentityAgent {path}", identity_file=ground.folder / "good")
        assert ground.works(
            f"IdentityAgent {path}", "IdentitiesOnly yes", f"IdentityFile {ground.folder}/good"
        )


def test_an_agent_refusal_does_not_end_the_login(ground: Ground) -> None:
    other = make_key(ground.folder / "other")
    (ground.folder / "sshd" / "authorized").write_text(f"{public(ground.folder / 'good')}\n")
    with agent(ground.folder) as path:
        environment = {
            "SSH_AUTH_SOCK": str(path),
            "SSH_ASKPASS": "/bin/false",
            "SSH_ASKPASS_REQUIRE": "force",
        }
        subprocess.run(["ssh-add", "-q", "-c", str(other)], env=environment, check=True)
        assert ground.works(f"IdentityAgent {path}", f"IdentityFile {ground.folder}/good")


def test_public_keys_can_be_disabled(ground: Ground, either: str) -> None:
    refused = ground.refusal(
        "IdentityAgent none", "PubkeyAuthentication no", f"IdentityFile {ground.folder}/good"
    )
    assert "no key to log in as" in str(refused)


def test_a_proxycommand_is_run_by_the_shell(ground: Ground, either: str) -> None:
    script = ground.folder / "relay.py"
    script.write_text(
        "import os, socket, sys, threading\n"
        "link = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "def up():\n"
        "    while data := os.read(0, 65536):\n"
        "        link.sendall(data)\n"
        "    link.shutdown(socket.SHUT_WR)\n"
        "threading.Thread(target=up, daemon=True).start()\n"
        "while data := link.recv(65536):\n"
        "    os.write(1, data)\n"
    )
    command = f"python3 {script} %h %p 2>/dev/null | cat"
    assert ground.works("IdentityAgent none", f"ProxyCommand {command}", f"IdentityFile {ground.folder}/good")
    refused = "sh -c 'echo the tunnel is down >&2; exit 7'"
    with Pool() as pool, pytest.raises(UnreachableError, match=r"ProxyCommand .* failed: the tunnel is down"):
        pool.link(ground.endpoint("IdentityAgent none", f"ProxyCommand {refused}"))


@pytest.mark.parametrize(
    ("line", "what", "theirs"),
    [
        (
            "KexAlgorithms sntrup761x25519-sha512@openssh.com",
            "key exchange",
            "sntrup761x25519-sha512@openssh.com",
        ),
        ("Ciphers chacha20-poly1305@openssh.com", "cipher", "chacha20-poly1305@openssh.com"),
        ("MACs umac-64@openssh.com", "MAC", "umac-64@openssh.com"),
    ],
)
def test_missing_common_algorithms_are_reported(ground: Ground, line: str, what: str, theirs: str) -> None:
    authorized = public(ground.folder / "good")
    with sshd(ground.folder / "odd", line, keys=(ground.host_key,), authorized=authorized) as ground.port:
        with Pool() as pool, pytest.raises(UnreachableError) as caught:
            pool.link(ground.endpoint("IdentityAgent none", identity_file=ground.folder / "good"))
        assert f"no {what} in common: the host offers {theirs}; Sitecrew can use " in str(caught.value)
        assert line.split(maxsplit=1)[0] in caught.value.hint
        assert "Check the address" not in caught.value.hint
        with Pool() as pool, pytest.raises(UnreachableError, match=f"no {what} in common"):
            pool.host_key(ground.endpoint("IdentityAgent none"))


def test_a_host_with_only_standard_curve25519_works(ground: Ground) -> None:
    authorized = public(ground.folder / "good")
    line = "KexAlgorithms curve25519-sha256"
    with sshd(ground.folder / "odd", line, keys=(ground.host_key,), authorized=authorized) as ground.port:
        assert ground.works("IdentityAgent none", identity_file=ground.folder / "good")


def test_configured_algorithms_are_used_or_reported(ground: Ground, either: str) -> None:
    good = ground.folder / "good"
    lines = (
        "IdentityAgent none",
        "Ciphers aes192-ctr",
        "MACs hmac-sha2-512",
        "KexAlgorithms ecdh-sha2-nistp521",
    )
    with Pool() as pool:
        transport = pool.link(ground.endpoint(*lines, identity_file=good))._transport
        assert (transport.local_cipher, transport.local_mac) == ("aes192-ctr", "hmac-sha2-512")
    with Pool() as pool, pytest.raises(UnreachableError, match=r"allows only chacha20-poly1305@openssh\.com"):
        pool.link(ground.endpoint("Ciphers chacha20-poly1305@openssh.com", identity_file=good))


def test_ignored_options_are_reported_if_the_login_fails(ground: Ground, either: str) -> None:
    refused = ground.refusal("IdentityAgent none", "PKCS11Provider /usr/lib/token.so")
    assert (
        "PKCS11Provider is not supported: load the token's keys into an agent (ssh-add -s)." in refused.hint
    )


def test_the_configured_connect_timeout_applies(ground: Ground) -> None:
    endpoint = ground.endpoint("ConnectTimeout 1")
    with Pool() as pool, pytest.raises(UnreachableError, match=r"192\.0\.2\.1 port 22"):
        pool.link(replace(endpoint, address="192.0.2.1", port=22))
