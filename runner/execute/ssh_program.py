"""Ssh's configuration as `ssh -G` resolves it."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import SshConfigError
from runner.execute.ssh_options import ALGORITHMS, options_from
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.execute.ssh_options import Login, SshOptions

__all__ = ["ask_ssh", "usable_ssh"]

_SECONDS = 20.0
"""For the commands of ``Match exec`` too."""
_OUTPUT = 1 << 20
_HARMLESS = re.compile(r"^(Pseudo-terminal will not|Warning: |debug\d?: )")


def usable_ssh() -> str:
    """The path of an ssh that reads the same home folder as we do; empty where there is none.

    Ssh takes the home folder from the passwd entry, whatever HOME says, and does not start without an entry.
    """
    try:
        home = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""
    if Path(home) != Path.home():
        return ""
    return shutil.which("ssh") or ""


def ask_ssh(program: str, login: Login, config: Path | None) -> SshOptions:
    """The options of a host as this ssh sees them. `config` stands instead of ssh's own files.

    Raises:
        SshConfigError: ssh refuses its configuration, or does not answer in time.
    """
    options = _answer(program, login, str(config) if config else "")
    unset = _defaults(program)
    for name in ALGORITHMS:  # what is only ssh's default is no wish of the configuration
        if options.get(name) == unset.get(name):
            options.pop(name, None)
    return options_from(options, login, known_hosts_expanded=True)


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
                hint="Does a `Match exec` of ssh's configuration hang?",
            ) from error
        for file in (out, err):
            file.seek(0)
        if code:
            complaint = _complaint(err.read(_OUTPUT))
            if "jumphost loop" in complaint:
                raise SshConfigError(
                    "the ssh config makes this host its own ProxyJump",
                    hint="Exclude the jump host from the Host pattern that holds the ProxyJump.",
                )
            raise SshConfigError(
                f"ssh refuses its configuration for {host}: {complaint}",
                hint=f"Compare with: ssh -G {host}",
            )
        return out.read(_OUTPUT).decode("utf-8", "surrogateescape")


def _complaint(said: bytes) -> str:
    lines = (line.strip() for line in said.decode("utf-8", "replace").splitlines())
    return sentence("; ".join(line for line in lines if line and not _HARMLESS.match(line)), 300)


def _parse(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        keyword, _, value = line.partition(" ")
        if keyword.endswith("knownhostsfile"):
            # ssh writes absolute paths side by side without quotes
            first, *others = value.split(" /")
            found.setdefault(keyword, []).extend([first, *(f"/{path}" for path in others)])
        else:
            found.setdefault(keyword, []).append(value)
    return found
