from __future__ import annotations

from runner.model import Action, Change, Extension, ItemKind, Site, SiteFacts, SubSite
from runner.plan import looked_at, not_looked_at

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


def plugin(slug, *sub_sites):
    return Extension(slug=slug, title=slug, version="1", sub_sites=sub_sites)


def change(item, action=Action.CHANGE):
    return Change(step="s", item=item, kind=ItemKind.PLUGIN, from_version="1", to_version="2", action=action)


def addresses(*numbers):
    return tuple(f"https://net.example/{number}" for number in numbers)


def test_those_are_first_on_which_a_changed_item_is_active_and_twelve_are_the_most():
    facts = network(20, plugin("a", 15, 18), plugin("b", 20), plugin("c", 19))
    changes = (change("a"), change("b"), change("c", Action.HOLD))
    assert looked_at(facts, SITE, changes) == addresses(15, 18, 20, *range(2, 11))
    assert not_looked_at(facts) == 7


def test_the_site_itself_is_not_one_of_the_others():
    assert looked_at(network(3), SITE, ()) == addresses(2, 3)
    assert (looked_at(network(0), SITE, ()), not_looked_at(network(0))) == ((), 0)
