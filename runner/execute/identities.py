"""Private key files: their public keys, without a passphrase, and the private keys, parsed when changed."""

from __future__ import annotations

import base64
import binascii
import copy
import threading
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from runner.errors import LoginRefusedError
from runner.execute.certificates import parse_public_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramiko import PKey

    from runner.execute.certificates import Certificate

__all__ = ["IdentityFile", "UnusableKeyError", "with_certificate"]

_SIZE = 1 << 16
_MAGIC = b"openssh-key-v1\0"


class UnusableKeyError(LoginRefusedError):
    """The key cannot be used; nothing was sent to the host."""


@dataclass(frozen=True, slots=True)
class IdentityFile:
    """An ``IdentityFile``: a private key, or the public key of one in an agent."""

    path: Path

    @property
    def exists(self) -> bool:
        """Whether the file, or the one with ``.pub`` added, exists."""
        return self.path.exists() or self._public_path.exists()

    @property
    def holds_private_key(self) -> bool:
        """Whether the file itself may be a private key."""
        return self.path.exists() and parse_public_key(_read(self.path).decode("utf-8", "replace")) is None

    def public_key(self) -> bytes | None:
        """The public key in SSH's wire format; None if the file has to be decrypted for it."""
        for path in (self.path, self._public_path):
            found = parse_public_key(_read(path).decode("utf-8", "replace"))
            if found:
                return found
        return _public_part(_read(self.path))

    @property
    def certificate_path(self) -> Path:
        """The path where ssh looks for the key's certificate."""
        name = self.path.name.removesuffix(".pub")
        return self.path.with_name(f"{name}-cert.pub")

    @property
    def _public_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.pub")

    def load(self, called: str, passphrase: Callable[[], str] | None) -> PKey:
        """Load the private key. `called`: the host's name in messages.

        Raises:
            UnusableKeyError: it cannot be used; the hint has the fix.
        """
        if self.exists and not self.holds_private_key:
            raise UnusableKeyError(
                f"{called}: {self.path} is a public key, and no agent has the private key",
                hint="Load the private key with ssh-add, or set identity_file to its file.",
            )
        try:
            return _load(self.path, passphrase)
        except FileNotFoundError as error:
            raise UnusableKeyError(
                f"{called}: the key {self.path} does not exist",
                hint="Correct identity_file of the host, or create a key: ssh-keygen -t ed25519",
            ) from error
        except _LockedKeyError as error:
            raise UnusableKeyError(
                f"{called}: the key {self.path} needs a passphrase",
                hint="Set `passphrase` of the host, for example {env: KEY_PASSPHRASE}, or load the key:"
                f" ssh-add {self.path}",
            ) from error
        except _SecurityKeyError as error:
            raise UnusableKeyError(
                f"{called}: the key {self.path} is on a security key (FIDO), which needs an agent",
                hint=f"Load it: ssh-add {self.path}",
            ) from error
        except (OSError, ValueError) as error:
            if passphrase is not None and not isinstance(error, OSError):
                raise UnusableKeyError(
                    f"{called}: wrong passphrase for the key {self.path}",
                    hint=f"Correct `passphrase` of the host. Check it with: ssh-keygen -y -f {self.path}",
                ) from error
            raise UnusableKeyError(
                f"{called}: cannot use the key {self.path}: {getattr(error, 'strerror', None) or error}",
                hint=f"Check that it is a readable private key: ssh-keygen -y -f {self.path}",
            ) from error


def with_certificate(key: PKey, certificate: Certificate) -> PKey:
    """Return the same private key, which presents this certificate instead of its public key."""
    from paramiko.pkey import PublicBlob

    shown = copy.copy(key)
    shown.public_blob = PublicBlob(certificate.type, certificate.blob)
    return shown


class _LockedKeyError(ValueError):
    pass


class _SecurityKeyError(ValueError):
    pass


_keys: dict[tuple[Path, int, int, int], PKey] = {}
_loading = threading.Lock()


def _load(path: Path, passphrase: Callable[[], str] | None) -> PKey:
    status = path.stat()
    mark = (path, status.st_mtime_ns, status.st_size, status.st_ino)
    with _loading:
        if mark not in _keys:
            with path.open("rb") as file:
                _keys[mark] = _parse(file.read(_SIZE), passphrase)
        return _keys[mark]


def _parse(data: bytes, passphrase: Callable[[], str] | None) -> PKey:
    """Parse a key in the format of OpenSSH, PKCS#1, PKCS#8 or SEC 1."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
        load_ssh_private_key,
    )
    from paramiko import ECDSAKey, Ed25519Key, RSAKey

    if b"sk-" in (_public_part(data) or b"")[:8]:
        raise _SecurityKeyError
    load = load_ssh_private_key if b"BEGIN OPENSSH PRIVATE KEY" in data else load_pem_private_key
    try:
        try:
            key = load(data, None)
        except TypeError:  # encrypted
            if passphrase is None:
                raise _LockedKeyError from None
            key = load(data, passphrase().encode())
    except UnsupportedAlgorithm as error:
        raise ValueError("its type or its encryption is not supported") from error
    kinds = {
        rsa.RSAPrivateKey: RSAKey,
        ed25519.Ed25519PrivateKey: Ed25519Key,
        ec.EllipticCurvePrivateKey: ECDSAKey,
    }
    for kind, made in kinds.items():  # convert it to paramiko's class
        if isinstance(key, kind):
            plain = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
            return cast("PKey", cast("Any", made).from_private_key(StringIO(plain.decode())))
    raise ValueError(f"its type is not supported ({type(key).__name__})")


def _public_part(data: bytes) -> bytes | None:
    """The public key, which OpenSSH's format stores unencrypted."""
    lines = data.strip().splitlines()
    if not lines or b"BEGIN OPENSSH PRIVATE KEY" not in lines[0]:
        return None
    try:
        body = base64.b64decode(b"".join(lines[1:-1]))
    except binascii.Error:
        return None
    if not body.startswith(_MAGIC):
        return None
    rest = body[len(_MAGIC) :]
    for _ in range(3):  # cipher, kdf and the kdf's options
        rest = rest[4 + int.from_bytes(rest[:4], "big") :]
    rest = rest[4:]  # the number of keys
    return rest[4 : 4 + int.from_bytes(rest[:4], "big")] or None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_SIZE)
    except OSError:
        return b""
