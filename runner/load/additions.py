"""New hosts, clients and sites, and their entries as lines of YAML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner.load.values import Wrong, line
from runner.model import Contact, SiteKind

__all__ = [
    "INCOMPLETE",
    "NewClient",
    "NewHost",
    "NewSite",
    "client_lines",
    "host_lines",
    "site_lines",
    "yaml_value",
]

INCOMPLETE = "# incomplete: add what is missing, then remove the # signs"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHost:
    """A host to add. None and empty text are left out."""

    name: str
    address: str
    port: int | None = None
    user: str = ""
    identity_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSite:
    """A site to add. Without a URL, a host or a path it is written as a comment."""

    name: str
    url: str
    host: str = ""
    path: str = ""
    kind: SiteKind = SiteKind.WORDPRESS
    tags: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether the inventory accepts it."""
        return bool(self.url and self.host and self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClient:
    """A client with its new sites. For an existing client only the id and the sites are used."""

    id: str
    name: str
    timezone: str = ""
    language: str = ""
    contacts: tuple[Contact, ...] = ()
    sites: tuple[NewSite, ...] = ()


def yaml_value(value: str | int | Sequence[str]) -> str:
    """Return a value as YAML on one line, quoted if it needs to be.

    Raises:
        ValueError: a text contains control characters or line breaks.
    """
    import yaml

    for text in [value] if isinstance(value, str) else value if isinstance(value, Sequence) else ():
        try:
            line(text)
        except Wrong as wrong:
            raise ValueError(str(wrong)) from None
    dumped: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1 << 30)
    return dumped.removesuffix("...\n").strip()


def host_lines(host: NewHost, indent: int) -> list[str]:
    """Return the entry of a host below `hosts`."""
    keys = {
        "address": host.address,
        "port": host.port,
        "user": host.user,
        "identity_file": host.identity_file,
    }
    return [f"{' ' * indent}{yaml_value(host.name)}:", *_keys(keys, indent + 2)]


def site_lines(site: NewSite, indent: int) -> list[str]:
    """Return the entry of a site below `sites`; comments if it is incomplete."""
    keys: dict[str, Any] = {"url": site.url, "host": site.host, "path": site.path}
    kind = site.kind if site.kind is not SiteKind.WORDPRESS else None
    more: dict[str, Any] = {"kind": kind and str(kind), "tags": list(site.tags)}
    if site.is_complete:
        return [f"{' ' * indent}{yaml_value(site.name)}:", *_keys({**keys, **more}, indent + 2)]
    pad = " " * indent
    missing = [f"{pad}#   {key}:" for key, value in keys.items() if not value]
    given = [f"{pad}# {text}" for text in _keys({**keys, **more}, 2)]
    return [f"{pad}{INCOMPLETE}", f"{pad}# {yaml_value(site.name)}:", *given, *missing]


def client_lines(client: NewClient, indent: int) -> list[str]:
    """Return the entry of a client below `clients`, with its sites."""
    keys = {"name": client.name, "timezone": client.timezone, "language": client.language}
    lines = [f"{' ' * indent}{yaml_value(client.id)}:", *_keys(keys, indent + 2)]
    if client.contacts:
        lines.append(f"{' ' * (indent + 2)}contacts:")
        for contact in client.contacts:
            lines.append(f"{' ' * (indent + 4)}- name: {yaml_value(contact.name)}")
            lines.append(f"{' ' * (indent + 4)}  email: {yaml_value(contact.email)}")
    lines.append(f"{' ' * (indent + 2)}sites:")
    return lines + [text for site in client.sites for text in site_lines(site, indent + 4)]


def _keys(values: dict[str, Any], indent: int) -> list[str]:
    return [f"{' ' * indent}{key}: {yaml_value(value)}" for key, value in values.items() if value]
