"""Sites of a network that are checked or asked for updates."""

from __future__ import annotations

from dataclasses import replace

from runner.model import Action, Change, Extension, ItemKind, Site, SiteFacts, SubSite
from runner.plan import count_unchecked, sub_site_to_query, sub_sites_to_check, with_offers

SITE = Site(name="net", client="c", host="h", url="https://www.net.example", path="/srv/net")


def network(count, *plugins, **more):
    sites = tuple(
        SubSite(id=n, url=f"https://net.example/{n}", home="https://www.net.example/" if n == 1 else "")
        for n in range(1, count + 1)
    )
    return SiteFacts(
        wordpress="6",
        php="8",
        home="https://www.net.example",
        siteurl="https://net.example",
        network=sites,
        network_size=count,
        plugins=plugins,
        **more,
    )


def plugin(slug, *sub_sites, **more):
    return Extension(slug=slug, title=slug, version="1", sub_sites=sub_sites, **more)


def change(item, action=Action.CHANGE):
    return Change(step="s", item=item, kind=ItemKind.PLUGIN, from_version="1", to_version="2", action=action)


def addresses(*numbers):
    return tuple(f"https://net.example/{number}" for number in numbers)


def test_sites_with_changed_items_come_first_of_twelve():
    facts = network(20, plugin("a", 15, 18), plugin("b", 20), plugin("c", 19))
    changes = (change("a"), change("b"), change("c", Action.HOLD))
    assert sub_sites_to_check(facts, SITE, changes) == addresses(20, 15, 18, *range(2, 11))
    assert count_unchecked(facts) == 7


def test_each_item_gets_one_site_before_a_second():
    facts = network(40, plugin("a", *range(2, 14)), plugin("b", 40), plugin("c", 30, 31))
    changes = (change("a"), change("b"), change("c"))
    assert sub_sites_to_check(facts, SITE, changes) == addresses(40, 30, 2, 31, *range(3, 11))


def test_site_itself_is_not_among_the_others():
    assert sub_sites_to_check(network(3), SITE, ()) == addresses(2, 3)
    assert (sub_sites_to_check(network(0), SITE, ()), count_unchecked(network(0))) == ((), 0)


def test_site_with_most_silent_plugins_is_asked():
    silent = {"elsewhere": True, "unlisted": True}
    facts = network(
        9,
        plugin("a", 3, 4, **silent),
        plugin("b", 4, **silent),
        plugin("public", 5, elsewhere=True),
        plugin("here", 6, unlisted=True),
        plugin("told", 7, 8, 9, offered="2", **silent),
    )
    assert sub_site_to_query(facts) == "https://net.example/4"
    assert sub_site_to_query(network(9, *facts.plugins[2:])) == ""
    there = network(
        9, *(replace(entry, offered="3", package="https://v.example/") for entry in facts.plugins)
    )
    found = {entry.slug: entry.offered for entry in with_offers(facts, there).plugins}
    assert found == {"a": "3", "b": "3", "public": "3", "here": None, "told": "2"}
    newer = network(9, replace(there.plugins[0], version="2"))
    assert with_offers(facts, newer).plugins[0].offered is None
