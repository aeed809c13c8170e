"""Promise: path, address and database are proven to belong together before anything is changed."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import pytest

from lab.doors import door
from lab.gauntlet import SLUG, prepare
from lab.migrations import MIGRATIONS
from lab.shell import run
from tests.crew import Crew, plugin_version
from tests.promises.test_dead_man import ONE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE, OTHER = "acme-blog", "globex-www"
OWN, FOREIGN = "What we learnt while the dough rested", "Instruments you can trust"
FOR_EVER = {case.name: case for case in MIGRATIONS}["an option changed for ever"]
DEFINE = re.compile(r"define\( '(DB_\w+)', (.*) \);")
BACKUP = "name: Backup\nsteps:\n  - backup: {include: [database]}\n"


@pytest.fixture
def by_host_name(fleet: Fleet) -> Iterator[Fleet]:
    """A site whose configuration picks its database by the host name, and by default another site's."""
    prepare(fleet, SITE, FOR_EVER)
    fleet.reset(OTHER)
    chosen_by_host_name(fleet)
    yield fleet
    fleet.reset(SITE, OTHER)
    fleet.catalogue.reset()


def chosen_by_host_name(fleet: Fleet) -> None:
    config = fleet.sites[SITE].path / "wp-config.php"
    others = dict(DEFINE.findall((fleet.sites[OTHER].path / "wp-config.php").read_text()))
    authority = fleet.sites[SITE].url.partition("//")[2]
    head = f"<?php\n$mine = isset( $_SERVER['HTTP_HOST'] ) && '{authority}' === $_SERVER['HTTP_HOST'];\n"

    def either(found: re.Match[str]) -> str:
        return f"define( '{found[1]}', $mine ? {found[2]} : {others[found[1]]} );"

    config.write_text(DEFINE.sub(either, config.read_text()).replace("<?php\n", head, 1))


@pytest.mark.long
def test_a_database_that_is_picked_by_host_name_is_the_sites_own(by_host_name: Fleet, tmp_path: Path) -> None:
    fleet = by_host_name
    crew = Crew(fleet, tmp_path / "crew", ONE, BACKUP)
    others = fleet.database.dump("globex_www")

    said = crew.say("run", "backup", "-l", SITE)
    assert said.code == 0, said
    [dump] = crew.folder.glob(f".sitecrew/backups/{SITE}/*/database.sql.gz")
    text = gzip.decompress(dump.read_bytes()).decode()
    assert (OWN in text, FOREIGN in text) == (True, False)

    assert crew.say("run", "one", "-l", SITE).code == 5
    [change] = crew.site(SITE)["steps"][0]["changes"]
    assert (change["outcome"], "restored" in change["why"]) == ("undone", True), change
    assert plugin_version(fleet, SITE, SLUG) == "1.0"

    fleet.catalogue.plugin(SLUG, "1.2")
    said = crew.say("run", "one", "-l", SITE)
    assert said.code == 0, said
    points = fleet.spec.home("web2").rglob("restore/**/database.sql.gz")
    kept = [gzip.decompress(point.read_bytes()).decode() for point in points]
    assert kept
    assert all(OWN in text and FOREIGN not in text for text in kept)
    assert crew.say("undo", "last", "-y", "--database").code == 0
    assert plugin_version(fleet, SITE, SLUG) == "1.0"
    assert fleet.database.dump("globex_www") == others


@pytest.fixture
def swapped(fleet: Fleet, tmp_path: Path) -> Iterator[Crew]:
    """Two sites of one host, each with the other's path."""
    prepare(fleet, SITE, FOR_EVER)
    fleet.reset(OTHER)
    crew = Crew(fleet, tmp_path / "crew", ONE, BACKUP)
    first, second = (str(fleet.sites[name].path) for name in (SITE, OTHER))
    for old, new in ((first, "/tmp/aside"), (second, first), ("/tmp/aside", second)):
        crew.edit("inventory.yaml", f"path: {old}\n", f"path: {new}\n")
    yield crew
    fleet.reset(SITE, OTHER)
    fleet.catalogue.reset()


