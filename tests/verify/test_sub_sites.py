"""The other sites of a network are compared with themselves, and asked only where they may be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runner.model import Site
from runner.verify import compare, observe
from tests.verify.shop import FAST, Shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.verify import Signals

ERROR = b'<html><body id="error-page"><p>There has been a critical error on this website.</p></body></html>'


@pytest.fixture
def mapped() -> Iterator[Shop]:
    """A site of the network with a domain of its own."""
    with Shop() as server:
        import threading

        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.ending.set()
        server.shutdown()


def look(site: Site, *sub_sites: str, before: Signals | None = None) -> Signals:
    return observe(site, before=before, sub_sites=sub_sites, timing=replace(FAST, maintenance_wait=0.0))


def test_a_sub_site_that_breaks_is_worse_and_one_that_was_broken_is_not(shop: Shop) -> None:
    site = Site(name="net", client="c", host="h", url=shop.url, path="/srv", private=True)
    berlin, lyon = f"{shop.url}/berlin", f"{shop.url}/lyon"
    shop.pages["/lyon"] = lambda one: one.answer(500, ERROR)
    before = look(site, berlin, lyon)
    assert before.checked_sub_sites == (berlin, lyon)
    assert not [said for said in before.findings if lyon in said]
    assert compare(before, look(site, before=before)) == ()
    shop.pages["/berlin"] = lambda one: one.answer(500, ERROR)
    said, *_ = compare(before, look(site, before=before))
    assert said.startswith(f"{berlin}: answers 500")


def test_a_mapped_domain_is_checked_sub_sites_and_a_private_address_only_where_the_site_may_have_one(
    shop: Shop, mapped: Shop
) -> None:
    site = Site(name="net", client="c", host="h", url=shop.url, path="/srv", private=True)
    before = look(site, mapped.url)
    mapped.pages["/"] = lambda one: one.answer(500, ERROR)
    said, *_ = compare(before, look(site, before=before))
    assert said.startswith(f"{mapped.url}: answers 500")

    mapped.requests.clear()
    public = replace(site, private=False)
    before = look(public, mapped.url)
    assert before.sub_sites[mapped.url].page.status is None
    assert compare(before, look(public, before=before)) == ()
    assert not mapped.requests
