"""Error messages for connections that fail."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from runner import crashlog
from runner.errors import SitecrewError, UnreachableError
from runner.execute.credentials import CutLoginError

if TYPE_CHECKING:
    from runner.execute.endpoint import Endpoint, Target

__all__ = ["is_transient", "silent_server", "unreachable"]


def is_transient(error: Exception) -> bool:
    """Whether it is an error of a busy sshd that drops logins: another attempt may succeed."""
    from paramiko import SSHException

    if isinstance(error, ConnectionResetError | BrokenPipeError | EOFError | CutLoginError):
        return True
    words = str(error)
    return isinstance(error, SSHException) and ("banner" in words or "No existing session" in words)


def silent_server(endpoint: Endpoint, target: Target, waited: float) -> UnreachableError:
    """The error for a server that sends no greeting. A busy sshd closes at once, so do not try again."""
    return UnreachableError(
        f"{endpoint.called}: {target.host} port {target.port} accepts the connection but sends no greeting"
        f" (waited {waited:.0f} s)",
        hint=f"Check the port. Try: ssh -v -p {target.port} {target.user}@{target.host}",
    )


def unreachable(endpoint: Endpoint, target: Target, error: Exception) -> UnreachableError:
    """The error for a connection that could not be opened."""
    from runner.execute.handshake import NoCommonAlgorithmError

    called, where = endpoint.called, f"{target.host} port {target.port}"
    attempt = f"Try: ssh -p {target.port} {target.user}@{target.host}"
    if isinstance(error, socket.gaierror):
        return UnreachableError(
            f"{called}: cannot resolve the name {target.host}",
            hint="Correct `address` of the host in the inventory.",
        )
    if isinstance(error, TimeoutError):
        return UnreachableError(
            f"{called}: no answer from {where}",
            hint=f"The host is down, or a firewall blocks the connection. {attempt}",
        )
    if isinstance(error, ConnectionRefusedError):
        return UnreachableError(
            f"{called}: {where} refused the connection",
            hint=f"Check the port, and that sshd is running. {attempt}",
        )
    if is_transient(error):
        return UnreachableError(
            f"{called}: {where} closed the connection each time: {error or type(error).__name__}",
            hint=f"It may allow fewer logins at once, or ban this address. {attempt}",
        )
    if isinstance(error, NoCommonAlgorithmError):
        return UnreachableError(f"{called}: {where}: {error}", hint=error.hint)
    return UnreachableError(
        f"{called}: cannot connect to {where}: {_reason(error)}",
        hint=f"Check the address, and that sshd is running. {attempt}",
    )


def _reason(error: Exception) -> str:
    """The message of the system or of SSH; an unexpected error goes to the log."""
    from paramiko import SSHException

    if isinstance(error, OSError | EOFError | SSHException | SitecrewError):
        return getattr(error, "strerror", None) or str(error) or "connection closed"
    return f"unexpected error {crashlog.record(error).id}, see .sitecrew/logs"