@pytest.mark.long
def test_path_and_address_of_two_sites_are_refused_everywhere(fleet: Fleet, swapped: Crew) -> None:
    crew = swapped
    path, url, other = fleet.sites[SITE].path, fleet.sites[SITE].url, fleet.sites[OTHER].url
    told = (
        f"WordPress at {path} has the address {url}, in the inventory it is {other}: `path` or `url` is wrong"
    )
    before = state(fleet, path)

    found = crew.say("doctor", "-l", OTHER)
    assert (found.code, told in found.out) == (3, True), found
    found = crew.say("plan", "one", "-l", OTHER)
    assert told in found.out + found.err, found
    found = crew.say("run", "one", "-l", OTHER)
    assert found.code == 3, found
    assert (crew.site(OTHER)["outcome"], told in crew.site(OTHER)["why"]) == ("failed", True)
    assert state(fleet, path) == before

    crew.edit("inventory.yaml", f"url: {other}\n", f"url: {other}\n        address: {url}\n")
    assert crew.say("plan", "one", "-l", OTHER).err.startswith("\n1 to change")


def state(fleet: Fleet, path: Path) -> tuple[str, ...]:
    """A site's files and database, without what WordPress keeps of answers for a while."""
    lasting = "SELECT * FROM wp_options WHERE option_name NOT LIKE '%transient%' AND option_name != 'cron'"
    files = run("find", path, "-type", "f", "-printf", "%P %T@ %s\n")
    return files, fleet.sql(SITE, lasting), fleet.sql(SITE, "SELECT * FROM wp_posts")


@pytest.mark.long
def test_a_backup_alone_is_refused_for_another_sites_database(fleet: Fleet, swapped: Crew) -> None:
    said = swapped.say("run", "backup", "-l", SITE)
    assert said.code == 3, said
    assert "`path` or `url` is wrong" in swapped.site(SITE)["why"]
    assert not list(swapped.folder.glob(f".sitecrew/backups/{SITE}/*/database.sql.gz"))


FROM_REQUEST = "define( '{}', 'http://' . ( $_SERVER['HTTP_HOST'] ?? 'localhost' ) );\n"


def by_request(fleet: Fleet, *sites: str) -> None:
    """The configuration takes the address from each request."""
    for site in sites:
        config = fleet.sites[site].path / "wp-config.php"
        defined = "".join(FROM_REQUEST.format(name) for name in ("WP_HOME", "WP_SITEURL"))
        config.write_text(config.read_text().replace("<?php\n", f"<?php\n{defined}", 1))


@pytest.mark.long
def test_swapped_paths_are_found_though_each_calls_itself_whatever_it_is_asked_for(
    fleet: Fleet, swapped: Crew
) -> None:
    by_request(fleet, SITE, OTHER)
    path, own, other = fleet.sites[OTHER].path, fleet.sites[OTHER].url, fleet.sites[SITE].url
    told = f"the address in the database of {path} is {own}, in the inventory {other}: "
    told += f"it is the database of {OTHER}"
    before = None
    for command in (("doctor",), ("plan", "one"), ("run", "one"), ("run", "backup")):
        said = swapped.say(*command, "-l", SITE)
        assert (said.code, told in said.out + said.err) == (3, True), said
        before = before or lines(fleet)  # doctor looks at the pages too, whose theme writes an option then
    assert lines(fleet) == before
    assert not list(swapped.folder.glob(f".sitecrew/backups/{SITE}/*/database.sql.gz"))


def lines(fleet: Fleet) -> set[str]:
    """Both sites' files and what lasts in their databases."""
    paths = (fleet.sites[site].path for site in (SITE, OTHER))
    return {line for path in paths for part in state(fleet, path) for line in part.splitlines()}


