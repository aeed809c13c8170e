"""``ProxyCommand``: a program whose stdin and stdout are the connection."""

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

_GRACE = 2.0
"""Seconds to exit after the connection is closed; then it is killed."""
_STDERR = 4096
"""Bytes of its stderr that are read."""


class ProxySocket(socket.socket):
    """Our end of the connection. Closing it stops the program."""

    complaint = ""
    """After closing: the program's error output if it failed, shortened."""

    def attach(self, process: subprocess.Popen[bytes], stderr: int) -> None:
        """Set the program at the other end. `stderr`: the file descriptor that it writes errors to."""
        self._process: subprocess.Popen[bytes] | None = process
        self._stderr = stderr
        self._closing = threading.Lock()

    def close(self) -> None:
        """Close the connection and wait for the program to exit."""
        super().close()
        with self._closing:  # paramiko's thread closes it too
            process, self._process = self._process, None
            if process is None:
                return
            try:
                failed = process.wait(_GRACE) != 0
            except subprocess.TimeoutExpired:
                failed = False
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if failed:
                text = os.pread(self._stderr, _STDERR, 0).decode("utf-8", "replace")
                self.complaint = sentence(text, 200) or f"exit code {process.returncode}"
            os.close(self._stderr)


def start_proxy(command: str) -> ProxySocket:
    """Run the command as ssh does: the user's shell replaces itself by it."""
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
