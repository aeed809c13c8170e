"""The address with which a site's WordPress is started on its host: the one its visitors use.

A configuration can choose the database, or a file to include, by the host name of the request. Without a host
name, it could choose those of another site.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import urlsplit, urlunsplit

from runner.model import Site

__all__ = ["server_of", "start_address"]


def start_address(site: Site) -> str:
    """The value for wp-cli's `--url`: WordPress's own address, with the host name as browsers send it."""
    parts = urlsplit(site.started_as)
    host = parts.hostname or ""
    host = host if host.isascii() else _ascii(host)
    host = f"[{host}]" if ":" in host else host
    authority = f"{host}:{parts.port}" if parts.port else host
    return urlunsplit((parts.scheme, authority, parts.path, "", ""))


def server_of(site: Site) -> dict[str, str]:
    """The values of `$_SERVER` for programs that read the configuration without wp-cli.

    They are those that wp-cli sets from `--url`.
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
    """A host name in its ASCII form (IDNA). `ß` is kept as in browsers."""
    labels = unicodedata.normalize("NFKC", host.lower()).split(".")
    return ".".join(one if one.isascii() else f"xn--{one.encode('punycode').decode()}" for one in labels)
