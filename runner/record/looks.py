"""Looks: what health checks saw on a site's pages and other signals."""

from __future__ import annotations

from runner.record.schema import looks
from runner.record.store import Records, insert_new
from runner.record.views import LookView
from runner.record.websites import recorded_website_of_run, website_of_run

__all__ = ["Looks"]


class Looks(Records):
    """The looks at all sites."""

    def record(self, look: LookView) -> bool:
        """Record one look; return False if it is recorded already."""
        row: dict[str, object] = {name: getattr(look, name) for name in LookView.__slots__ if name != "size"}
        row |= {"bytes": look.size, "findings": list(look.findings)}
        with self._store.write(concurrent=True) as connection:
            known = recorded_website_of_run(connection, look.run, look.site)
            if known is not None:
                return insert_new(connection, looks, row | {"website": known[0], "client": known[1]})
        with self._store.write() as connection:
            website, client = website_of_run(connection, look.run, look.site, look.at)
            return insert_new(connection, looks, row | {"website": website, "client": client})
