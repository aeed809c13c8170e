"""`discover` finds the sites of a host, and adds them to the inventory."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.load.candidates import Candidate, arranged, existing_site, slug
from runner.model import Client, Inventory, Site
from runner.steps.wordpress.discovery import folder_script, parse_config, parse_folder, parse_site
from tests.crew import Crew

if TYPE_CHECKING:
    from lab import Fleet

MARK = "0" * 32
UNKNOWN = f"{MARK}.invalid"


def searched(folder: Path) -> tuple[set[str], set[str]]:
    """Folders with WordPress and with pages below a folder, as the shell finds them."""
    done = subprocess.run(
        ["sh"], input=folder_script(str(folder), 6).encode(), capture_output=True, check=True
    )
    found = parse_folder(done.stdout)
    return {one.removeprefix(f"{folder}/") for one in found.wordpress}, {
        one.removeprefix(f"{folder}/") for one in found.pages
    }


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def test_usual_layouts_are_found(tmp_path: Path) -> None:
    make(
        tmp_path,
        "www/plain/wp-load.php",
        "www/plain/wp-content/plugins/x/wp-load.php",
        "www/plain/wp-content/cache/index.html",
        "bedrock/web/wp/wp-load.php",
        "bedrock/vendor/x/index.html",
        "domains/a.example/public_html/wp-load.php",
        "domains/a.example/public_html/blog/wp-load.php",
        "www/docs/index.html",
        "deployed/releases/1/web/wp/wp-load.php",
        ".hidden/wp-load.php",
    )
    (tmp_path / "deployed/current").symlink_to("releases/1")
    wordpress, pages = searched(tmp_path)
    assert wordpress == {
        "www/plain",
        "bedrock/web/wp",
        "domains/a.example/public_html",
        "domains/a.example/public_html/blog",
        "deployed/current/web/wp",
    }
    assert pages == {"www/docs"}


def test_hostile_folder_names_are_one_name_or_left_out(tmp_path: Path) -> None:
    names = ["a b: c #d", "$(touch x)", "'\"", "-rf", "x\ny", "\x1b[2J", "wp\nwp"]
    make(tmp_path, *(f"www/{name}/wp-load.php" for name in names))
    wordpress, _ = searched(tmp_path)
    assert wordpress == {f"www/{name}" for name in names[:4]}
    assert not (tmp_path / "x").exists()


def test_output_of_a_host_is_limited() -> None:
    assert parse_folder(b"wp\0/a/wp-load.php\0" * 5000).wordpress == ("/a",)
    assert parse_folder(b"wp\0/" + b"a" * 900 + b"/wp-load.php\0").wordpress == ()
    assert parse_folder(b"bad\0/a\0wp\0relative/wp-load.php\0wp\0/\xff/wp-load.php\0wp").wordpress == ()
    assert len(list(parse_config(b"/etc/x\0text\0" * 5000))) == 500


@pytest.mark.parametrize(
    ("lines", "url"),
    [
        (['{"home":"https://a.example","stored":"https://b.example"}'], "https://a.example"),
        ([f'{{"home":"http://{UNKNOWN}","stored":"https://b.example"}}'], "https://b.example"),
        (['{"home":[],"stored":{}}'], ""),
        (["not json"], ""),
    ],
)
def test_address_in_the_configuration_counts_unless_it_follows_the_request(
    lines: list[str], url: str
) -> None:
    found = parse_site("".join(f"\n{MARK} {one}\n" for one in lines), MARK, UNKNOWN)
    assert found.url == url
    assert (found.configured, found.writable, found.multisite) == (False, False, False)


INVENTORY = Inventory(
    hosts={},
    clients={"acme": Client(id="acme", name="Acme Bakery")},
    sites={
        "shop.example": Site(
            name="shop.example", client="acme", host="web1", url="https://www.shop.example/", path="/srv/shop"
        )
    },
)


@pytest.mark.parametrize(
    ("candidate", "name"),
    [
        (Candidate(url="http://shop.example"), "shop.example"),
        (Candidate(url="https://other.example", host="web1", path="/srv/shop"), "shop.example"),
        (Candidate(url="https://other.example", host="web2", path="/srv/shop"), ""),
        (Candidate(), ""),
    ],
)
def test_known_sites_are_recognized_by_address_or_folder(candidate: Candidate, name: str) -> None:
    assert existing_site(candidate, INVENTORY) == name


def test_names_are_unique_and_clients_are_reused() -> None:
    found = arranged(
        [
            Candidate(url="https://shop.example/de"),
            Candidate(url="https://10.0.0.1", path="/srv/blog/public", client="ACME bakery"),
            Candidate(url="https://x.example", label="Müller & Söhne"),
            Candidate(url="https://www.shop.example", client="acme"),
        ],
        INVENTORY,
    )
    assert [(one.id, one.name, [site.name for site in one.sites]) for one in found] == [
        ("shop.example-de", "shop.example-de", ["shop.example-de"]),
        ("acme", "Acme Bakery", ["blog", "shop.example-2"]),
        ("muller-sohne", "Müller & Söhne", ["muller-sohne"]),
    ]


@pytest.mark.parametrize("text", ["all", "", "...", "日本", "-"])
def test_text_without_usable_letters_has_no_slug(text: str) -> None:
    assert slug(text) == ""


def test_sites_of_a_host_are_found_and_added_once(fleet: Fleet, tmp_path: Path) -> None:
    crew = Crew(fleet, tmp_path)
    path = tmp_path / "inventory.yaml"
    full = path.read_text()
    head, tail = full.partition("clients:\n")[0], full.partition("windows:\n")[2]
    path.write_text(f"# Ours.\n{head}clients:\n  acme:\n    name: Acme\nwindows:\n{tail}")
    before = crew.say("discover", "web2", "--json").json
    own = {one["path"]: one for one in before["sites"] if not one["note"]}
    expected = [site for site in fleet.sites.values() if site.host == "web2"]
    assert {path: (one["url"], one["kind"]) for path, one in own.items()} == {
        str(site.path): (site.url, site.kind) for site in expected
    }
    assert {one["version"] for one in own.values()} == {"7.1.1", "7.1.2"}
    docs = next(site for site in fleet.sites.values() if site.host == "web3")
    found = {(one["path"], one["url"], one["kind"]) for one in before["sites"]}
    assert (str(docs.path), docs.url, "static") in found
    assert crew.say("discover", "web2", "--add", "--yes").code == 0
    added = path.read_text()
    assert added.startswith("# Ours.\n")
    listed = crew.say("list", "sites", "--json").json
    assert {one["url"] for one in listed} == {site.url for site in expected}
    again = crew.say("discover", "web2", "--add", "--yes")
    assert (again.code, "nothing to add" in again.err) == (0, True)
    assert path.read_text() == added


@pytest.mark.long
def test_network_of_sites_is_one_site_with_its_main_address(fresh_fleet: Fleet, tmp_path: Path) -> None:
    network = fresh_fleet.need("globex-network")
    crew = Crew(fresh_fleet, tmp_path)
    found = crew.say("discover", "web3", "--json").json["sites"]
    [one] = [one for one in found if one["path"] == str(network.path)]
    assert (one["multisite"], one["url"], one["note"]) == (True, network.url, None)
