"""The address of the ledger: a URL, or a mapping with a URL and a password."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from runner.load.text import quoted
from runner.load.values import SECRET_FORMS, Wrong, line, secret
from runner.model import LedgerAddress

__all__ = ["ledger_address"]

_FORMS = "write sqlite:///PATH or postgresql://USER@HOST/DB"
_POSTGRESQL = re.compile(r"postgresql(\+psycopg)?://")
_SECRET_PARAMETERS = {"password", "sslpassword", "oauth_client_secret", "scram_client_key"}


def ledger_address(value: object) -> LedgerAddress:
    """Parse the address of the ledger. Messages never repeat a URL that may contain a password."""
    if not isinstance(value, Mapping):
        return LedgerAddress(_url(value))
    unknown = [key for key in value if key not in {"url", "password"}]
    if unknown:
        raise Wrong(f"unknown key {quoted(str(unknown[0]))} of the ledger", "known: url, password")
    if "url" not in value:
        raise Wrong("the ledger has no url", "write {url: postgresql://USER@HOST/DB, password: {env: NAME}}")
    address = LedgerAddress(_url(value["url"]))
    if "password" not in value:
        return address
    if not address.is_postgresql:
        raise Wrong("a ledger in an SQLite file has no password", "delete `password`")
    return LedgerAddress(address.url, secret(value["password"]))


def _url(value: object) -> str:
    found = line(value)
    if _POSTGRESQL.match(found):
        return _postgresql(found)
    path = found.removeprefix("sqlite:///")
    if path == found or not path or path.startswith(":memory:") or "?" in path:
        shown = quoted(found) if "@" not in found else "this"
        raise Wrong(f"{shown} is not the address of a ledger", _FORMS)
    return found


def _postgresql(url: str) -> str:
    """Check what libpq would accept, but must not be in a file; libpq checks the rest."""
    _, _, rest = url.partition("://")
    host = rest.partition("?")[0].rpartition("/")[0] or rest.partition("?")[0]
    user, at, _ = host.rpartition("@")
    parameters = {unquote(name).lower() for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
    if (at and ":" in user) or parameters & _SECRET_PARAMETERS:
        raise Wrong(
            "do not write the password in the URL of the ledger",
            f"write {{url: postgresql://USER@HOST/DB, password: ...}}; for the password {SECRET_FORMS}",
        )
    return url
