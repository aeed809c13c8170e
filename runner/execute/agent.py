"""The keys in an ssh-agent. Every wait has a limit."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from paramiko import Message, PKey, SSHException
from paramiko.agent import AgentKey, AgentSSH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["AgentIdentity", "held_keys"]

_LISTING = 10.0
_SIGNING = 60.0
"""Seconds. Someone may have to touch a security key or confirm on the screen."""


class AgentIdentity(PKey):
    """A key or certificate whose signatures are made by the agent."""

    def __init__(self, held: AgentKey, certificate: bytes | None = None) -> None:
        """`certificate`: one from a file, for the key in the agent."""
        self._held = held
        self.blob = certificate or held.blob
        self.public_blob = None

    def get_name(self) -> str:
        """The type of the key or certificate, e.g. ``ssh-ed25519-cert-v01@openssh.com``."""
        return Message(self.blob).get_text()

    def asbytes(self) -> bytes:
        """The key or certificate that is sent to the host."""
        return self.blob

    def can_sign(self) -> bool:
        """True: the agent has the private key."""
        return True

    def sign_ssh_data(self, data: bytes, algorithm: str | None = None) -> Any:
        """The agent's signature. If it refuses, an invalid one, so that the next key is tried."""
        try:
            return _sign(self._held, data, algorithm)
        except (OSError, SSHException):
            refused = Message()
            refused.add_string(algorithm or self.get_name())
            refused.add_string(b"\0" * 64)
            return refused.asbytes()


@contextmanager
def held_keys(path: str) -> Iterator[Mapping[bytes, AgentKey]]:
    """The keys and certificates of the agent at this socket, by their public bytes; empty without an agent.

    They can sign until the end of the block.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        yield {key.blob: key for key in _listed(link, path)}


def _listed(link: socket.socket, path: str) -> Sequence[AgentKey]:
    if not path:
        return ()
    try:
        link.settimeout(_LISTING)
        link.connect(path)
        keys = _Agent(link).get_keys()
    except (OSError, SSHException):
        return ()
    link.settimeout(_SIGNING)
    return keys


class _Agent(AgentSSH):
    """Paramiko's agent client, on a given socket."""

    def __init__(self, link: socket.socket) -> None:
        super().__init__()
        self._connect(link)  # type: ignore[attr-defined]


def _sign(held: AgentKey, data: bytes, algorithm: str | None) -> Any:
    from paramiko.agent import ALGORITHM_FLAG_MAP, SSH2_AGENT_SIGN_RESPONSE, cSSH2_AGENTC_SIGN_REQUEST

    request = Message()
    request.add_byte(cSSH2_AGENTC_SIGN_REQUEST)
    request.add_string(held.blob)
    request.add_string(data)
    request.add_int(ALGORITHM_FLAG_MAP.get(algorithm or "", 0))
    agent: Any = held.agent
    kind, answer = agent._send_message(request)  # noqa: SLF001 - there is no public method
    if kind != SSH2_AGENT_SIGN_RESPONSE:
        raise SSHException("the agent refused to sign with this key")
    return answer.get_binary()
