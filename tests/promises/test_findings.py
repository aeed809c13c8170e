"""Promise: what a run refuses or holds, doctor and plan have said before, in the same words."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from lab.gauntlet import CASES, SLUG, prepare
from lab.shell import run
from tests.crew import Crew, plugin_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "acme-blog"
BOOK = "name: Plugins\nsteps:\n  - wordpress.plugins: all\n"
RENAMED = {case.name: case for case in CASES}["folder renamed"]
SLUGS = ("steady", "immovable", "secret", "needy", "handmade")
SHOP = """
class WC_Install {
	public static function needs_db_update() {
		return version_compare( get_option( 'woocommerce_db_version', '0' ), '@', '<' );
	}
}
if ( defined( 'WP_CLI' ) && WP_CLI ) {
	class Lab_WC_Command {
		/** Brings the tables to what the code wants. */
		public function update() {
			update_option( 'woocommerce_db_version', '@' );
			WP_CLI::success( 'Update complete.' );
		}
	}
	WP_CLI::add_command( 'wc', 'Lab_WC_Command' );
}
"""
"""Tables of its own, and a command for them, as WooCommerce has them."""
WAITS = "its own tables need an upgrade: wp wc update"


def publish(fleet: Fleet, slug: str, **more: Any) -> None:
    """1.0 active on the site, and 1.1 on offer."""
    fleet.catalogue.plugin(slug, "1.0")
    fleet.install(SITE, "plugins", slug, "1.0")
    fleet.wp(SITE, "plugin", "activate", slug)
    fleet.catalogue.plugin(slug, "1.1", **more)


@pytest.fixture
def blog(fleet: Fleet) -> Iterator[Fleet]:
    fleet.catalogue.reset()
    fleet.reset(SITE)
    yield fleet
    fleet.reset(SITE)
    fleet.catalogue.reset()


@contextmanager
def immutable(path: Path) -> Iterator[None]:
    run("chattr", "+i", path)
    try:
        yield
    finally:
        run("chattr", "-i", path)


def held(changes: list[dict[str, Any]]) -> dict[str, str]:
    return {change["item"]: change["why"] for change in changes if change["why"]}


@pytest.mark.long
def test_one_file_holds_its_own_plugin_and_no_other(blog: Fleet, tmp_path: Path) -> None:
    fleet, plugins = blog, blog.sites[SITE].path / "wp-content/plugins"
    for slug in SLUGS:
        publish(fleet, slug, requires_plugins=("not-there",) if slug == "needy" else ())
    (plugins / "secret/key.pem").write_text("of root")
    (plugins / "secret/key.pem").chmod(0o600)
    (plugins / "handmade/mine.php").write_text("<?php // by hand")
    run("chown", "--reference", plugins, plugins / "handmade/mine.php")
    with (plugins / "handmade/handmade.php").open("a") as file:
        file.write("\n// by hand\n")
    crew = Crew(fleet, tmp_path / "crew", BOOK)
    with immutable(plugins / "immovable/readme.txt"):
        (planned,) = crew.say("plan", "plugins", "-l", SITE, "--json").json["sites"]
        doctor = crew.say("doctor", "-l", SITE, "--json").json["checks"]
        said = crew.say("run", "plugins", "-l", SITE, "--json")
    assert said.code == 0, crew.say("show").out
    changes = crew.site(SITE)["steps"][0]["changes"]
    outcomes = {change["item"]: change["outcome"] for change in changes}
    assert {slug: outcomes[slug] for slug in SLUGS} == {
        "steady": "changed",
        "handmade": "changed",
        "immovable": "held",
        "secret": "held",
        "needy": "held",
    }
    assert [plugin_version(fleet, SITE, slug) for slug in SLUGS] == ["1.1", "1.0", "1.0", "1.0", "1.1"]
    whys = held(changes)
    assert whys["immovable"] == "immovable/readme.txt cannot be read or replaced: Operation not permitted"
    assert whys["secret"] == "secret/key.pem cannot be read or replaced: Permission denied"
    assert whys["needy"] == "needs the plugin not-there, which is not installed"
    for item, why in whys.items():
        assert why in held(planned["changes"])[item]
        assert any(check["finding"] == f"{item}: {why}" for check in doctor), (item, doctor)
    edited = (
        "2 files changed or added by hand would be lost: handmade/handmade.php (changed), "
        "handmade/mine.php (added)"
    )
    assert edited in held(planned["changes"])["handmade"]
    assert any(check["finding"] == f"handmade: {edited}" and check["ok"] for check in doctor)
    kept = list(fleet.spec.home(fleet.sites[SITE].host).rglob("plugin-handmade/mine.php"))
    assert [path.read_text() for path in kept] == ["<?php // by hand"]


def test_what_wordpress_org_says_of_a_plugin_is_told(blog: Fleet, tmp_path: Path) -> None:
    fleet, plugins = blog, blog.sites[SITE].path / "wp-content/plugins"
    for slug in ("gone", "lofty", "moved"):
        publish(fleet, slug)
    (plugins / "moved").rename(plugins / "moved-main")
    main = plugins / "lofty/lofty.php"
    main.write_text(main.read_text().replace("Version: 1.0", "Version: 10000"))
    crew = Crew(fleet, tmp_path / "crew", BOOK)
    with fleet.catalogue.switched(closed={"gone": "2026-10-01"}, renamed={"moved-main": "moved"}):
        (planned,) = crew.say("plan", "plugins", "-l", SITE, "--json").json["sites"]
        doctor = [check["finding"] for check in crew.say("doctor", "-l", SITE, "--json").json["checks"]]
    told = (
        "gone: closed on wordpress.org since 2026-10-01 (Security Issue)",
        "lofty: 10000 is installed, but wordpress.org publishes 1.1: it gets no updates",
    )
    for text in told:
        assert text in planned["notes"], planned["notes"]
        assert text in doctor
    why = "the package contains the folder moved, not moved-main: WordPress would install a second copy"
    assert held(planned["changes"])["moved-main"] == why
    assert f"moved-main: {why}" in doctor


@pytest.mark.long
@pytest.mark.parametrize("tables", ["run", pytest.param("tell", marks=pytest.mark.long)])
def test_the_tables_of_a_plugin_are_upgraded_or_said_to_wait(
    blog: Fleet, tmp_path: Path, tables: str
) -> None:
    fleet = blog
    fleet.catalogue.plugin("woocommerce", "1.0", php=SHOP.replace("@", "1.0"))
    fleet.install(SITE, "plugins", "woocommerce", "1.0")
    fleet.wp(SITE, "plugin", "activate", "woocommerce")
    fleet.wp(SITE, "wc", "update")
    fleet.catalogue.plugin("woocommerce", "1.1", php=SHOP.replace("@", "1.1"))
    book = f"name: Plugins\nsteps:\n  - wordpress.plugins: {{update: [woocommerce], tables: {tables}}}\n"
    crew = Crew(fleet, tmp_path / "crew", book)
    said = crew.say("run", "plugins", "-l", SITE)
    assert said.code == 0, crew.say("show").out
    (change,) = crew.site(SITE)["steps"][0]["changes"]
    waits = tables == "tell"
    assert (change["outcome"], change["why"]) == ("changed", WAITS if waits else "")
    stands = fleet.wp(SITE, "option", "get", "woocommerce_db_version")
    assert re.findall(r"^1\.\d$", str(stands), re.MULTILINE) == ["1.0" if waits else "1.1"]
    if waits:
        assert WAITS in said.out + said.err
        assert WAITS in crew.say("show").out
        assert WAITS in crew.say("doctor", "-l", SITE).out
        (planned,) = crew.say("plan", "plugins", "-l", SITE, "--json").json["sites"]
        assert f"woocommerce: {WAITS}" in planned["notes"]


@pytest.mark.long
def test_a_drop_in_that_stays_behind_its_plugin_is_told(blog: Fleet, tmp_path: Path) -> None:
    fleet, content = blog, blog.sites[SITE].path / "wp-content"

    def brought(version: str) -> dict[str, bytes]:
        head = f"<?php\n/*\nPlugin Name: Redis Object Cache Drop-In\nVersion: {version}\n*/\n"
        return {"includes/object-cache.php": head.encode()}

    fleet.catalogue.plugin("redis-cache", "1.0", files=brought("1.0"))
    fleet.install(SITE, "plugins", "redis-cache", "1.0")
    fleet.wp(SITE, "plugin", "activate", "redis-cache")
    drop_in = content / "object-cache.php"
    run("cp", "-p", str(content / "plugins/redis-cache/includes/object-cache.php"), str(drop_in))
    crew = Crew(fleet, tmp_path / "crew", BOOK)
    told = "wp-content/object-cache.php is from another version of the plugin"
    assert told not in crew.say("doctor", "-l", SITE).out
    fleet.catalogue.plugin("redis-cache", "1.1", files=brought("1.1"))
    assert crew.say("run", "plugins", "-l", SITE).code == 0
    [change] = (one for one in crew.site(SITE)["steps"][0]["changes"] if one["item"] == "redis-cache")
    assert (change["outcome"], change["why"]) == ("changed", f"{told}: wp redis update-dropin")
    assert f"redis-cache: {told}" in crew.say("doctor", "-l", SITE).out
    drop_in.unlink()
    assert told not in crew.say("doctor", "-l", SITE).out


def test_links_whose_content_no_backup_holds_are_told(blog: Fleet, tmp_path: Path) -> None:
    root, shared = blog.sites[SITE].path, blog.sites[SITE].path.with_name("shared-uploads")
    (root / "wp-content/uploads").mkdir(exist_ok=True)
    (root / "wp-content/uploads").rename(shared)
    (root / "wp-content/uploads").symlink_to("../../shared-uploads")
    (root / "wp-content/inside").symlink_to("themes")
    try:
        crew = Crew(blog, tmp_path / "crew", "name: Backup\nsteps:\n  - backup\n  - wordpress.plugins: all\n")
        told = (
            "wp-content/uploads points outside of its folder: backups include that only if `follow` lists it"
        )
        found = crew.say("doctor", "-l", SITE)
        assert told in found.out
        assert 'add to the playbook: backup: {follow: ["wp-content/uploads"]}' in found.out
        (planned,) = crew.say("plan", "backup", "-l", SITE, "--json").json["sites"]
        assert told in planned["notes"]
        crew.edit("playbooks/backup.yaml", "backup\n", "backup: {follow: [wp-content/uploads]}\n")
        (planned,) = crew.say("plan", "backup", "-l", SITE, "--json").json["sites"]
        assert told not in planned["notes"]
    finally:
        run("rm", "-rf", str(shared))


@pytest.mark.long
def test_a_package_with_another_folder_fails_once_and_is_held_then(blog: Fleet, tmp_path: Path) -> None:
    prepare(blog, SITE, RENAMED)
    crew = Crew(blog, tmp_path / "crew", BOOK)
    assert crew.say("run", "plugins", "-l", SITE).code == 3
    (first,) = (one for one in crew.site(SITE)["steps"][0]["changes"] if one["item"] == SLUG)
    assert first["outcome"] == "failed"
    (planned,) = crew.say("plan", "plugins", "-l", SITE, "--json").json["sites"]
    why = held(planned["changes"])[SLUG]
    assert why.startswith(f"held because its package cannot be used: {first['why']}"), why
    assert f"sitecrew unhold {SLUG} -l {SITE}" in why
    assert crew.say("run", "plugins", "-l", SITE).code == 0
    assert plugin_version(blog, SITE, SLUG) == "1.0"