@pytest.fixture
def asked(fleet: Fleet, tmp_path: Path) -> Iterator[Crew]:
    """A site whose address is the request's, and whose database has one of long ago."""
    prepare(fleet, SITE, FOR_EVER)
    by_request(fleet, SITE)
    fleet.sql(
        SITE,
        "UPDATE wp_options SET option_value = 'http://old.example' WHERE option_name IN ('home', 'siteurl')",
    )
    yield Crew(fleet, tmp_path / "crew", ONE, BACKUP)
    fleet.reset(SITE)
    fleet.catalogue.reset()


@pytest.mark.long
def test_a_file_in_the_folder_proves_what_the_database_does_not_say(fleet: Fleet, asked: Crew) -> None:
    path = fleet.sites[SITE].path
    for command in (("plan", "one"), ("run", "backup")):
        said = asked.say(*command, "-l", SITE)
        assert said.code in {0, 2}, said
        assert "not proven" not in said.out + said.err
    assert asked.site(SITE)["steps"][0]["why"] == ""
    assert not list(path.glob("sitecrew-*"))

    with door(fleet, SITE, "password"):
        said = asked.say("plan", "one", "-l", SITE)
        assert "not proven to be the site at" in said.out + said.err, said
        assert asked.say("run", "backup", "-l", SITE).code == 0
        assert "not proven to be the site at" in asked.site(SITE)["steps"][0]["why"]
        found = asked.say("doctor", "-l", SITE)
        assert "not proven to be the site at" in found.out, found
    assert not list(path.glob("sitecrew-*"))


@pytest.mark.long
def test_a_copy_that_calls_itself_as_the_site_does_is_found_by_doctor(fleet: Fleet, tmp_path: Path) -> None:
    fleet.reset(SITE, OTHER)
    crew = Crew(fleet, tmp_path / "crew", ONE, BACKUP)
    fleet.database.replace(fleet.sites[OTHER].database, fleet.database.dump(fleet.sites[SITE].database))
    try:
        assert "not found at" not in crew.say("doctor", "-l", SITE).out
        path, copy, url = fleet.sites[SITE].path, fleet.sites[OTHER].path, fleet.sites[SITE].url
        crew.edit("inventory.yaml", f"path: {copy}\n", "path: /tmp/aside\n")
        crew.edit("inventory.yaml", f"path: {path}\n", f"path: {copy}\n")
        found = crew.say("doctor", "-l", SITE)
        assert f"not proven to be the site at {url}: a test file in its folder is not found" in found.out
        assert not list(copy.glob("sitecrew-*"))

        crew.edit("inventory.yaml", f"path: {copy}\n", f"path: {path}\n")
        crew.edit("inventory.yaml", "path: /tmp/aside\n", f"path: {copy}\n")
        said = crew.say("run", "backup", "-l", OTHER)
        assert (said.code, crew.site(OTHER)["outcome"]) == (3, "failed"), said
    finally:
        fleet.reset(OTHER)


@pytest.fixture
def by_variable(fleet: Fleet, tmp_path: Path) -> Iterator[Crew]:
    """A site whose configuration has its database from variables that only its web server sets."""
    prepare(fleet, SITE, FOR_EVER)
    config = fleet.sites[SITE].path / "wp-config.php"

    def either(found: re.Match[str]) -> str:
        return (
            f"define( '{found[1]}', 'cli' === PHP_SAPI ? (string) getenv( 'SHOP_{found[1]}' ) : {found[2]} );"
        )

    config.write_text(DEFINE.sub(either, config.read_text()))
    yield Crew(fleet, tmp_path / "crew", ONE, BACKUP)
    fleet.reset(SITE)
    fleet.catalogue.reset()


