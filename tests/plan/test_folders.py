"""Folders of a site must not belong to another site."""

from __future__ import annotations

import pytest

from runner.model import Site, SiteFacts
from runner.plan import stray_folder


def site(name, path, host="web1"):
    return Site(name=name, client="c", host=host, url="http://x", path=path)


SHOP, BLOG, INNER = site("shop", "/srv/shop"), site("blog", "/srv/blog/"), site("inner", "/srv/shop/inner")
SITES = (SHOP, BLOG, INNER, site("far", "/var/far", "web2"), site("network-2", "/srv/shop"))


def facts(root, **more):
    return SiteFacts(wordpress="6", php="8", home="", siteurl="", root=root, **more)


@pytest.mark.parametrize("folder", ["/srv/blog/wp-content", "/srv/blog", "/srv/shop/inner/wp-content"])
def test_folder_of_another_site_is_returned(folder):
    assert stray_folder(facts("/srv/shop/", content=folder), SHOP, SITES) == folder


@pytest.mark.parametrize("folder", ["/srv/shop/wp-content", "/opt/wordpress", "/var/far", "/srv/blogger", ""])
def test_own_and_shared_folders_are_accepted(folder):
    assert stray_folder(facts("/srv/shop/", content=folder), SHOP, SITES) == ""


def test_nested_site_owns_its_folders():
    assert stray_folder(facts("/srv/shop/inner/"), INNER, SITES) == ""
