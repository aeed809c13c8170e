"""Choose names and clients for sites to add, and recognize those that the inventory already has. Pure."""

from __future__ import annotations

import ipaddress
import posixpath
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from runner.load.additions import NewClient, NewSite
from runner.load.values import Wrong, name
from runner.model import Contact, Inventory, SiteKind

__all__ = ["Candidate", "arranged", "existing_site", "same_address", "slug"]

_LONGEST = 63
_GENERIC = frozenset(
    {
        "public",
        "public_html",
        "htdocs",
        "httpdocs",
        "html",
        "www",
        "web",
        "wp",
        "wordpress",
        "current",
        "dist",
    }
)
"""Folder names that say nothing about the site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A site that was found on a host or read from a file. Empty values are unknown."""

    url: str = ""
    host: str = ""
    path: str = ""
    kind: SiteKind = SiteKind.WORDPRESS
    tags: tuple[str, ...] = ()
    label: str = ""
    """Its name as written by a person, or empty."""
    client: str = ""
    """Id or name of its client, or empty."""
    contact: str = ""
    """Email address of the client."""
    timezone: str = ""
    language: str = ""


def slug(text: str) -> str:
    """Reduce a text to a valid name; empty if nothing is left."""
    plain = unicodedata.normalize("NFKD", text).replace("ß", "ss").encode("ascii", "ignore").decode().lower()
    found = re.sub(r"[^a-z0-9._]+", "-", plain).strip("-._")[:_LONGEST].rstrip("-._")
    return "" if found in {"", "all"} else found


def same_address(url: str, other: str) -> bool:
    """Whether two URLs differ at most in the scheme, `www.` and a slash at the end."""
    return bool(url) and _address(url) == _address(other)


def _address(url: str) -> str:
    found = url.partition("://")[2] or url
    return found.lower().removeprefix("www.").rstrip("/")


def existing_site(candidate: Candidate, inventory: Inventory) -> str:
    """Return the name of the site in the inventory with this address or folder; empty if there is none."""
    for site in inventory.sites.values():
        if same_address(candidate.url, site.url) or (
            candidate.path and (candidate.host, candidate.path) == (site.host, site.path)
        ):
            return site.name
    return ""


def arranged(candidates: Sequence[Candidate], inventory: Inventory, default: str = "") -> list[NewClient]:
    """Return the candidates as sites of their clients. All of them must be new.

    A candidate without a client becomes a site of the client `default`, or without that, of a client with
    the name of the site.
    """
    taken = set(inventory.sites)
    ids = dict[str, NewClient]()
    for one in candidates:
        site_name = _unused(_site_name(one), taken)
        taken.add(site_name)
        label = one.client or default or one.label or site_name
        id_ = _client_id(label, inventory, ids.values())
        site = NewSite(
            name=site_name, url=one.url, host=one.host, path=one.path, kind=one.kind, tags=one.tags
        )
        before = ids.get(id_)
        ids[id_] = NewClient(
            id=id_,
            name=before.name if before else _client_name(id_, inventory, label),
            timezone=(before.timezone if before else "") or one.timezone,
            language=(before.language if before else "") or one.language,
            contacts=_contacts(before.contacts if before else (), label, one.contact),
            sites=(*(before.sites if before else ()), site),
        )
    return list(ids.values())


def _client_name(id_: str, inventory: Inventory, label: str) -> str:
    return inventory.clients[id_].name if id_ in inventory.clients else label


def _contacts(before: tuple[Contact, ...], name_: str, email: str) -> tuple[Contact, ...]:
    if not email or any(one.email.casefold() == email.casefold() for one in before):
        return before
    return (*before, Contact(name_, email))


def _client_id(label: str, inventory: Inventory, added: Iterable[NewClient]) -> str:
    """Return the id of the client with this id or name, else a new id."""
    known = [(one.id, one.name) for one in inventory.clients.values()]
    known += [(one.id, one.name) for one in added]
    for id_, name_ in known:
        if label == id_ or label.casefold() == name_.casefold():
            return id_
    return _unused(slug(label) or "client", {id_ for id_, _ in known})


def _site_name(candidate: Candidate) -> str:
    """Return a name from the label, the address or the folder."""
    if candidate.label:
        try:
            return name(candidate.label)
        except Wrong:
            if found := slug(candidate.label):
                return found
    parts = urlsplit(candidate.url)
    if parts.hostname and not _is_number(parts.hostname):
        return (
            slug(f"{parts.hostname.removeprefix('www.')}{parts.path.rstrip('/').replace('/', '-')}") or "site"
        )
    folders = [one for one in candidate.path.split("/") if one]
    useful = [one for one in folders if one not in _GENERIC] or folders
    return slug(posixpath.basename(useful[-1] if useful else "")) or "site"


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _unused(base: str, taken: Collection[str]) -> str:
    if base not in taken:
        return base
    number = 2
    while (found := f"{base[: _LONGEST - len(str(number)) - 1]}-{number}") in taken:
        number += 1
    return found
