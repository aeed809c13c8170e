"""Sites are added to the text of an inventory; everything else in it stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from runner.errors import Problem, UsageError
from runner.load.additions import NewClient, NewHost, NewSite, yaml_value
from runner.load.insertion import with_additions
from runner.load.inventory import InventoryFile, inventory_of
from runner.load.problems import checked
from runner.load.yamlnodes import read_yaml
from runner.model import Contact, Inventory, SiteKind

BASE = """\
# Ours. Do not sort.
hosts:
  web1: {address: web1.example.com}   # the old one
clients:
  acme:
    name: Acme Bakery
    sites:
      shop:
        url: https://shop.example
        host: web1
        path: /srv/shop
        expect: >-
          Fresh bread
          # every day

  # the next one left in spring
  globex: {name: Globex, sites: {docs: {url: "https://docs.example", host: web1, path: /srv/docs}}}
windows: {}
"""


def inventory_from(text: str) -> Inventory:
    """The inventory in a text, which must be valid."""
    problems: list[Problem] = []
    tree = read_yaml(text.encode(), "inventory.yaml", Path("/"), problems)
    assert tree is not None
    shape = checked(InventoryFile, tree, problems)
    assert shape is not None, problems
    return inventory_of([shape], Path("/"))


NEW = NewSite(name="blog", url="https://blog.example", host="web1", path="/srv/blog")


def added(text: str, *clients: NewClient, hosts: tuple[NewHost, ...] = ()) -> str:
    return with_additions(text, clients=clients, hosts=hosts)


def test_site_is_added_below_its_client() -> None:
    result = added(BASE, NewClient(id="acme", name="Acme", sites=(NEW,)))
    lines, before = result.splitlines(), BASE.splitlines()
    assert [one for one in lines if one not in before] == [
        "      blog:",
        "        url: https://blog.example",
        "        path: /srv/blog",
    ]
    assert [one for one in lines if one in before][: len(before)] != []
    assert yaml.safe_load(result)["clients"]["acme"]["sites"]["blog"] == {
        "url": "https://blog.example",
        "host": "web1",
        "path": "/srv/blog",
    }
    comments = [one for one in lines if "#" in one]
    assert comments == [one for one in before if "#" in one]


def test_client_and_host_are_added_at_the_end_of_their_mapping() -> None:
    client = NewClient(id="new", name="New", contacts=(Contact("A: b", "a@b.example"),), sites=(NEW,))
    found = yaml.safe_load(added(BASE, client, hosts=(NewHost(name="web2", address="1.2.3.4", port=22),)))
    assert list(found["hosts"]) == ["web1", "web2"]
    assert found["hosts"]["web2"] == {"address": "1.2.3.4", "port": 22}
    assert list(found["clients"]) == ["acme", "globex", "new"]
    assert found["clients"]["new"]["contacts"] == [{"name": "A: b", "email": "a@b.example"}]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        "hosts: {}\nclients: {} # none yet\nwindows: {}\n",
        "clients:\n\nhosts:\n",
        "hosts:\r\n  web1:\r\n    address: a\r\n",
        "---\nhosts:\n  web1: &x\n    address: a\n  web2: *x",
    ],
)
def test_missing_and_empty_mappings_are_filled(text: str) -> None:
    result = added(text, NewClient(id="a", name="A", sites=(NEW,)), hosts=(NewHost(name="w", address="b"),))
    found = yaml.safe_load(result)
    assert found["clients"]["a"]["sites"]["blog"]["path"] == "/srv/blog"
    assert found["hosts"]["w"] == {"address": "b"}
    assert ("\r\n" in text) == ("\r\n" in result)
    assert "\n" not in result.replace("\r\n", "") or "\r\n" not in result
    assert [one for one in text.splitlines() if "#" in one and one[0] != "#"] == [] or "# none yet" in result


@pytest.mark.parametrize(
    "text",
    [
        BASE.replace("sites:\n", "sites: &sites\n", 1) + "",
        "clients: {acme: {name: A}}\n",
        "x: &x {acme: {name: A}}\nclients: *x\n",
        "clients: text\n",
    ],
)
def test_places_that_cannot_be_extended_are_refused_with_lines_to_paste(text: str) -> None:
    if "&sites" in text:  # an anchor does no harm
        assert "blog" in added(text, NewClient(id="acme", name="A", sites=(NEW,)))
        return
    with pytest.raises(UsageError) as refused:
        added(text, NewClient(id="acme", name="A", sites=(NEW,)))
    assert "blog:" in refused.value.hint


def test_site_of_a_client_on_one_line_is_refused() -> None:
    with pytest.raises(UsageError, match=r"clients\.globex\.sites"):
        added(BASE, NewClient(id="globex", name="Globex", sites=(NEW,)))


def test_incomplete_site_is_noted_once_and_replaced_when_complete() -> None:
    incomplete = NewClient(id="acme", name="A", sites=(NewSite(name="blog", url="https://blog.example"),))
    once = added(BASE, incomplete)
    assert "      # blog:\n      #   url: https://blog.example\n" in once
    assert yaml.safe_load(once) == yaml.safe_load(BASE)
    assert added(once, incomplete) == once
    complete = added(once, NewClient(id="acme", name="A", sites=(NEW,)))
    assert complete == added(BASE, NewClient(id="acme", name="A", sites=(NEW,)))


LINES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(
    lambda text: text.isprintable() and text.strip()
)


@given(name=LINES, path=LINES, contact=LINES, kind=st.sampled_from(SiteKind))
@example(name="yes", path="a: b #c", contact="'\"", kind=SiteKind.STATIC)
@example(name="- x", path="{a}", contact="!tag &x *y", kind=SiteKind.WORDPRESS)
@example(name="123", path="null", contact="?", kind=SiteKind.WORDPRESS)
@example(name="\u2603 <<", path="%", contact="=", kind=SiteKind.WORDPRESS)
def test_any_text_is_read_back_unchanged(name: str, path: str, contact: str, kind: SiteKind) -> None:
    path = "/srv/" + path.replace("/", "-").replace("..", "-")
    site = NewSite(
        name="new", url="https://new.example", host="web1", path=path, kind=kind, tags=("yes", "1")
    )
    client = NewClient(id="new", name=name, contacts=(Contact(contact, "a@b.example"),), sites=(site,))
    inventory = inventory_from(added(BASE, client))
    assert inventory.clients["new"].name == name
    assert inventory.clients["new"].contacts[0].name == contact
    assert inventory.sites["new"].path == path.rstrip("/")
    assert inventory.sites["new"].kind is kind
    assert inventory.sites["new"].tags >= {"yes", "1"}
    assert inventory.sites["shop"].expect


@pytest.mark.parametrize("text", ["a\nb", "\x1b[2J", "", "a\u202eb", "\x85"])
def test_control_characters_and_line_breaks_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        yaml_value(text)


def test_demo_inventory_can_be_extended() -> None:
    text = (Path(__file__).parents[2] / "inventory.yaml").read_text()
    result = added(
        text, NewClient(id="acme", name="A", sites=(NEW,)), hosts=(NewHost(name="w", address="b"),)
    )
    assert [one for one in text.splitlines() if one not in result.splitlines()] == []
