"""Keys, certificates, agents and sshds for tests, all from OpenSSH except the security key."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from paramiko import Message

from lab.shell import until

if TYPE_CHECKING:
    from collections.abc import Iterator


def run(*words: object, **options: object) -> str:
    done = subprocess.run([*map(str, words)], check=True, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    return str(done.stdout)


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "", form: str = "") -> Path:
    more = ["-m", form] if form else []
    run("ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", path.name, "-f", path, *more)
    return path


def public(path: Path) -> str:
    return " ".join(path.with_name(f"{path.name}.pub").read_text().split()[:2])


def certify(authority: Path, key: Path, *more: str, principals: str, valid: str = "+1h") -> Path:
    """Create a certificate for this key, next to it."""
    run("ssh-keygen", "-q", "-s", authority, "-I", "test", "-n", principals, "-V", valid, *more, f"{key}.pub")
    return key.with_name(f"{key.name}-cert.pub")


@contextlib.contextmanager
def agent(folder: Path, *keys: Path) -> Iterator[Path]:
    """Start a real ssh-agent with these keys."""
    path = folder / "agent.sock"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    try:
        until(path.exists, "the agent's socket")
        for key in keys:
            run(
                "ssh-add", "-q", key, env={**os.environ, "SSH_AUTH_SOCK": str(path)}, stdin=subprocess.DEVNULL
            )
        yield path
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def sshd(folder: Path, *lines: str, keys: tuple[Path, ...], authorized: str) -> Iterator[int]:
    """Start an sshd for root; yields its port."""
    folder.mkdir(exist_ok=True)
    (folder / "authorized").write_text(authorized)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = [
        f"ListenAddress 127.0.0.1:{port}",
        *(f"HostKey {key}" for key in keys),
        "PidFile none",
        "UsePAM no",
        "StrictModes no",
        "PasswordAuthentication no",
        "PermitRootLogin yes",
        f"AuthorizedKeysFile {folder}/authorized",
        *lines,
    ]
    (folder / "sshd.conf").write_text("\n".join(settings) + "\n")
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with (folder / "sshd.log").open("wb") as log:
        process = subprocess.Popen(
            ["/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "sshd.conf")], stderr=log, stdout=log
        )
    try:
        until(lambda: _answers(port), "sshd to listen")
        yield port
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


class SecurityKeyAgent:
    """An agent with an ``sk-ssh-ed25519`` key: a security key in software."""

    name = b"sk-ssh-ed25519@openssh.com"

    def __init__(self, path: Path) -> None:
        self._key = Ed25519PrivateKey.generate()
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.blob = _strings(self.name, raw, b"ssh:")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(link,), daemon=True).start()

    def _answer(self, link: socket.socket) -> None:
        with link, contextlib.suppress(OSError), link.makefile("rb") as incoming:
            while head := incoming.read(4):
                request = Message(incoming.read(int.from_bytes(head, "big")))
                if request.get_byte() == b"\x0b":
                    answer = b"\x0c" + (1).to_bytes(4, "big") + _strings(self.blob, b"a token")
                else:
                    request.get_string()
                    answer = b"\x0e" + _strings(self._sign(request.get_string()))
                link.sendall(len(answer).to_bytes(4, "big") + answer)

    def _sign(self, data: bytes) -> bytes:
        flags_and_counter = b"\x01" + (7).to_bytes(4, "big")  # it was touched
        signed = hashlib.sha256(b"ssh:").digest() + flags_and_counter + hashlib.sha256(data).digest()
        return _strings(self.name, self._key.sign(signed)) + flags_and_counter


def _strings(*values: bytes) -> bytes:
    return b"".join(len(value).to_bytes(4, "big") + value for value in values)
