"""Variables from the command line (`-e`). They may be secret, so orders keep only references and digests."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping

from runner.errors import UsageError
from runner.load.text import quoted
from runner.model import SecretRef, SecretSource

__all__ = ["matches_stored", "seal_variables", "variable", "variables_of"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE = re.compile(r"\{(env|file|command): ([^\x00-\x1f]+)\}")
_SCRYPT_COST = 2**14
_PREFIX = "scrypt"


def variables_of(given: Mapping[str, str]) -> dict[str, str | SecretRef]:
    """Parse the values of `-e` by name. Raises UsageError if a name is invalid."""
    for name in given:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{quoted(name)} is not a variable name", hint="-e NAME=VALUE: letters, digits, underscores"
            )
    return {name: variable(text) for name, text in given.items()}


def variable(text: str) -> str | SecretRef:
    """Parse a value or a reference: `@FILE`, `{env: NAME}`, `{file: PATH}`, `{command: CMD}`; `@@` is `@`."""
    if text.startswith("@@"):
        return text[1:]
    if text.startswith("@") and text[1:].strip():
        return SecretRef(SecretSource.FILE, text[1:])
    found = _REFERENCE.fullmatch(text)
    return SecretRef(SecretSource(found[1]), found[2].strip()) if found else text


def seal_variables(variables: Mapping[str, str | SecretRef]) -> dict[str, str | SecretRef]:
    """Return the variables as stored in an order: references unchanged, values as salted scrypt digests."""
    return {
        name: value if isinstance(value, SecretRef) else _digest(value, secrets.token_bytes(16))
        for name, value in variables.items()
    }


def matches_stored(kept: str, value: str) -> bool:
    """Whether a value matches the one stored in an order. Orders of older versions have it in plain text."""
    prefix, _, rest = kept.partition("$")
    salt, _, _ = rest.partition("$")
    if prefix != _PREFIX or not re.fullmatch(r"[0-9a-f]{32}", salt):
        return hmac.compare_digest(kept.encode(), value.encode())
    return hmac.compare_digest(kept, _digest(value, bytes.fromhex(salt)))


def _digest(value: str, salt: bytes) -> str:
    key = hashlib.scrypt(
        value.encode("utf-8", "surrogateescape"), salt=salt, n=_SCRYPT_COST, r=8, p=1, dklen=32
    )
    return f"{_PREFIX}${salt.hex()}${key.hex()}"
