"""Start the command line by forking a process that has imported its modules already.

A new interpreter needs a second of CPU for the imports of a run, and the tests start a thousand. Each test
process has a server, a single thread that only forks. A command that it starts has a process id, a process
group, a folder, an environment, files and signals of its own, as if it had been executed.

For each command the server forks a keeper, which is the command's parent and reports how it ended.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import threading
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["WarmProcess", "can_fork"]

_AT_START = ("PYTHON", "LD_", "LC_", "LANG", "MALLOC_", "OPENSSL_", "SSL_", "TZ")
"""Variables that the interpreter or a library reads when it starts."""
_LONGEST = 1 << 17
_SCRIPTS = ("runner.__main__", "runner.record.migrations")
"""Modules that do something when they are imported."""
_IMPORTED = ("runner", "dbos", "fabric", "sqlalchemy.dialects.sqlite", "jinja2", "tests.promises.dying")


def can_fork(env: Mapping[str, str]) -> bool:
    """Return whether a forked command sees no difference from an executed one with these variables."""
    names = {name for name in {*env, *os.environ} if name.startswith(_AT_START)} - {"PYTHONPATH"}
    return all(env.get(name) == os.environ.get(name) for name in names)


class WarmProcess(subprocess.Popen[str]):
    """`python -m MODULE ARGUMENTS` in a process group of its own, forked by the server."""

    def __init__(
        self, module: str, *arguments: str, folder: Path | None, env: Mapping[str, str], umask: int = -1
    ) -> None:
        self._order = {
            "argv": [module, *arguments],
            "folder": str(folder or Path.cwd()),
            "env": dict(env),
            "umask": umask,
        }
        super().__init__(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _execute_child(self, *given: Any) -> None:
        pipes = given[10:16]
        stdin, _, _, stdout, _, stderr = pipes
        self._keeper, theirs = socket.socketpair()
        with theirs:
            orders, _ = _server()
            socket.send_fds(
                orders, [json.dumps(self._order).encode()], [stdin, stdout, stderr, theirs.fileno()]
            )
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]
        self.pid = int(self._keeper.recv(20))
        self._child_created = True

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        try:
            status = self._keeper.recv(20, socket.MSG_DONTWAIT if wait_flags & os.WNOHANG else 0)
        except BlockingIOError:
            return 0, 0
        self._keeper.close()
        return self.pid, int(status or signal.SIGKILL)

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        if self.returncode is None and self._waitpid_lock.acquire(blocking=False):  # type: ignore[attr-defined]
            try:
                pid, status = self._try_wait(os.WNOHANG)
                if pid:
                    self.returncode = os.waitstatus_to_exitcode(status)
            finally:
                self._waitpid_lock.release()  # type: ignore[attr-defined]
        return self.returncode


@cache
def _server() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            cwd=Path(__file__).parent.parent,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    return ours, process


def _import_all() -> None:
    for name in _IMPORTED:
        module = import_module(name)
        if name == "runner":
            for found in pkgutil.walk_packages(module.__path__, "runner."):
                if not found.name.startswith(_SCRIPTS):
                    import_module(found.name)
    assert threading.active_count() == 1, "only a process with one thread can be forked safely"


def _next_order(orders: socket.socket) -> dict[str, Any]:
    """Serve until the tests end; return in the process of a command, as which this one goes on."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    while True:
        order, files, _, _ = socket.recv_fds(orders, _LONGEST, 4)
        if not order:
            os._exit(0)
        if os.fork():
            for number in files:
                os.close(number)
            continue
        orders.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        *streams, end = files
        _keep(socket.socket(fileno=end), streams)
        found: dict[str, Any] = json.loads(order)
        return found


def _keep(end: socket.socket, streams: list[int]) -> None:
    """Return in the process of the command; in its parent, report its id and how it ended, and exit."""
    pid = os.fork()
    if pid:
        os.setpgid(pid, pid)
        for number in streams:
            os.close(number)
        end.send(b"%d" % pid)
        _, status = os.waitpid(pid, 0)
        end.send(b"%d" % status)
        os._exit(0)
    end.close()
    os.setpgid(0, 0)
    for wanted, number in enumerate(streams):
        os.dup2(number, wanted)
        os.close(number)


def _become(order: dict[str, Any]) -> None:
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["env"])
    if order["umask"] >= 0:
        os.umask(order["umask"])
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        was = getattr(sys, name)  # made for another kind of file
        stream = open(number, was.mode, encoding=was.encoding, errors=was.errors, closefd=False)  # noqa: SIM115
        stream.reconfigure(line_buffering=name == "stderr")
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    module, *arguments = order["argv"]
    sys.argv[1:] = arguments
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    _exit(code)


def _exit(code: int) -> None:
    """Exit as the interpreter does, but without tearing the modules down, which takes half a second."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _import_all()
    gc.freeze()
    _become(_next_order(socket.socket(fileno=int(sys.argv[1]))))
