"""Where a site and wordpress.org do not say the same about updates, as a hint of `doctor`."""

from __future__ import annotations

from collections.abc import Iterator

from runner.model import Site, SiteFacts
from runner.workflows.check import Check

__all__ = ["about_offers"]

_NAMED = 5
"""Items that a hint names; of the others it tells how many there are."""
_HINT = "a licence plugin may do that, and so does a hacked site: look at the site before the next run"


def about_offers(site: Site, said: SiteFacts, published: SiteFacts) -> Iterator[Check]:
    """At most one hint: of what the site says, and the same compared with what wordpress.org publishes.

    No dispute: a private item, which wordpress.org does not know; a site that could not ask for updates.
    """
    asked = said.core_checked and said.plugins_checked and said.themes_checked
    found = list(_disputes(published)) if asked else []
    if found:
        more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        yield Check(about=site.name, finding="; ".join(found[:_NAMED]) + more, hint=_HINT)


def _disputes(facts: SiteFacts) -> Iterator[str]:
    for offer in facts.core_offers:
        if told := offer.untrusted or (offer.dispute if offer.decided else ""):
            yield f"WordPress: {told}"
    for item in (*facts.plugins, *facts.themes):
        if told := item.untrusted or (item.dispute if item.decided else ""):
            yield f"{item.slug}: {told}"
