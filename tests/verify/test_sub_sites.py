"""Checks of the other sites of a multisite network."""

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
    """A site of the network with its own domain."""
    with Shop() as server:
        import threading

        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.ending.set()
        server.shutdown()


def check(site: Site, *sub_sites: str, before: Signals | None = None) -> Signals:
    return observe(site, before=before, sub_sites=sub_sites, timing=replace(FAST, maintenance_wait=0.0))


def test_only_newly_broken_sub_site_is_a_regression(shop: Shop) -> None:
    site = Site(name="net", client="c", host="h", url=shop.url, path="/srv", private=True)
    berlin, lyon = f"{shop.url}/berlin", f"{shop.url}/lyon"
    shop.pages["/lyon"] = lambda one: one.answer(500, ERROR)
    before = check(site, berlin, lyon)
    assert before.checked_sub_sites == (berlin, lyon)
    assert not [finding for finding in before.findings if lyon in finding]
    assert compare(before, check(site, before=before)) == ()
    shop.pages["/berlin"] = lambda one: one.answer(500, ERROR)
    regression, *_ = compare(before, check(site, before=before))
    assert regression.startswith(f"{berlin}: answers 500")


def test_mapped_domain_at_private_address_needs_private_site(shop: Shop, mapped: Shop) -> None:
    site = Site(name="net", client="c", host="h", url=shop.url, path="/srv", private=True)
    before = check(site, mapped.url)
    mapped.pages["/"] = lambda one: one.answer(500, ERROR)
    regression, *_ = compare(before, check(site, before=before))
    assert regression.startswith(f"{mapped.url}: answers 500")

    mapped.requests.clear()
    public = replace(site, private=False)
    before = check(public, mapped.url)
    assert before.sub_sites[mapped.url].page.status is None
    assert compare(before, check(public, before=before)) == ()
    assert not mapped.requests