@pytest.mark.long
def test_what_only_the_web_server_sets_is_given_to_each_start_of_wordpress(
    fleet: Fleet, by_variable: Crew
) -> None:
    crew, path = by_variable, fleet.sites[SITE].path
    assert crew.say("run", "backup", "-l", SITE).code == 3
    site = fleet.spec.site(SITE)
    where = f"localhost:{fleet.database.socket}"
    if site.database_over == "tcp":
        where = f"{fleet.database.address}:{fleet.database.port}"
    found = dict.fromkeys(("DB_NAME", "DB_USER"), site.database)
    found |= {
        "DB_HOST": where,
        "DB_PASSWORD": site.database_password,
        "DB_CHARSET": "utf8mb4",
        "DB_COLLATE": "",
    }
    plain = ", ".join(f"SHOP_{name}: '{value}'" for name, value in found.items() if name != "DB_PASSWORD")
    env = f"env: {{{plain}, SHOP_DB_PASSWORD: {{env: THE_PASSWORD}}}}"
    crew.edit(
        "inventory.yaml",
        f"path: {path}\n",
        f"path: {path}\n        {env}\n        wp_args: [--skip-packages]\n",
    )
    given = {"THE_PASSWORD": found["DB_PASSWORD"]}
    assert crew.say("run", "backup", "-l", SITE, env=given).code == 0
    assert crew.say("run", "one", "-l", SITE, env=given).code == 5
    [change] = crew.site(SITE)["steps"][0]["changes"]
    assert (change["outcome"], "restored" in change["why"]) == ("undone", True), change
    fleet.catalogue.plugin(SLUG, "1.2")
    assert crew.say("run", "one", "-l", SITE, env=given).code == 0
    assert crew.say("undo", "last", "-y", "--database", env=given).code == 0
    assert plugin_version(fleet, SITE, SLUG) == "1.0"
    said = crew.say("plan", "one", "-l", SITE)
    assert "the environment variable THE_PASSWORD is not set" in said.out + said.err


@pytest.fixture
def copy(fleet: Fleet, tmp_path: Path) -> Iterator[Crew]:
    """An inventory with the folder of a copy of the site, which calls itself as the site does."""
    prepare(fleet, SITE, FOR_EVER)
    fleet.catalogue.plugin(SLUG, "1.1")
    path = fleet.sites[SITE].path
    other = path.with_name("acme-blog-staging")
    run("cp", "-a", str(path), str(other))
    crew = Crew(fleet, tmp_path / "crew", ONE)
    crew.edit("inventory.yaml", f"path: {path}\n", f"path: {other}\n")
    yield crew
    run("rm", "-rf", str(other))
    fleet.reset(SITE)
    fleet.catalogue.reset()


@pytest.mark.long
def test_a_copy_of_the_site_is_told_from_the_site_and_its_change_is_not_called_seen(
    fleet: Fleet, copy: Crew
) -> None:
    told = f"not proven to be the site at {fleet.sites[SITE].url}: a test file in its folder is not found"
    found = copy.say("doctor", "-l", SITE)
    assert told in found.out, found
    found = copy.say("plan", "one", "-l", SITE)
    assert told in found.out + found.err, found

    with (copy.folder / "sitecrew.yaml").open("a") as settings:
        settings.write("policy: {unverified: ask}\n")
    assert copy.say("run", "one", "-l", SITE).code == 0
    [change] = copy.site(SITE)["steps"][0]["changes"]
    assert (change["outcome"], told in change["why"]) == ("held", True), change

    assert copy.say("run", "one", "-l", SITE, "--unverified").code == 0
    [change] = copy.site(SITE)["steps"][0]["changes"]
    assert (change["outcome"], told in change["unverified"]) == ("changed", True), change
    assert plugin_version(fleet, SITE, SLUG) == "1.0"
    assert not list(fleet.sites[SITE].path.parent.glob("acme-blog*/sitecrew-*"))


@pytest.mark.long
def test_a_server_that_lets_nobody_in_says_nothing_about_the_folder(fleet: Fleet, tmp_path: Path) -> None:
    prepare(fleet, SITE, FOR_EVER)
    crew = Crew(fleet, tmp_path / "crew", ONE)
    with door(fleet, SITE, "challenge"):
        assert "not proven" not in crew.say("doctor", "-l", SITE).out
    fleet.reset(SITE)
    fleet.catalogue.reset()
