"""A certificate authority made on the spot, and server certificates that it signs."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING

from lab.shell import write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["Authority", "ensure"]


class Authority:
    """An authority in a folder: `ca.pem` and `ca.key`, made on first use and valid for ten years."""

    def __init__(self, folder: Path) -> None:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        self.folder = folder
        self.path = folder / "ca.pem"
        stored = folder / "ca.key"
        if stored.exists():
            key = serialization.load_pem_private_key(stored.read_bytes(), None)
            assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101  # it was written below
            self._key = key
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        write(stored, _private(self._key), mode=0o600)
        write(self.path, self._signed("Sitecrew lab", self._key, (), days=3650, authority=True))

    def issue(self, name: str, hosts: Sequence[str], *, days: int = 3650) -> Path:
        """Write `name`.pem and `name`.key.

        Args:
            name: of the files and of the subject.
            hosts: host names and IP addresses that the certificate is for.
            days: until it expires; negative if it has expired.
        """
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        path = self.folder / f"{name}.pem"
        write(path.with_suffix(".key"), _private(key), mode=0o600)
        write(path, self._signed(name, key, hosts, days=days, authority=False))
        return path

    def _signed(
        self,
        subject: str,
        key: ec.EllipticCurvePrivateKey,
        hosts: Sequence[str],
        *,
        days: int,
        authority: bool,
    ) -> bytes:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization

        now, mine = dt.datetime.now(dt.UTC), self._key.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(_named(subject))
            .issuer_name(_named("Sitecrew lab"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=400))
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(mine), critical=False)
        )
        if hosts:
            names = x509.SubjectAlternativeName([_host(one) for one in hosts])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def ensure(folder: Path, address: str, name: str) -> None:
    """Write `ca.pem`, `server.pem` and `server.key` for an address and a host name, unless they are there."""
    if not (folder / "server.pem").exists():
        Authority(folder).issue("server", (name, address))


def _named(text: str) -> x509.Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _host(text: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
