"""The address under which a site's WordPress is started on its host: that of its own visitors.

A configuration may choose the database, or a file that it reads, by the host name of the request. A start
that names none would get whatever is chosen without one, which can be another site's.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import urlsplit, urlunsplit

from runner.model import Site

__all__ = ["server_of", "start_address"]


def start_address(site: Site) -> str:
    """For wp-cli's `--url`: what WordPress calls itself, its host name as browsers send it."""
    parts = urlsplit(site.started_as)
    host = parts.hostname or ""
    host = host if host.isascii() else _ascii(host)
    host = f"[{host}]" if ":" in host else host
    authority = f"{host}:{parts.port}" if parts.port else host
    return urlunsplit((parts.scheme, authority, parts.path, "", ""))


def server_of(site: Site) -> dict[str, str]:
    """What is in `$_SERVER` where a program of ours reads the configuration without wp-cli.

    As wp-cli fills it in from `--url`.
    """
    parts = urlsplit(start_address(site))
    secure = parts.scheme == "https"
    server = {
        "HTTP_HOST": parts.netloc,
        "SERVER_NAME": parts.netloc.removesuffix(f":{parts.port}"),
        "SERVER_PORT": str(parts.port or (443 if secure else 80)),
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": parts.path or "/",
        "QUERY_STRING": "",
        "SERVER_PROTOCOL": "HTTP/1.0",
        "REMOTE_ADDR": "127.0.0.1",
    }
    return {**server, "HTTPS": "on"} if secure else server


def _ascii(host: str) -> str:
    """A name with letters of other scripts as the DNS has it: ß stays ß, as in browsers."""
    labels = unicodedata.normalize("NFKC", host.lower()).split(".")
    return ".".join(one if one.isascii() else f"xn--{one.encode('punycode').decode()}" for one in labels)
