"""Paramiko's transport with our choice of algorithms, and error messages for handshakes that fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramiko import Transport
from paramiko.ssh_exception import IncompatiblePeer

from runner.errors import SshConfigError
from runner.execute.careful import bound_transport
from runner.untrusted import sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.execute.endpoint import Target
    from runner.execute.hostkeys import KnownHosts

__all__ = ["Handshake", "NoCommonAlgorithmError", "handshake"]

_REKEY = 2**36
"""Bytes after which we ask for new keys: 2**32 blocks of 16 bytes."""
_CERTIFICATE = "-cert-v01@openssh.com"
_CURVE = "curve25519-sha256"
_KINDS = {
    "kex": ("key exchange", "kex_algo_list", "preferred_kex", "KexAlgorithms"),
    "host key": ("type of host key", "server_key_algo_list", "preferred_keys", "HostKeyAlgorithms"),
    "ciphers": ("cipher", "client_encrypt_algo_list", "preferred_ciphers", "Ciphers"),
    "macs": ("MAC", "client_mac_algo_list", "preferred_macs", "MACs"),
    "compression": ("compression", "client_compress_algo_list", "preferred_compression", "Compression"),
}
_OPTIONS = (
    ("kexalgorithms", "kex"),
    ("ciphers", "ciphers"),
    ("macs", "digests"),
    ("hostkeyalgorithms", "key_types"),
)


class NoCommonAlgorithmError(IncompatiblePeer):
    """The host and Sitecrew have no algorithm of some kind in common. `hint`: what to change."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Handshake(Transport):
    """A transport that reports what the host offered if there is no common algorithm."""

    _kex_info = {**Transport._kex_info, _CURVE: Transport._kex_info["curve25519-sha256@libssh.org"]}  # type: ignore[attr-defined] # noqa: RUF012, SLF001
    _preferred_kex = (*Transport._preferred_kex, _CURVE)  # type: ignore[attr-defined] # noqa: SLF001

    recorded_types: frozenset[str] = frozenset()
    """The types of the known host keys. The host is asked for these first."""
    has_authority = False
    """Whether an authority for host certificates is known."""
    _offered: dict[str, list[str]]

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """Types of host keys in the order of OpenSSH, those that we can verify first."""
        plain: tuple[str, ...] = self._filter_algorithm("keys")  # type: ignore[attr-defined]
        return tuple(sorted((*(f"{name}{_CERTIFICATE}" for name in plain), *plain), key=self._is_late))

    def _is_late(self, name: str) -> bool:
        if self.has_authority and name.endswith(_CERTIFICATE):
            return False
        return name.removesuffix(_CERTIFICATE) not in self.recorded_types

    def _really_parse_kex_init(self, *arguments: Any, **options: Any) -> Any:
        self._offered = super()._really_parse_kex_init(*arguments, **options)  # type: ignore[misc]
        return self._offered

    def _parse_kex_init(self, message: Any) -> None:
        try:
            super()._parse_kex_init(message)  # type: ignore[misc]
        except IncompatiblePeer as error:
            raise self._explained(error) from error

    def _explained(self, error: IncompatiblePeer) -> IncompatiblePeer:
        for word, (what, offered, ours, option) in _KINDS.items():
            if word in str(error):
                theirs = sentence(", ".join(self._offered[offered]) or "nothing", 300)
                usable = ", ".join(getattr(self, ours))
                return NoCommonAlgorithmError(
                    f"no {what} in common: the host offers {theirs}; Sitecrew can use {usable}",
                    hint=f"Allow one of these in {option} of the host's sshd_config.",
                )
        return error


def handshake(sock: Any, known: KnownHosts, target: Target, banner: float, **options: Any) -> Handshake:
    """Create a transport that asks for a known type of host key. `banner`: seconds for the greeting.

    Raises:
        SshConfigError: the ssh config allows only algorithms that paramiko does not have.
    """
    transport = Handshake(sock, **options)
    bound_transport(transport, banner)
    # Rekey as seldom as OpenSSH does. If a channel is closed while paramiko waits for the answer to its own
    # request, its thread blocks itself for half a minute and then drops the connection.
    packetizer: Any = transport.packetizer
    packetizer.REKEY_BYTES = _REKEY
    _choose_algorithms(transport, target)
    _prefer_recorded(transport, known, target)
    return transport


def _choose_algorithms(transport: Handshake, target: Target) -> None:
    security = transport.get_security_options()
    # AES-GCM first: the other ciphers need a MAC, which paramiko compares byte by byte in Python
    ciphers = sorted(security.ciphers, key=lambda name: "-gcm" not in name)
    security.ciphers = tuple(name for name in ciphers if not name.startswith("3des"))
    configured = dict(target.options.algorithms)
    for option, attribute in _OPTIONS:
        if option in configured:
            setattr(security, attribute, _allowed(option, configured[option], getattr(security, attribute)))
    if wanted := configured.get("pubkeyacceptedalgorithms"):
        changed: Any = transport
        plain = [name.removesuffix(_CERTIFICATE) for name in wanted]
        changed._preferred_pubkeys = tuple(name for name in changed._preferred_pubkeys if name in plain)  # noqa: SLF001


def _allowed(option: str, wanted: Sequence[str], possible: Sequence[str]) -> tuple[str, ...]:
    allowed = tuple(name for name in wanted if name in possible)
    if allowed:
        return allowed
    raise SshConfigError(
        f"the ssh config allows only {', '.join(wanted)} ({option}); Sitecrew can use {', '.join(possible)}",
        hint="Allow one of these for the host in ~/.ssh/config.",
    )


def _prefer_recorded(transport: Handshake, known: KnownHosts, target: Target) -> None:
    types: set[str] = set()
    for type_ in known.types(target.key_name, target.key_port):
        types |= {"rsa-sha2-512", "rsa-sha2-256"} if type_ == "ssh-rsa" else {type_}
    transport.recorded_types = frozenset(types)
    transport.has_authority = bool(known.authorities(target.key_name, target.key_port))
