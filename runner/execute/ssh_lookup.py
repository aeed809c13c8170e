"""The ssh options of a host, cached until one of their files changes."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.execute.ssh_config import SYSTEM_CONFIG, is_same_for_all_hosts, read_config, sources
from runner.execute.ssh_options import options_from
from runner.execute.ssh_program import ask_ssh, usable_ssh

if TYPE_CHECKING:
    from runner.execute.ssh_options import Login, SshOptions

__all__ = ["look_up"]

_AGE = 300.0
"""Seconds after which a host is looked up again: the result of a ``Match exec`` may have changed."""


@dataclass(frozen=True, slots=True)
class _Known:
    options: SshOptions
    marks: dict[Path, tuple[int, int, int] | None]
    at: float

    def is_fresh(self) -> bool:
        young = time.monotonic() - self.at < _AGE
        return young and all(_mark(path) == mark for path, mark in self.marks.items())


_known: dict[tuple[object, ...], _Known] = {}
_lock = threading.Lock()


def look_up(login: Login, config: Path | None) -> SshOptions:
    """Return the options of a host from the user's config file and the system's; None: use no file.

    With any other file than ``~/.ssh/config``, the system's file is not read, as with `ssh -F`.

    Raises:
        SshConfigError: the ssh config has an error.
    """
    if config is None:
        return options_from({}, login)
    config = Path(os.path.expanduser(config))  # noqa: PTH111 - HOME may have changed
    program = usable_ssh()
    alone = config != Path.home() / ".ssh" / "config"
    environment = (os.environ.get("SSH_AUTH_SOCK"), Path.home())
    key = (program, config, login, *environment)
    found = _known.get(key)
    if found is None or not found.is_fresh():
        files = (config,) if alone else (config, SYSTEM_CONFIG)
        marks = {path: _mark(path) for file in files for path in sources(file)}
        if program and (not alone or config.exists()):
            shared = (*environment, *sorted(marks.items())) if is_same_for_all_hosts(marks) else None
            options = ask_ssh(program, login, config if alone else None, shared=shared)
        else:
            options = read_config(login, config, None if alone else SYSTEM_CONFIG)
        found = _Known(options, marks, time.monotonic())
        with _lock:
            _known[key] = found
    return found.options


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
