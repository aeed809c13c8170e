"""The updates offered by a site, compared with those that the controller gets from wordpress.org.

A hacked site may hide updates or offer fake ones. If wordpress.org knows an item, its version and package are
used. Other items, such as private and premium ones, are taken from the site.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from runner.model import Asked, CoreOffer, Extension, Offers, Release, SiteFacts
from runner.steps.versions import compare

__all__ = ["confirm_offers", "items_to_query"]

_WORDPRESS_ORG = "downloads.wordpress.org"
_FAMILIES = ("plugins", "themes")


def items_to_query(facts: SiteFacts) -> tuple[Asked, ...]:
    """Return the items to ask wordpress.org about: all but those with another update source."""
    return tuple(
        Asked(kind, entry.file, entry.title, entry.offered or "", public=_is_public(kind, entry))
        for kind in _FAMILIES
        for entry in _family(facts, kind)
        if entry.file and _may_be_published(entry)
    )


def confirm_offers(facts: SiteFacts, offers: Offers, vendors: frozenset[str] = frozenset()) -> SiteFacts:
    """Return the facts with offers confirmed by wordpress.org. `vendors` are other trusted download hosts."""
    families = {
        kind: tuple(_compared(facts, entry, kind, offers, vendors) for entry in _family(facts, kind))
        for kind in _FAMILIES
    }
    core = offers.core.get(facts.wordpress)
    return replace(
        facts,
        plugins=families["plugins"],
        themes=families["themes"],
        core_offers=facts.core_offers if core is None else _core(facts, core),
        core_checked=facts.core_checked or bool(core),
        unconfirmed=offers.problem,
    )


def _compared(
    facts: SiteFacts, entry: Extension, kind: str, offers: Offers, vendors: frozenset[str]
) -> Extension:
    if (kind, entry.file) not in offers.known:
        return _unanswered(entry) if entry.file and _may_be_published(entry) else entry
    release = offers.known[kind, entry.file]
    if release is None:
        return replace(_unknown(entry), closed=offers.closed.get(entry.file, ""))
    if entry.offered and not _from_wordpress_org(entry.package or ""):
        return _from_vendor(entry, release, vendors)
    if entry.offered and compare(entry.offered, release.version) > 0:
        return _not_published(entry)
    if compare(release.version, entry.version) <= 0:
        above = release.version if compare(release.version, entry.version) < 0 else ""
        return replace(entry, decided=bool(entry.offered), published=above)
    return _released(facts, entry, release)


def _released(facts: SiteFacts, entry: Extension, release: Release) -> Extension:
    """Replace the site's offer by the release of wordpress.org."""
    dispute = ""
    if not entry.offered and _is_not_for(facts, release):
        pass  # wordpress.org itself does not offer it to this site
    elif entry.hidden or not entry.offered:
        dispute = f"the site hides this update: wordpress.org offers {release.version}"
    elif entry.offered != release.version:
        dispute = f"the site offers only {entry.offered}: wordpress.org offers {release.version}"
    return replace(
        entry,
        offered=release.version,
        package=release.package,
        requires_php=release.requires_php,
        requires_wordpress=release.requires_wordpress,
        requires_plugins=release.requires_plugins,
        hidden=False,
        foreign=entry.foreign or not (entry.readme or entry.update_uri),
        decided=True,
        dispute="; ".join(filter(None, (entry.dispute, dispute))),
    )


def _is_not_for(facts: SiteFacts, release: Release) -> bool:
    """Whether the site does not meet the requirements of a release, so wordpress.org does not offer it."""
    php = facts.web_php or facts.php
    old = release.requires_wordpress and compare(facts.wordpress, release.requires_wordpress) < 0
    return bool(
        old or not release.package or (release.requires_php and compare(php, release.requires_php) < 0)
    )


def _from_vendor(entry: Extension, release: Release, vendors: frozenset[str]) -> Extension:
    """Judge an offer from another host for an item that wordpress.org has too."""
    host = _host(entry.package or "")
    if not entry.package or host in vendors or compare(entry.offered or "", entry.version) <= 0:
        return entry
    why = (
        f"the site offers {entry.offered} from {host or 'its own disk'}, but wordpress.org publishes "
        f"{release.version}; if it is a premium edition, add its host to `policy.vendors`"
    )
    return replace(entry, untrusted=why)


def _not_published(entry: Extension) -> Extension:
    return replace(entry, untrusted=f"the site offers {entry.offered}, which wordpress.org does not publish")


def _unknown(entry: Extension) -> Extension:
    if not entry.offered:
        return entry
    if _from_wordpress_org(entry.package or ""):
        return _not_published(entry)
    return replace(
        entry, dispute="unknown to wordpress.org, offered only by the site: a private or premium item"
    )


def _unanswered(entry: Extension) -> Extension:
    return replace(entry, dispute="not confirmed by wordpress.org") if entry.offered else entry


def _core(facts: SiteFacts, published: Iterable[CoreOffer]) -> tuple[CoreOffer, ...]:
    """Published versions first, then versions that only the site offers."""
    by_site: Mapping[str, CoreOffer] = {offer.version: offer for offer in facts.core_offers}
    found = []
    for offer in published:
        hidden = offer.version not in by_site and compare(offer.version, facts.wordpress) > 0
        why = f"the site hides this update: wordpress.org offers {offer.version}" if hidden else ""
        found.append(replace(offer, decided=True, dispute=why))
    known = {offer.version for offer in found}
    for offer in facts.core_offers:
        if offer.version not in known and compare(offer.version, facts.wordpress) > 0:
            why = f"the site offers {offer.version}, which wordpress.org does not offer to {facts.wordpress}"
            found.append(replace(offer, untrusted=why))
    return tuple(found)


def _is_public(kind: str, entry: Extension) -> bool:
    """Whether it may come from wordpress.org: a plugin in a folder, with a readme."""
    return kind == "plugins" and "/" in entry.file and entry.readme


def _may_be_published(entry: Extension) -> bool:
    return entry.update_uri == "" or _host(entry.update_uri) in {"wordpress.org", "w.org"}


def _from_wordpress_org(package: str) -> bool:
    return not package or _host(package) == _WORDPRESS_ORG


def _host(address: str) -> str:
    """The host of a URL or of an `Update URI` that is a bare name; empty for a file on the host."""
    if address.startswith("/"):
        return ""
    address = address if "://" in address else f"https://{address}"
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _family(facts: SiteFacts, kind: str) -> tuple[Extension, ...]:
    return facts.plugins if kind == "plugins" else facts.themes
