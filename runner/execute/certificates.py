"""OpenSSH certificates: a user's, which are shown to hosts, and hosts', which are verified."""

from __future__ import annotations

import base64
import binascii
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runner.execute.hostkeys import HostKey
from runner.execute.ssh_patterns import matches

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization import SSHCertificate

__all__ = ["Certificate", "NotACertificateError", "parse_certificate", "parse_public_key"]


class NotACertificateError(ValueError):
    """The bytes are no certificate that can be read."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate, unverified but for what `fault_for_host` says."""

    type: str
    blob: bytes
    key: bytes
    """The key that it is for, as SSH writes it."""
    authority: HostKey
    """The key that signed it."""
    valid_from: int
    valid_until: int
    """Seconds since 1970."""
    principals: tuple[str, ...]
    _parsed: SSHCertificate

    def expired(self, now: float | None = None) -> str:
        """``expired 2026-11-20 10:00 UTC`` or ``not valid before ...``; empty while it is valid."""
        now = time.time() if now is None else now
        if now >= self.valid_until:
            return f"expired {_date(self.valid_until)}"
        if now < self.valid_from:
            return f"is not valid before {_date(self.valid_from)}"
        return ""

    def fault_for_host(self, name: str) -> str:
        """Why a host of this name may not show it, the authority apart; empty when it may."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.serialization import SSHCertificateType

        try:
            self._parsed.verify_cert_signature()
        except (InvalidSignature, ValueError, TypeError):
            return "its signature is wrong"
        if self._parsed.type is not SSHCertificateType.HOST:
            return "it is a user's certificate"
        if self._parsed.critical_options:
            return "it has critical options, which hosts' certificates have not"
        if self.principals and not any(matches(name.lower(), one.lower()) for one in self.principals):
            return f"it is for {', '.join(self.principals[:3])}"
        return self.expired()


def parse_certificate(type_and_base64: str) -> Certificate:
    """The certificate of a ``-cert.pub`` file's line.

    Raises:
        NotACertificateError: it is none.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        SSHCertificate,
        load_ssh_public_identity,
    )

    words = type_and_base64.split()[:2]
    try:
        blob = base64.b64decode(words[1], validate=True)
        found = load_ssh_public_identity(" ".join(words).encode())
        if not isinstance(found, SSHCertificate):
            raise NotACertificateError("a key, and no certificate")
        authority = found.signature_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        key = found.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    except (ValueError, TypeError, IndexError, binascii.Error, UnsupportedAlgorithm) as error:
        raise NotACertificateError(str(error)) from error
    return Certificate(
        type=words[0],
        blob=blob,
        key=_blob(key),
        authority=HostKey(authority.split()[0].decode(), _blob(authority)),
        valid_from=found.valid_after,
        valid_until=found.valid_before,
        principals=tuple(one.decode("utf-8", "replace") for one in found.valid_principals),
        _parsed=found,
    )


def parse_public_key(line: str) -> bytes | None:
    """The bytes of the key in a ``.pub`` file's line; None where it is no key."""
    words = line.split()[:2]
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (IndexError, ValueError):
        return None
    name = words[0].encode()
    return blob if blob.startswith(len(name).to_bytes(4, "big") + name) else None


def _blob(line: bytes) -> bytes:
    return base64.b64decode(line.split()[1])


def _date(seconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return f"at second {seconds}"
