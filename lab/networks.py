"""Networks whose sites have domains of their own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.fleet import Fleet

__all__ = ["map_domain"]

_NUMBER = 77
"""Of the address that no host of a fleet has."""


@contextmanager
def map_domain(fleet: Fleet, network: str, slug: str) -> Iterator[str]:
    """A site of a network that is up gets another address, which is given back; the next reset ends it."""
    spec = fleet.spec.site(network)
    domain = f"{fleet.spec.network}.{_NUMBER}:{spec.port}"
    (number,) = fleet.sql(network, f"SELECT blog_id FROM wp_blogs WHERE path = '/{slug}/'").split()
    fleet.sql(network, f"UPDATE wp_blogs SET domain = '{domain}', path = '/' WHERE blog_id = {int(number)}")
    fleet.sql(
        network,
        f"UPDATE wp_{int(number)}_options SET option_value = 'http://{domain}'"
        " WHERE option_name IN ('home', 'siteurl')",
    )
    fleet.web.domains[network] = (domain,)
    fleet.web.start_nginx()
    try:
        yield f"http://{domain}"
    finally:
        del fleet.web.domains[network]
        fleet.web.start_nginx()
