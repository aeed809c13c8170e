"""Promise: path, address and database are proven to belong together before anything is changed."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import pytest

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
    assert (change["outcome"], "put back" in change["why"]) == ("undone", True), change
    assert plugin_version(fleet, SITE, SLUG) == "1.0"

    fleet.catalogue.plugin(SLUG, "1.2")
    said = crew.say("run", "one", "-l", SITE)
    assert said.code == 0, said
    points = fleet.spec.home("web2").rglob("restore/**/database.sql.gz")
    kept = [gzip.decompress(point.read_bytes()).decode() for point in points]
    assert kept
    assert all(OWN in text and FOREIGN not in text for text in kept)
    assert crew.say("undo", "last", "-y", "--database").code in {0, 5}
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


def test_path_and_address_of_two_sites_are_refused_everywhere(fleet: Fleet, swapped: Crew) -> None:
    crew = swapped
    path, url, other = fleet.sites[SITE].path, fleet.sites[SITE].url, fleet.sites[OTHER].url
    told = (
        f"WordPress at {path} says its address is {url}, the inventory says {other}: "
        "one of `path` and `url` is another site's"
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
