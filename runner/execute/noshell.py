"""Accounts that take our login and never run our command: why, in words, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import NoShellError, UnreachableError

if TYPE_CHECKING:
    from runner.execute.endpoint import Endpoint

__all__ = ["SilentShellError", "never_greeted", "no_shell"]

_TRY = "Try: ssh {where} true; mend the account's start-up files (.bashrc, .profile, .cshrc)."


class SilentShellError(UnreachableError):
    """The login worked, and our command was not reached in time."""


def no_shell(endpoint: Endpoint, said: bytes) -> NoShellError:
    """The exec ended before our command began; `said` is what came instead of its greeting."""
    words = said.decode("utf-8", "replace").strip()[-200:]
    called = endpoint.called
    if "sftp" in words.lower():
        return NoShellError(
            f"{called}: this account may only use sftp: {words!r}",
            hint="Without a shell little can be done there; ask the provider for shell access.",
        )
    if "not available" in words or "restricted" in words.lower():
        return NoShellError(
            f"{called}: this account has no shell: {words!r}",
            hint="Ask the provider for shell access, or name another user.",
        )
    return NoShellError(
        f"{called}: the login's shell ended before our command{f'; it said {words!r}' if words else ''}",
        hint=f"Does a start-up file call exit? {_try(endpoint)}",
    )


def never_greeted(endpoint: Endpoint, seconds: float, noise: bytes) -> SilentShellError:
    """The login worked, and nothing but `noise` came for so long."""
    how = "prints without end" if len(noise) >= NOISE else "does not get as far as our command"
    return SilentShellError(
        f"{endpoint.called}: the login's shell {how} ({seconds:.0f} s waited)", hint=_try(endpoint)
    )


NOISE = 2000
"""Bytes of it that are kept."""


def _try(endpoint: Endpoint) -> str:
    port = f"-p {endpoint.port} " if endpoint.port else ""
    user = f"{endpoint.user}@" if endpoint.user else ""
    return _TRY.format(where=f"{port}{user}{endpoint.address}")
