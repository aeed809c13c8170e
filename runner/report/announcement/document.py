"""An announcement as JSON, for the crew: instants in UTC."""

from __future__ import annotations

from runner.report.announcement.content import Announcement, PlannedItem, PlannedSite
from runner.units import iso

__all__ = ["announcement_document"]


def announcement_document(found: Announcement) -> dict[str, object]:
    """Return the document of `announce --json`."""
    return {
        "client": found.client,
        "client_name": found.client_name,
        "window": found.window,
        "starts": iso(found.starts),
        "closes": iso(found.closes),
        "timezone": found.timezone,
        "language": found.language,
        "message": found.message.value,
        "made": iso(found.made),
        "sites": [_site(site) for site in found.sites],
    }


def _site(site: PlannedSite) -> dict[str, object]:
    return {
        "site": site.name,
        "url": site.url,
        "read": site.read,
        "problem": site.problem,
        "work": sorted(site.work),
        "updates": [_item(one) for one in site.updates],
        "held": [_item(one) | {"why": one.why} for one in site.held],
        "unlicensed": [_item(one) for one in site.unlicensed],
    }


def _item(one: PlannedItem) -> dict[str, object]:
    return {
        "item": one.item,
        "kind": one.kind.value,
        "title": one.title,
        "from": one.from_version,
        "to": one.to_version,
    }
