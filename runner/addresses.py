"""Mail addresses and names of the DNS, as they go over the wire. Pure.

Names beyond ASCII are converted by IDNA 2008 with the mapping of UTS 46, non-transitional, as browsers do:
`straße.example` is `xn--strae-oqa.example`, and never `strasse.example`, which is another domain.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

__all__ = ["MailAddress", "ascii_domain", "mail_address"]

_LONGEST_DOMAIN = 253
_LONGEST_LOCAL = 64
"""Octets, as SMTP has it."""
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_LITERAL = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f:.]{2,45})\]")


@dataclass(frozen=True, slots=True)
class MailAddress:
    """An address for the envelope: `local` as written, in quotes where it has them; `domain` in ASCII."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def key(self) -> str:
        """Equal for two spellings of one mailbox: no server tells capitals apart."""
        return f"{self.local.casefold()}@{self.domain}"

    @property
    def needs_smtputf8(self) -> bool:
        """Only a server with SMTPUTF8 takes it: the local part has letters beyond ASCII."""
        return not self.local.isascii()


def mail_address(text: str) -> MailAddress:
    """Read an address without a display name.

    Raises:
        ValueError: it is none; the message says why.
    """
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain:
        raise ValueError("it has no user or no domain")
    if not text.isprintable():
        raise ValueError("it holds control characters")
    if not _ATOMS.fullmatch(local) and not _is_quoted(local):
        raise ValueError("the part before the @ needs quotes, or cannot be")
    if len(local.encode()) > _LONGEST_LOCAL:
        raise ValueError(f"the part before the @ is longer than {_LONGEST_LOCAL} bytes")
    return MailAddress(local, _literal(domain) if domain.startswith("[") else ascii_domain(domain))


def ascii_domain(name: str) -> str:
    """A name of the DNS in lower-case ASCII.

    Raises:
        ValueError: it is none; the message says why.
    """
    beyond_ascii = not name.isascii() or "xn--" in name.lower()
    found = _encoded(name) if beyond_ascii else name.lower()
    if len(found) > _LONGEST_DOMAIN:
        raise ValueError(f"the domain is longer than {_LONGEST_DOMAIN} characters")
    if not all(_LABEL.fullmatch(label) for label in found.split(".")):
        raise ValueError(f"{name!r} is not a domain")
    return found


def _encoded(name: str) -> str:
    import idna  # its tables take time, and few names need them

    try:
        return idna.encode(name, uts46=True, transitional=False, std3_rules=True).decode("ascii").lower()
    except UnicodeError as error:  # idna.IDNAError is one
        raise ValueError(f"{name!r} is not a domain: {error}") from None


def _is_quoted(local: str) -> bool:
    """A quoted local part, `"ann lee"`: printable characters, without quotes and backslashes inside."""
    return len(local) > 2 and local[0] == local[-1] == '"' and not set(local[1:-1]) & set('"\\')  # noqa: PLR2004


def _literal(domain: str) -> str:
    """An address literal: `[192.0.2.1]` or `[IPv6:2001:db8::1]`."""
    match = _LITERAL.fullmatch(domain)
    if not match:
        raise ValueError(f"{domain!r} is not an address literal")
    address = ipaddress.ip_address(match[1])
    if (address.version == 6) != domain.startswith("[IPv6:"):  # noqa: PLR2004
        raise ValueError(f"write [IPv6:{address}]")
    return domain
