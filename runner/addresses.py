"""Email addresses and domain names in the form that goes over the wire. Pure.

Non-ASCII names are converted with IDNA 2008 and the UTS 46 mapping, non-transitional, as browsers do:
`straße.example` becomes `xn--strae-oqa.example`, not `strasse.example`, which is a different domain.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

__all__ = ["MailAddress", "ascii_domain", "mail_address"]

_LONGEST_DOMAIN = 253
_LONGEST_LOCAL = 64
"""Octets, the limit of SMTP."""
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_LITERAL = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f:.]{2,45})\]")


@dataclass(frozen=True, slots=True)
class MailAddress:
    """An address for the SMTP envelope: `local` as written (with its quotes), `domain` in ASCII."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def key(self) -> str:
        """The same for every spelling of one mailbox; case is ignored, as servers do."""
        return f"{self.local.casefold()}@{self.domain}"

    @property
    def needs_smtputf8(self) -> bool:
        """Whether the local part has non-ASCII letters, which only servers with SMTPUTF8 accept."""
        return not self.local.isascii()


def mail_address(text: str) -> MailAddress:
    """Parse an address without a display name.

    Raises:
        ValueError: not an address; the message says why.
    """
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain:
        raise ValueError("it has no user or no domain")
    if not text.isprintable():
        raise ValueError("it contains control characters")
    if not _ATOMS.fullmatch(local) and not _is_quoted(local):
        raise ValueError("the part before the @ is invalid or needs quotes")
    if len(local.encode()) > _LONGEST_LOCAL:
        raise ValueError(f"the part before the @ is longer than {_LONGEST_LOCAL} bytes")
    return MailAddress(local, _literal(domain) if domain.startswith("[") else ascii_domain(domain))


def ascii_domain(name: str) -> str:
    """Convert a domain name to lower-case ASCII.

    Raises:
        ValueError: not a domain name; the message says why.
    """
    needs_idna = not name.isascii() or "xn--" in name.lower()
    domain = _idna_encoded(name) if needs_idna else name.lower()
    if len(domain) > _LONGEST_DOMAIN:
        raise ValueError(f"the domain is longer than {_LONGEST_DOMAIN} characters")
    if not all(_LABEL.fullmatch(label) for label in domain.split(".")):
        raise ValueError(f"{name!r} is not a domain")
    return domain


def _idna_encoded(name: str) -> str:
    import idna  # its tables are slow to load and rarely needed

    try:
        return idna.encode(name, uts46=True, transitional=False, std3_rules=True).decode("ascii").lower()
    except UnicodeError as error:  # includes idna.IDNAError
        raise ValueError(f"{name!r} is not a domain: {error}") from None


def _is_quoted(local: str) -> bool:
    """Whether the local part is quoted, as in `"ann lee"`, with no quotes or backslashes inside."""
    return len(local) > 2 and local[0] == local[-1] == '"' and not set(local[1:-1]) & set('"\\')  # noqa: PLR2004


def _literal(domain: str) -> str:
    """Check an address literal: `[192.0.2.1]` or `[IPv6:2001:db8::1]`."""
    match = _LITERAL.fullmatch(domain)
    if not match:
        raise ValueError(f"{domain!r} is not an address literal")
    address = ipaddress.ip_address(match[1])
    if (address.version == 6) != domain.startswith("[IPv6:"):  # noqa: PLR2004
        raise ValueError(f"write [IPv6:{address}]")
    return domain
