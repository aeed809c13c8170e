from __future__ import annotations

import pytest

from tests.steps.wordpress_sites import Someone


@pytest.fixture
def network(fleet):
    """A network of four sites in its initial state; only it and the offers of wordpress.org are reset."""
    fleet.need("globex-network")
    yield Someone(fleet, "globex-network")
    fleet.catalogue.reset()


@pytest.fixture
def bakery(fleet):
    """The bakery's shop in its initial state; only it is reset."""
    fleet.reset("acme-shop")
    yield Someone(fleet, "acme-shop")
    fleet.reset("acme-shop")
    fleet.catalogue.reset()
