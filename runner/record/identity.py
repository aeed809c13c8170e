"""Match the websites and clients of the inventory with those in the ledger. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from runner.errors import UsageError
from runner.model import Client, Inventory, Site
from runner.record.views import ClientView, WebsiteView

__all__ = [
    "Added",
    "Known",
    "Merged",
    "Moves",
    "Retired",
    "Updated",
    "compare",
    "is_another",
    "name_before_rename",
]


@dataclass(frozen=True, slots=True)
class Known:
    """The websites (by name) and clients (by id) in the ledger."""

    websites: Mapping[str, WebsiteView]
    clients: Mapping[str, ClientView]
    busy: frozenset[int] = frozenset()
    """Websites with unfinished runs; their names cannot change their meaning until the runs end."""


@dataclass(frozen=True, slots=True)
class Added:
    """A website that is not in the ledger yet."""

    site: Site


@dataclass(frozen=True, slots=True)
class Updated:
    """A changed website. If `before` differs from its name, it was renamed."""

    website: WebsiteView
    before: str


@dataclass(frozen=True, slots=True)
class Merged:
    """A website that was recorded as a new one before `was` named the existing one."""

    gone: WebsiteView
    into: WebsiteView


@dataclass(frozen=True, slots=True)
class Retired:
    """A website that lost its name `before` to another one; `website` has its new name."""

    website: WebsiteView
    before: str


@dataclass(frozen=True, slots=True)
class Moves:
    """What to write: websites in order, changed clients, and renamed clients (old id, new id)."""

    websites: tuple[Added | Updated | Merged | Retired, ...]
    clients: tuple[ClientView, ...]
    renamed: tuple[tuple[str, str], ...]

    def __bool__(self) -> bool:
        return bool(self.websites or self.clients or self.renamed)


def compare(known: Known, inventory: Inventory, at: datetime) -> Moves:
    """Return what the inventory changes about the websites and clients in the ledger.

    Raises:
        UsageError: `was` names a site or client that is still in the inventory and is not renamed yet.
    """
    renamed, clients = _clients(known, inventory)
    ids = dict(renamed)
    websites = {
        name: replace(one, client=ids.get(one.client, one.client)) for name, one in known.websites.items()
    }
    return Moves(tuple(_websites(websites, known.busy, inventory, at)), tuple(clients), tuple(renamed))


def _clients(known: Known, inventory: Inventory) -> tuple[list[tuple[str, str]], list[ClientView]]:
    renamed, changed = [], []
    for client in inventory.clients.values():
        there = known.clients.get(client.id)
        if _renames(client.was, there) and client.was in known.clients:
            _check_old_name_gone(client.was, client.id, f"clients.{client.id}.was", inventory.clients)
            renamed.append((client.was, client.id))
        view = _client(client, there)
        if view != there:
            changed.append(view)
    return renamed, changed


def _client(client: Client, there: ClientView | None) -> ClientView:
    return ClientView(
        client=client.id,
        name=client.name,
        language=client.language,
        timezone=client.timezone,
        was=client.was or (there.was if there else ""),
    )


def _websites(
    known: dict[str, WebsiteView], busy: AbstractSet[int], inventory: Inventory, at: datetime
) -> Iterator[Added | Updated | Merged | Retired]:
    for site in inventory.sites.values():
        there = known.get(site.name)
        before = site.name
        if old := _renamed_from(known, site):
            where = f"clients.{site.client}.sites.{site.name}.was"
            _check_old_name_gone(old.name, site.name, where, inventory.sites)
            if there and is_another(there, site):
                yield _retired(there, known, at)
            elif there:
                yield Merged(there, old)
            there, before = replace(old, name=site.name, was=site.was), old.name
            del known[old.name]
        elif there and is_another(there, site):
            if there.id in busy:
                continue
            yield _retired(there, known, at)
            there = None
        if there is None:
            yield Added(site)
            continue
        now = _as_in_inventory(there, site, at)
        if now != known.get(site.name):
            yield Updated(now, before)
        known[site.name] = now


def name_before_rename(known: Known, site: Site) -> str:
    """Return a site's name in the ledger before its rename is applied; empty if another site has the name."""
    if old := _renamed_from(known.websites, site):
        return old.name
    there = known.websites.get(site.name)
    return "" if there and is_another(there, site) and there.id not in known.busy else site.name


def _renamed_from(known: Mapping[str, WebsiteView], site: Site) -> WebsiteView | None:
    """Return the website that `was` names, if the rename is not applied yet."""
    old, there = known.get(site.was), known.get(site.name)
    renamed = site.was != site.name and old is not None and _is_rename(site, there, old)
    return old if renamed else None


def _retired(there: WebsiteView, known: dict[str, WebsiteView], at: datetime) -> Retired:
    """Give a website a new name because another website has its name now."""
    kept = replace(there, name=_free_name(f"{there.name}@{at:%Y-%m-%d}", known))
    known[kept.name] = kept
    return Retired(kept, there.name)


def _as_in_inventory(there: WebsiteView, site: Site, at: datetime) -> WebsiteView:
    return replace(
        there,
        client=site.client,
        moved=at if there.client not in {"", site.client} else there.moved,
        url=site.url,
        host=site.host,
        path=site.path,
    )


def _renames(was: str, there: WebsiteView | ClientView | None) -> bool:
    """Whether the rename is new: it is applied once, but `was` stays in the file."""
    return bool(was) and (there is None or there.was != was)


def _is_rename(site: Site, there: WebsiteView | None, old: WebsiteView) -> bool:
    """Whether `was` is a new rename, even if another website, now gone, was renamed the same way before."""
    replaces_another = there is not None and is_another(there, site) and not is_another(old, site)
    return _renames(site.was, there) or (bool(site.was) and replaces_another)


def _check_old_name_gone(was: str, name: str, where: str, named: Mapping[str, object]) -> None:
    if was in named:
        raise UsageError(
            f"{name} has `was: {was}`, but {was} is still in the inventory",
            hint=f"remove {where} or {was}; a name can be reused once the rename is recorded",
        )


def is_another(there: WebsiteView, site: Site) -> bool:
    """Return whether both URL and location differ. A new domain or a new server changes only one of them."""
    if site.was == site.name or not (there.url and there.host and there.path):
        return False
    same_place = (there.host, there.path) == (site.host, site.path)
    return not same_place and _address(there.url) != _address(site.url)


def _address(url: str) -> tuple[str, int | None, str]:
    parts = urlsplit(url.lower())
    return (parts.hostname or "").removeprefix("www."), parts.port, parts.path.rstrip("/")


def _free_name(wanted: str, taken: Mapping[str, object]) -> str:
    names = (wanted if number == 1 else f"{wanted}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)
