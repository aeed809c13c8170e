"""Paramiko's transport with our choice of algorithms, and words for a handshake that cannot succeed."""

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
"""Bytes after which we want new keys: 2**32 blocks of a cipher with blocks of 16 bytes."""
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
    """Host and Sitecrew have no algorithm of some kind in common. `hint` says what to change."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Handshake(Transport):
    """A transport that says what the host offered where nothing fits."""

    _kex_info = {**Transport._kex_info, _CURVE: Transport._kex_info["curve25519-sha256@libssh.org"]}  # type: ignore[attr-defined] # noqa: RUF012, SLF001
    _preferred_kex = (*Transport._preferred_kex, _CURVE)  # type: ignore[attr-defined] # noqa: SLF001

    recorded_types: frozenset[str] = frozenset()
    """Types of host keys that can be compared: they are asked for first."""
    has_authority = False
    """Whether certificates can be verified."""
    _offered: dict[str, list[str]]

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """Types of host keys in OpenSSH's order: certificates and plain keys, those that help us first."""
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
    """A transport that asks for a host key of a type on record. `banner`: seconds for the greeting.

    Raises:
        SshConfigError: ssh's configuration allows nothing that paramiko can do.
    """
    transport = Handshake(sock, **options)
    bound_transport(transport, banner)
    # New keys as seldom as OpenSSH asks for them: its own thread waits for itself for half a minute, and
    # gives the connection up, where a channel is closed while paramiko awaits the answer to its wish.
    packetizer: Any = transport.packetizer
    packetizer.REKEY_BYTES = _REKEY
    _choose_algorithms(transport, target)
    _prefer_recorded(transport, known, target)
    return transport


def _choose_algorithms(transport: Handshake, target: Target) -> None:
    security = transport.get_security_options()
    # AES-GCM first: the others have a MAC apart, which paramiko compares byte by byte, in Python
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
        f"ssh's configuration allows only {', '.join(wanted)} ({option});"
        f" Sitecrew can use {', '.join(possible)}",
        hint="Allow one of these for the host in ~/.ssh/config.",
    )


def _prefer_recorded(transport: Handshake, known: KnownHosts, target: Target) -> None:
    types: set[str] = set()
    for type_ in known.types(target.key_name, target.key_port):
        types |= {"rsa-sha2-512", "rsa-sha2-256"} if type_ == "ssh-rsa" else {type_}
    transport.recorded_types = frozenset(types)
    transport.has_authority = bool(known.authorities(target.key_name, target.key_port))
