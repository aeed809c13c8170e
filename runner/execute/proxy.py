"""A ``ProxyCommand``: a program whose input and output are the connection."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import threading

from runner.untrusted import sentence

__all__ = ["ProxySocket", "start_proxy"]

_ENDING = 2.0
"""Seconds in which it ends by itself once the connection is closed."""
_WORDS = 4096
"""Bytes of its errors that are read."""


class ProxySocket(socket.socket):
    """Our end of the connection. Closing it ends the program."""

    complaint = ""
    """After closing: what the program wrote when it failed, shortened."""

    def attach(self, process: subprocess.Popen[bytes], stderr: int) -> None:
        """Say which program is at the other end; `stderr`: the file that it writes errors to."""
        self._process: subprocess.Popen[bytes] | None = process
        self._stderr = stderr
        self._closing = threading.Lock()

    def close(self) -> None:
        """Close the connection and wait for the end of the program."""
        super().close()
        with self._closing:  # paramiko's thread closes it too
            process, self._process = self._process, None
            if process is None:
                return
            try:
                failed = process.wait(_ENDING) != 0
            except subprocess.TimeoutExpired:
                failed = False
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if failed:
                said = os.pread(self._stderr, _WORDS, 0).decode("utf-8", "replace")
                self.complaint = sentence(said, 200) or f"exit code {process.returncode}"
            os.close(self._stderr)


def start_proxy(command: str) -> ProxySocket:
    """Run the command as ssh does it: by the user's shell, replacing it."""
    shell = os.environ.get("SHELL") or "/bin/sh"
    ours, theirs = socket.socketpair()
    with theirs, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603 - the user's own configuration
            [shell, "-c", f"exec {command}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=errors,
            start_new_session=True,
        )
        made = ProxySocket(fileno=ours.detach())
        made.attach(process, os.dup(errors.fileno()))
    return made
