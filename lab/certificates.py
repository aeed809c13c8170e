"""A certificate authority made on the spot, and a server certificate signed by it."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING

from lab.shell import write

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ensure"]


def ensure(folder: Path, address: str, name: str) -> None:
    """Leaves `ca.pem`, `server.pem` and `server.key` in a folder, valid for ten years; made on first use.

    Args:
        folder: Where they go.
        address: IP address that the certificate is for.
        name: Host name that it is for as well.
    """
    if (folder / "ca.pem").exists():
        return
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    now = dt.datetime.now(dt.UTC)

    def signed(
        subject: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, *, authority: bool
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sitecrew lab")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
            )
        )
        if not authority:
            names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address(address))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(signer, hashes.SHA256())

    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    secret = server.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write(folder / "server.key", secret, mode=0o600)
    write(folder / "server.pem", signed(name, server, authority, authority=False).public_bytes(pem))
    write(folder / "ca.pem", signed("Sitecrew lab", authority, authority, authority=True).public_bytes(pem))
