"""What clients call their sites."""

from __future__ import annotations

import re
from contextlib import suppress
from urllib.parse import urlsplit

from runner.untrusted import sentence

__all__ = ["label", "labels"]


def labels(urls: dict[str, str]) -> dict[str, str]:
    """What clients call their sites, by name: addresses where they tell the sites apart, names where not."""
    found = {name: label(name, url) for name, url in urls.items()}
    return found if len(set(found.values())) == len(found) else {name: sentence(name) for name in urls}


def label(name: str, url: str) -> str:
    """`shop.acme.example` for its address; the site's name where the address is only a number."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host or host == "localhost" or ":" in host or re.fullmatch(r"[\d.]+", host):
        return sentence(name)
    if "xn--" in host:
        import idna  # its tables take time, and few names need them

        with suppress(UnicodeError):  # idna.IDNAError is one
            host = idna.decode(host)
    return sentence(host.removeprefix("www.") + parts.path.rstrip("/"))
