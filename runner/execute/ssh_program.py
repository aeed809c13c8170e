"""The ssh config as resolved by `ssh -G`."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import SshConfigError
from runner.execute.ssh_options import ALGORITHMS, options_from
from runner.untrusted import sentence

if TYPE_CHECKING:
    from collections.abc import Hashable

    from runner.execute.ssh_options import Login, SshOptions

__all__ = ["ask_ssh", "usable_ssh"]

_SECONDS = 20.0
"""Includes the commands of ``Match exec``."""
_OUTPUT = 1 << 20
_SAME_NAME = re.compile(r"[a-z0-9:][a-z0-9.:-]*")
"""Names of hosts that ssh neither changes nor refuses."""
_one_for_all = threading.Lock()
_HARMLESS = re.compile(r"^(Pseudo-terminal will not|Warning: |debug\d?: )")


def usable_ssh() -> str:
    """The path of an ssh that uses the same home directory as we do; empty if there is none.

    Ssh takes the home directory from the passwd entry and ignores HOME. Without an entry it does not start.
    """
    try:
        home = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""
    if Path(home) != Path.home():
        return ""
    return shutil.which("ssh") or ""


def ask_ssh(program: str, login: Login, config: Path | None, *, shared: Hashable = None) -> SshOptions:
    """Return the options of a host from `ssh -G`.

    Args:
        program: The path of ssh.
        login: The host, with the port and user that override the config.
        config: Replaces ssh's own files.
        shared: The state of the config if it is the same for all hosts: ssh is then asked once for all.

    Raises:
        SshConfigError: ssh reports an error in its config, or does not answer in time.
    """
    file = str(config) if config else ""
    if shared is not None and _SAME_NAME.fullmatch(login.host):
        with _one_for_all:  # hosts are looked up by many threads at once
            answer = _shared_answer(program, replace(login, host="localhost"), file, shared)
        options = {**answer, "host": [login.host], "hostname": [login.host]}
    else:
        options = _answer(program, login, file)
    unset = _defaults(program)
    for name in ALGORITHMS:  # defaults of ssh are not configured values
        if options.get(name) == unset.get(name):
            options.pop(name, None)
    return options_from(options, login, known_hosts_expanded=True)


@lru_cache(maxsize=64)
def _shared_answer(program: str, login: Login, config: str, state: Hashable) -> dict[str, list[str]]:  # noqa: ARG001
    return _answer(program, login, config)


@cache
def _defaults(program: str) -> dict[str, list[str]]:
    from runner.execute.ssh_options import Login

    return _answer(program, Login("localhost"), "none")


def _answer(program: str, login: Login, config: str) -> dict[str, list[str]]:
    command = [program, "-T", "-G"]
    if config:
        command += ["-F", config]
    if login.port:
        command += ["-p", str(login.port)]
    if login.user:
        command += ["-l", login.user]
    return _parse(_run([*command, "--", login.host], login.host))


def _run(command: list[str], host: str) -> str:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(  # noqa: S603 - a list, without a shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env={**os.environ, "LC_ALL": "C"},
            start_new_session=True,
        )
        try:
            code = process.wait(_SECONDS)
        except subprocess.TimeoutExpired as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise SshConfigError(
                f"ssh -G {host} did not answer within {_SECONDS:.0f} s",
                hint="Check whether a `Match exec` in the ssh config hangs.",
            ) from error
        for file in (out, err):
            file.seek(0)
        if code:
            complaint = _complaint(err.read(_OUTPUT))
            if "jumphost loop" in complaint:
                raise SshConfigError(
                    "in the ssh config this host is its own ProxyJump",
                    hint="Exclude the jump host from the Host pattern with the ProxyJump.",
                )
            raise SshConfigError(
                f"ssh reports an error in its config for {host}: {complaint}",
                hint=f"Check it with: ssh -G {host}",
            )
        return out.read(_OUTPUT).decode("utf-8", "surrogateescape")


def _complaint(stderr: bytes) -> str:
    lines = (line.strip() for line in stderr.decode("utf-8", "replace").splitlines())
    return sentence("; ".join(line for line in lines if line and not _HARMLESS.match(line)), 300)


def _parse(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        keyword, _, value = line.partition(" ")
        if keyword.endswith("knownhostsfile"):
            # ssh prints absolute paths separated by spaces, without quotes
            first, *others = value.split(" /")
            found.setdefault(keyword, []).extend([first, *(f"/{path}" for path in others)])
        else:
            found.setdefault(keyword, []).append(value)
    return found
