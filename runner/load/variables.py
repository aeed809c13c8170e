"""Variables of the command line (`-e`): they may be secrets, so an order keeps references and digests."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping

from runner.errors import UsageError
from runner.load.text import quoted
from runner.model import SecretRef, SecretSource

__all__ = ["fits", "seal_variables", "variable", "variables_of"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE = re.compile(r"\{(env|file|command): ([^\x00-\x1f]+)\}")
_COST = 2**14
_MARK = "scrypt"


def variables_of(given: Mapping[str, str]) -> dict[str, str | SecretRef]:
    """What `-e` was given, by name. Raises UsageError where a name cannot be a variable's."""
    for name in given:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{quoted(name)} cannot name a variable", hint="-e NAME=VALUE, letters and digits"
            )
    return {name: variable(text) for name, text in given.items()}


def variable(text: str) -> str | SecretRef:
    """A value, or a reference: `@FILE`, `{env: NAME}`, `{file: PATH}`, `{command: CMD}`; `@@` is an `@`."""
    if text.startswith("@@"):
        return text[1:]
    if text.startswith("@") and text[1:].strip():
        return SecretRef(SecretSource.FILE, text[1:])
    found = _REFERENCE.fullmatch(text)
    return SecretRef(SecretSource(found[1]), found[2].strip()) if found else text


def seal_variables(variables: Mapping[str, str | SecretRef]) -> dict[str, str | SecretRef]:
    """What an order keeps: references as they are, of a value a salted digest that is slow to guess."""
    return {
        name: value if isinstance(value, SecretRef) else _digest(value, secrets.token_bytes(16))
        for name, value in variables.items()
    }


def fits(kept: str, value: str) -> bool:
    """Whether a value is the one that an order was given. Orders of older versions keep it as it is."""
    mark, _, rest = kept.partition("$")
    salt, _, _ = rest.partition("$")
    if mark != _MARK or not re.fullmatch(r"[0-9a-f]{32}", salt):
        return hmac.compare_digest(kept.encode(), value.encode())
    return hmac.compare_digest(kept, _digest(value, bytes.fromhex(salt)))


def _digest(value: str, salt: bytes) -> str:
    key = hashlib.scrypt(value.encode("utf-8", "surrogateescape"), salt=salt, n=_COST, r=8, p=1, dklen=32)
    return f"{_MARK}${salt.hex()}${key.hex()}"
