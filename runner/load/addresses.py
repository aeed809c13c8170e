"""Parsers for addresses of people, pages and machines, and for paths on a host."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from runner.addresses import MailAddress, ascii_domain, mail_address
from runner.load.text import quoted
from runner.load.values import Wrong, line, scalar, whole
from runner.model import StatedPage

__all__ = [
    "account",
    "address",
    "email",
    "mail_server",
    "page",
    "remote_path",
    "return_address",
    "sender",
    "site_path",
    "site_url",
    "stated_page",
    "url",
]


def email(value: object) -> str:
    """Parse an email address; it may be non-ASCII."""
    found = scalar(value, "an email address")
    _mail_address(found)
    return found


def sender(value: object) -> str:
    """Parse a sender: an address or `Name <address>`."""
    found = line(value)
    match = re.fullmatch(r"([^<>]*)<([^<>]*)>", found)
    return_address(match[2].strip() if match else found)
    return found


def return_address(value: object) -> str:
    """Parse an address that every server can reply to: the part before the @ is ASCII."""
    found = email(value)
    if _mail_address(found).needs_smtputf8:
        hint = "many servers cannot reply to it: use only ASCII before the @"
        raise Wrong(f"{quoted(found)} has non-ASCII characters before the @", hint)
    return found


def _mail_address(text: str) -> MailAddress:
    try:
        parsed = mail_address(text)
        if "." not in parsed.domain and parsed.domain != "localhost" and not parsed.domain.startswith("["):
            raise ValueError("its domain has no dot")  # noqa: TRY301  # same message as for the others
    except ValueError as error:
        raise Wrong(f"{quoted(text)} is not an email address: {error}", "like office@acme.example") from None
    return parsed


def mail_server(value: object) -> str:
    """Parse the name or IP address of a server."""
    found = address(value)
    try:
        ipaddress.ip_address(found)
    except ValueError:
        try:
            return ascii_domain(found)
        except ValueError as error:
            raise Wrong(f"{quoted(found)} is not a server name: {error}") from None
    return found


def url(value: object) -> str:
    """Parse an `http` or `https` URL without credentials."""
    found = scalar(value, "a URL")
    try:
        parts = urlsplit(found)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Wrong(f"{quoted(found)} is not a URL", "like https://shop.acme.example") from None
    if parts.username is not None or parts.password is not None:
        raise Wrong("the URL has a user or password in it", "remove it: URLs are shown in reports")
    if parts.scheme not in {"http", "https"} or not host or not re.fullmatch(r"\S+", found):
        bare = re.fullmatch(r"[\w-]+(\.[\w-]+)+(:[0-9]+)?(/\S*)?", found)
        hint = f"try https://{found}" if bare else "like https://shop.acme.example"
        raise Wrong(f"{quoted(found)} is not a URL", hint)
    return line(found)


def site_url(value: object) -> str:
    """Parse the URL of a site, without query and fragment."""
    found = url(value)
    if "?" in found or "#" in found:
        raise Wrong(f"{quoted(found)} has a query", "write the URL of the home page; list others under pages")
    return found


def address(value: object) -> str:
    """Parse an SSH address: a host name, an IP address or a name from the SSH configuration."""
    found = scalar(value, "an address")
    if "@" in found:
        raise Wrong(f"{quoted(found)} contains a user", "write the user under `user`")
    try:
        ipaddress.ip_address(found)
    except ValueError:
        port = re.fullmatch(r"(.+):([0-9]{1,5})", found)
        if port:
            raise Wrong(f"{quoted(found)} contains a port", f"write `port: {port[2]}`") from None
        if not re.fullmatch(r"\w[\w.-]*", found):
            raise Wrong(f"{quoted(found)} is not an address", "a host name or an IP address") from None
    return found


def account(value: object) -> str:
    """Parse a user name on a host."""
    found = scalar(value, "a user name")
    if not re.fullmatch(r"[\w][\w.@\\$-]*", found):
        raise Wrong(f"{quoted(found)} is not a user name")
    return found


def remote_path(value: object) -> str:
    """Parse an absolute path on a host."""
    found = line(value)
    if not found.startswith("/"):
        raise Wrong(f"{quoted(found)} is not an absolute path", "start it with /")
    return found.rstrip("/") or "/"


def site_path(value: object) -> str:
    """Parse a document root: an absolute path other than `/`."""
    found = remote_path(value)
    if found == "/" or ".." in found.split("/"):
        raise Wrong(f"{quoted(found)} cannot be a site's folder", "like /srv/shop/public")
    return found


def page(value: object) -> str:
    """Parse the path of a page, as in its URL."""
    found = scalar(value, "a page")
    if not re.fullmatch(r"/\S*", found) or not found.isprintable() or found.startswith("//"):
        hint = f"try /{found}" if re.fullmatch(r"\w[^\s:]*", found) else "start it with /"
        raise Wrong(f"{quoted(found)} is not a page", hint)
    return found


def stated_page(value: object) -> tuple[str, StatedPage | None]:
    """Parse a page: its path, or a mapping with its intended state."""
    if not isinstance(value, dict):
        return page(value), None
    unknown = [key for key in value if key not in {"path", "status", "leads_to"}]
    if unknown:
        raise Wrong(f"unknown key {quoted(str(unknown[0]))} of a page", "known: path, status, leads_to")
    if "path" not in value:
        raise Wrong("the page has no path", "write {path: /, status: 503}")
    path = page(value["path"])
    status = whole(100, 599)(value["status"]) if "status" in value else None
    leads_to = _target(value["leads_to"]) if "leads_to" in value else ""
    if status is None and not leads_to:
        return path, None
    if status is not None and leads_to:
        raise Wrong("a page cannot have both status and leads_to", "remove one of them")
    return path, StatedPage(status, leads_to)


def _target(value: object) -> str:
    text = scalar(value, "an address")
    return page(text) if text.startswith("/") else url(text)
