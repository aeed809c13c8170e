"""Promise: a site that is laid out otherwise than WordPress's own packages is cared for as well."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest

from lab.gauntlet import CASES, SLUG, prepare
from lab.shell import run
from tests.crew import Crew, check_nobody_is_left

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "acme-blog"
PLAYBOOKS = (
    f"name: Plugins\nsteps:\n  - wordpress.plugins: {{update: [{SLUG}]}}\n",
    "name: Core\nsteps:\n  - wordpress.core: {update: minor}\n",
)
FRONT = "<?php\ndefine( 'WP_USE_THEMES', true );\nrequire __DIR__ . '/%swp-blog-header.php';\n"


@dataclass(frozen=True)
class Place:
    """A site in its layout: folder of the files that visitors ask for, of WordPress, and of its plugins."""

    web: Path
    wordpress: Path
    plugins: Path
    url: str

    def wp(self, fleet: Fleet, *arguments: str) -> str:
        return run(fleet.spec.root / "bin/wp", *arguments, user=self.web.owner(), cwd=self.wordpress).strip()


def own_folder(fleet: Fleet, web: Path, _: Path) -> Place:
    """WordPress below the site's address, its configuration one level above."""
    url = fleet.sites[SITE].url
    fleet.wp(SITE, "option", "update", "siteurl", f"{url}/wp")
    parts = [path for path in web.iterdir() if path.name != "wp-config.php"]
    (web / "wp").mkdir()
    for path in parts:
        path.rename(web / "wp" / path.name)
    (web / "index.php").write_text(FRONT % "wp/")
    return Place(web, web / "wp", web / "wp/wp-content/plugins", f"{url}/wp")


def content_elsewhere(fleet: Fleet, web: Path, _: Path) -> Place:
    """Plugins, themes and uploads beside WordPress, under another name."""
    url = fleet.sites[SITE].url
    define = f"<?php\ndefine( 'WP_CONTENT_DIR', __DIR__ . '/app' );\ndefine( 'WP_CONTENT_URL', '{url}/app' );"
    config = web / "wp-config.php"
    config.write_text(config.read_text().replace("<?php", define, 1))
    (web / "wp-content").rename(web / "app")
    return Place(web, web, web / "app/plugins", url)


def linked_content(fleet: Fleet, web: Path, elsewhere: Path) -> Place:
    """As deployments leave it: what is shared between releases is a link."""
    (web / "wp-content").rename(elsewhere / "content")
    (web / "wp-content").symlink_to(elsewhere / "content")
    return Place(web, web, elsewhere / "content/plugins", fleet.sites[SITE].url)


LAYOUTS = (
    linked_content,
    *(pytest.param(one, marks=pytest.mark.long) for one in (own_folder, content_elsewhere)),
)


@pytest.fixture(params=LAYOUTS, ids=lambda layout: layout.__name__)
def place(request: pytest.FixtureRequest, fleet: Fleet) -> Iterator[Place]:
    """The site in another layout, with an update on offer that breaks wp-admin."""
    case = next(case for case in CASES if case.name == "fatal in wp-admin only")
    prepare(fleet, SITE, case)
    web = fleet.sites[SITE].path
    elsewhere = web.with_name("elsewhere")
    shutil.rmtree(elsewhere, ignore_errors=True)
    elsewhere.mkdir()
    lay_out: Callable[[Fleet, Path, Path], Place] = request.param
    found = lay_out(fleet, web, elsewhere)
    for folder in (web, elsewhere):
        run("chown", "-hR", f"{web.owner()}:{web.group()}", folder)
    page = httpx.get(found.url.removesuffix("/wp"))
    assert page.status_code == 200
    assert "</html>" in page.text, page.text[-500:]
    yield found
    shutil.rmtree(elsewhere)
    fleet.processes.stop("php-fpm")  # PHP remembers for minutes where a link led
    fleet.up()
    fleet.reset(SITE)
    fleet.catalogue.reset()


@pytest.mark.long
def test_updates_stay_or_go_and_wordpress_goes_there_and_back(
    fleet: Fleet, place: Place, tmp_path: Path
) -> None:
    crew = Crew(fleet, tmp_path / "crew", *PLAYBOOKS)
    crew.edit("inventory.yaml", f"path: {place.web}", f"path: {place.wordpress}")
    before, layout = content(place.plugins / SLUG), shape(place.web)

    said = crew.say("run", "plugins", "-l", SITE)
    assert said.code == 5, said.err
    [change] = crew.site(SITE)["steps"][0]["changes"]
    assert (change["outcome"], "admin-ajax" in change["why"]) == ("undone", True), change
    assert content(place.plugins / SLUG) == before

    fleet.catalogue.plugin(SLUG, "1.2")
    said = crew.say("run", "plugins", "-l", SITE)
    assert said.code == 0, said.err
    assert place.wp(fleet, "plugin", "get", SLUG, "--field=version") == "1.2"

    said = crew.say("run", "core", "-l", SITE)
    assert said.code == 0, said.err
    assert place.wp(fleet, "core", "version") == "7.1.2"
    assert crew.say("undo", "last", "-y").code == 0
    assert place.wp(fleet, "core", "version") == "7.1.1"
    assert place.wp(fleet, "core", "verify-checksums").startswith("Success")
    assert shape(place.web) == layout
    check_nobody_is_left(fleet, "web2")


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def shape(web: Path) -> list[tuple[str, bool]]:
    """Where WordPress and its parts are, and which of them are links."""
    found = [*web.glob("*"), *web.glob("*/plugins/*"), *web.glob("*/wp-admin"), *web.glob("*/wp-includes")]
    return sorted((str(path.relative_to(web)), path.is_symlink()) for path in found)
