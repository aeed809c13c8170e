"""Names of sites for clients."""

from __future__ import annotations

import re
from contextlib import suppress
from urllib.parse import urlsplit

from runner.untrusted import sentence

__all__ = ["label", "labels"]


def labels(urls: dict[str, str]) -> dict[str, str]:
    """Return labels for sites by name: their addresses if these are distinct, else their names."""
    found = {name: label(name, url) for name, url in urls.items()}
    return found if len(set(found.values())) == len(found) else {name: sentence(name) for name in urls}


def label(name: str, url: str) -> str:
    """Return `shop.acme.example` for a URL; the site's name if the URL has only an IP address."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host or host == "localhost" or ":" in host or re.fullmatch(r"[\d.]+", host):
        return sentence(name)
    if "xn--" in host:
        import idna  # slow to load and rarely needed

        with suppress(UnicodeError):  # idna.IDNAError is one
            host = idna.decode(host)
    return sentence(host.removeprefix("www.") + parts.path.rstrip("/"))
