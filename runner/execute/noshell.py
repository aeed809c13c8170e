"""Errors for accounts that accept the login and never run our command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import NoShellError, UnreachableError

if TYPE_CHECKING:
    from runner.execute.endpoint import Endpoint

__all__ = ["SilentShellError", "never_greeted", "no_shell"]

_TRY = "Try: ssh {where} true; correct the account's start-up files (.bashrc, .profile, .cshrc)."


class SilentShellError(UnreachableError):
    """The login succeeded, but the shell did not run our command in time."""


def no_shell(endpoint: Endpoint, output: bytes) -> NoShellError:
    """The error for a shell that exited before it ran our command; `output` is what it printed."""
    printed = output.decode("utf-8", "replace").strip()[-200:]
    called = endpoint.called
    if "sftp" in printed.lower():
        return NoShellError(
            f"{called}: this account allows only SFTP: {printed!r}",
            hint="Most steps need a shell. Ask the provider for shell access.",
        )
    if "not available" in printed or "restricted" in printed.lower():
        return NoShellError(
            f"{called}: this account has no shell: {printed!r}",
            hint="Ask the provider for shell access, or set another user.",
        )
    shown = f"; it printed {printed!r}" if printed else ""
    return NoShellError(
        f"{called}: the login shell exited before it ran our command{shown}",
        hint=f"Check the start-up files for `exit`. {_try(endpoint)}",
    )


def never_greeted(endpoint: Endpoint, seconds: float, noise: bytes) -> SilentShellError:
    """The error for a shell that printed nothing but `noise` for so many seconds."""
    problem = "keeps printing text" if len(noise) >= NOISE else "does not run our command"
    return SilentShellError(
        f"{endpoint.called}: the login shell {problem} (waited {seconds:.0f} s)", hint=_try(endpoint)
    )


NOISE = 2000
"""Bytes of the login shell's output that are kept."""


def _try(endpoint: Endpoint) -> str:
    port = f"-p {endpoint.port} " if endpoint.port else ""
    user = f"{endpoint.user}@" if endpoint.user else ""
    return _TRY.format(where=f"{port}{user}{endpoint.address}")
