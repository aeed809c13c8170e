"""OpenSSH certificates: user certificates, which we present, and host certificates, which we verify."""

from __future__ import annotations

import base64
import binascii
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runner.execute.keys import HostKey
from runner.execute.ssh_patterns import matches

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization import SSHCertificate

__all__ = ["Certificate", "NotACertificateError", "parse_certificate", "parse_public_key"]


class NotACertificateError(ValueError):
    """The bytes are not a readable certificate."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate. It is unverified until `fault_for_host` returns an empty string."""

    type: str
    blob: bytes
    key: bytes
    """The certified public key, in SSH's wire format."""
    authority: HostKey
    """The key that signed it."""
    valid_from: int
    valid_until: int
    """Seconds since 1970."""
    principals: tuple[str, ...]
    _parsed: SSHCertificate

    def expired(self, now: float | None = None) -> str:
        """``expired 2026-11-20 10:00 UTC`` or ``is not valid before ...``; empty while it is valid."""
        now = time.time() if now is None else now
        if now >= self.valid_until:
            return f"expired {_date(self.valid_until)}"
        if now < self.valid_from:
            return f"is not valid before {_date(self.valid_from)}"
        return ""

    def fault_for_host(self, name: str) -> str:
        """Why it is not valid for a host of this name; empty if it is. Does not check the authority."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.serialization import SSHCertificateType

        try:
            self._parsed.verify_cert_signature()
        except (InvalidSignature, ValueError, TypeError):
            return "its signature is invalid"
        if self._parsed.type is not SSHCertificateType.HOST:
            return "it is a user certificate"
        if self._parsed.critical_options:
            return "it has critical options, which host certificates must not have"
        if self.principals and not any(matches(name.lower(), one.lower()) for one in self.principals):
            return f"it is for {', '.join(self.principals[:3])}"
        return self.expired()


def parse_certificate(type_and_base64: str) -> Certificate:
    """Parse the line of a ``-cert.pub`` file.

    Raises:
        NotACertificateError: it is not a certificate.
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
            raise NotACertificateError("it is a plain key")
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
    """The bytes of the key in the line of a ``.pub`` file; None if it is not a key."""
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
