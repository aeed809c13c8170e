"""A host that lies: a real SSH server on loopback whose shell and file transfer answer as a mode says.

    with HostileHost("heartbeats") as host:
        connect(host.address, host.port, host.user)

It accepts every login. A mode is a function over a `Talk`: one exec whose opening text was read, so that it
knows the nonces and may write frames that the controller takes for the driver's. With `only`, the modes lie
in these kinds of exec alone, and all others are run by a real shell of this machine.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import stat
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from paramiko import (
    Channel,
    ECDSAKey,
    ServerInterface,
    SFTPAttributes,
    SFTPServer,
    SFTPServerInterface,
    Transport,
)
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED
from paramiko.sftp import SFTP_NO_SUCH_FILE

from lab.lies import MODES
from lab.listings import SFTP_MODES, entry
from lab.talk import Gone, Talk

__all__ = ["MODES", "SFTP_MODES", "HostileHost", "Talk"]

_COUNTED = re.compile(rb'eval "\$\(head -c (\d+)\)"\n\.\n')
_TASK = re.compile(rb"^task (\S+) \d+ (?:stop|go|always) ", re.MULTILINE)


class _Files(SFTPServerInterface):
    """Every path is a folder; what it holds is the mode's."""

    def __init__(self, server: _Server, *more: Any, **options: Any) -> None:
        super().__init__(server, *more, **options)
        self._host = server.host

    def list_folder(self, path: str) -> list[SFTPAttributes]:
        if self._host.mode not in SFTP_MODES:
            self._host.closing.wait()
            return []
        return SFTP_MODES[self._host.mode](path)

    def remove(self, path: str) -> int:  # noqa: ARG002
        """There never was such a file."""
        return SFTP_NO_SUCH_FILE

    def lstat(self, path: str) -> SFTPAttributes:
        return entry(os.path.basename(path), stat.S_IFDIR | 0o755)  # noqa: PTH119 - the host's path

    stat = lstat


class _Server(ServerInterface):
    """Takes every login and every command."""

    def __init__(self, host: HostileHost) -> None:
        self.host = host

    def get_allowed_auths(self, _username: str) -> str:
        return "publickey,password"

    def check_auth_none(self, _username: str) -> int:
        return AUTH_SUCCESSFUL

    def check_auth_password(self, _username: str, _password: str) -> int:
        return AUTH_SUCCESSFUL

    def check_auth_publickey(self, _username: str, _key: object) -> int:
        return AUTH_SUCCESSFUL

    def check_channel_request(self, _kind: str, _number: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: Channel, command: bytes) -> bool:
        threading.Thread(target=self.host.talk, args=(channel, command), daemon=True).start()
        return True


@dataclass
class HostileHost:
    """The server; a context manager. `mode` is a key of MODES or SFTP_MODES and may be changed meanwhile."""

    mode: str
    only: Iterable[str] | None = None
    """Kinds of exec in which it lies (see `Talk.kind`); None: in all."""
    address: str = "127.0.0.1"
    user: str = "crew"
    port: int = 0
    closing: threading.Event = field(default_factory=threading.Event)
    kinds: list[str] = field(default_factory=list)
    """The kinds of the execs so far."""
    exec_ended: threading.Event = field(default_factory=threading.Event)
    """Set when an exec has ended, by whichever side."""

    def __post_init__(self) -> None:
        self._key = ECDSAKey.generate()
        self._jobs: dict[bytes, str] = {}
        self._transports: list[Transport] = []

    @property
    def known_hosts_line(self) -> str:
        """For a known_hosts file, with its line feed."""
        return f"[{self.address}]:{self.port} {self._key.get_name()} {self._key.get_base64()}\n"

    def __enter__(self) -> Self:
        self._home = tempfile.TemporaryDirectory(prefix="hostile-")
        self._socket = socket.create_server((self.address, self.port), backlog=64)
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for transport in self._transports:
            transport.close()
        self._home.cleanup()

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transport = Transport(connection)
            transport.add_server_key(self._key)
            transport.set_subsystem_handler("sftp", SFTPServer, _Files)
            self._transports.append(transport)
            with suppress(Exception):
                transport.start_server(event=threading.Event(), server=_Server(self))

    def talk(self, channel: Channel, command: bytes) -> None:
        """Answer one exec."""
        with suppress(Gone, OSError, EOFError):
            if self.mode.startswith("sftp-"):
                channel.sendall(b"This service allows sftp connections only.\n")
                channel.send_exit_status(1)
            else:
                talk = self._opened(channel, command)
                self.kinds.append(talk.kind)
                lies = self.only is None or talk.kind in set(self.only)
                if lies:
                    MODES[self.mode](talk)
                else:
                    _run(talk, self._home.name)
        with suppress(OSError, EOFError):
            channel.close()
        self.exec_ended.set()

    def _opened(self, channel: Channel, command: bytes) -> Talk:
        text = b""
        while not (counted := _COUNTED.search(text)) or len(text) < counted.end() + int(counted[1]):
            piece = channel.recv(65536)
            if not piece:
                raise Gone
            text += piece
        kind = _first(rb"^mode='?(\w+)", text) or (
            b"upload" if b"said##" in text else b"collect" if b"job_days" in text else b"read"
        )
        link = (_first(rb"\blink='?([0-9a-f]{32})", text) or _first(rb"%s\\n' ([0-9a-f]{32})", text)).decode()
        job = link
        if kind not in {b"upload", b"collect", b"read"}:
            name = _first(rb"^job='?([0-9a-f]+)", text)
            found = _first(rb"\bnonce=([0-9a-f]{32})", text).decode()
            job = self._jobs.setdefault(name, found or secrets.token_hex(16))
        tasks = tuple(word.decode() for word in _TASK.findall(text))
        return Talk(self.closing, channel, command, text, link, job, kind.decode(), tasks)


def _first(pattern: bytes, text: bytes) -> bytes:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1] if found else b""


def _run(talk: Talk, home: str) -> None:
    """The command, by a shell of this machine in a home of the host's own."""
    process = subprocess.Popen(
        ["/bin/sh", "-c", talk.command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"HOME": home, "PATH": os.environ.get("PATH", "/usr/bin:/bin")},
        cwd=home,
    )
    assert process.stdout  # noqa: S101 - narrows the type
    assert process.stderr  # noqa: S101 - narrows the type
    with process.stdout, process.stderr:
        threading.Thread(target=_feed, args=(talk, process), daemon=True).start()
        errors = threading.Thread(target=_pass, args=(process.stderr.fileno(), talk.err), daemon=True)
        errors.start()
        _pass(process.stdout.fileno(), talk.out)
        errors.join()
    talk.channel.send_exit_status(process.wait())


def _feed(talk: Talk, process: subprocess.Popen[bytes]) -> None:
    assert process.stdin  # noqa: S101 - narrows the type
    with suppress(OSError), process.stdin:
        data = talk.text
        while data:
            process.stdin.write(data)
            process.stdin.flush()
            data = talk.channel.recv(65536)


def _pass(source: int, write: Callable[[bytes], None]) -> None:
    with suppress(Gone, OSError):
        while data := os.read(source, 65536):
            write(data)
