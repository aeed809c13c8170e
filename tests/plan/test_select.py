"""Selectors and rings of sites."""

from __future__ import annotations

import pytest

from runner.errors import UnknownNameError
from runner.model import Client, Host, Inventory, Site, SiteKind
from runner.plan import applies, rings, select


def site(name, client, host, *tags, kind=SiteKind.WORDPRESS):
    """A site; the host `web2` is in the group `hetzner`."""
    return Site(
        name=name,
        client=client,
        host=host,
        group="" if host == "web1" else "hetzner",
        url="http://x.example",
        path="/srv",
        tags=frozenset(tags),
        kind=kind,
    )


SITES = (
    site("shop", "acme", "web1", "woocommerce", "ring-1"),
    site("blog", "acme", "web1", "ring-0"),
    site("lab", "globex", "web2", "ring-1"),
    site("docs", "globex", "web2", kind=SiteKind.STATIC),
)
INVENTORY = Inventory(
    hosts={
        "web1": Host(name="web1", address="web1"),
        "web2": Host(name="web2", address="web2", group="hetzner"),
    },
    clients={name: Client(id=name, name=name) for name in ("acme", "globex")},
    sites={each.name: each for each in SITES},
)


def names(sites):
    return [each.name for each in sites]


@pytest.mark.parametrize(
    ("limits", "excludes", "expected"),
    [
        ([], [], ["shop", "blog", "lab", "docs"]),
        (["all"], ["docs"], ["shop", "blog", "lab"]),
        (["docs,shop"], [], ["shop", "docs"]),
        (["client:acme", "host:web2"], ["kind:static"], ["shop", "blog", "lab"]),
        (["group:hetzner"], [], ["lab", "docs"]),
        (["group:*"], ["group:h*,!docs"], ["docs"]),
        (["tag:ring-*"], [], ["shop", "blog", "lab"]),
        (["tag:ring-*,!client:globex"], [], ["shop", "blog"]),
        (["!shop"], [], ["blog", "lab", "docs"]),
        (["?o*"], [], ["docs"]),
        (["@failed"], [], ["lab"]),
        (["@failed,blog"], ["lab"], ["blog"]),
    ],
)
def test_select_unites_and_excludes(limits, excludes, expected):
    assert names(select(INVENTORY, limits, excludes, failed={"lab"})) == expected


@pytest.mark.parametrize(
    ("selector", "message", "hint"),
    [
        ("shp", "unknown site 'shp'", "did you mean shop?"),
        ("acme", "unknown site 'acme'", "did you mean client:acme?"),
        ("client:acne", "unknown client 'acne'", "did you mean client:acme?"),
        ("tag:x*", "no tag matches 'x*'", "known: ring-0, ring-1, woocommerce"),
        ("hetzner", "unknown site 'hetzner'", "did you mean group:hetzner?"),
        ("group:hetzer", "unknown group 'hetzer'", "did you mean group:hetzner?"),
        ("colour:red", "'colour:red' is not a selector", "write a site, client:NAME"),
        ("kind:drupal", "unknown kind 'drupal'", "known: wordpress, static"),
        ("!shp", "unknown site 'shp'", "did you mean shop?"),
    ],
)
def test_unmatched_selector_is_refused(selector, message, hint):
    with pytest.raises(UnknownNameError) as caught:
        select(INVENTORY, [selector])
    assert str(caught.value) == message
    assert caught.value.hint.startswith(hint)


def test_when_ignores_unknown_names():
    assert applies(None, SITES[0])
    assert applies("tag:woocommerce", SITES[0])
    assert not applies("tag:of-another-agency", SITES[0])
    assert applies("kind:wordpress,!tag:woocommerce", SITES[1])


def test_each_site_is_in_its_first_matching_ring():
    found = rings(SITES, ["tag:ring-0", "tag:ring-1"])
    assert [names(ring) for ring in found] == [["blog"], ["shop", "lab"], ["docs"]]
    assert [names(ring) for ring in rings(SITES, [])] == [["shop", "blog", "lab", "docs"]]
    assert [names(ring) for ring in rings(SITES, ["tag:nobody", "all"])] == [["shop", "blog", "lab", "docs"]]
