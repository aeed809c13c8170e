"""Promise: after an update, its rollback and its undo, no file is worse off than after wp-cli's own update.

Two rounds a layout, with WordPress itself, a plugin, a theme and translations in one playbook. A bad version
of each is rolled back. A good one is kept, undone by hand, and the undo is undone; then the site is laid out
anew and updated by wp-cli, as the login would do it by hand.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lab.ownership import LAYOUTS, as_login, may, owned
from tests.crew import check_nobody_is_left
from tests.promises.test_ownership import (
    FATAL,
    LONG,
    PLUGIN,
    SITE,
    THEME,
    Place,
    check_kept,
    differences,
    ends,
    in_layout,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lab import Fleet
    from lab.catalogue import Catalogue
    from lab.ownership import Owned

pytestmark = [pytest.mark.fleet, pytest.mark.long]

ALL = f"""\
name: Whole
steps:
  - wordpress.core: {{update: minor}}
  - wordpress.plugins: {{update: [{PLUGIN}]}}
  - wordpress.themes: {{update: [{THEME}]}}
  - wordpress.languages: {{install: [de_DE, fr_FR]}}
"""
NEIGHBOUR = "copper-crumbs"
MEDDLES = f"""\
foreach ( array( '{NEIGHBOUR}', 'harbour-forms' ) as $gone ) {{
	$inside = new RecursiveIteratorIterator(
		new RecursiveDirectoryIterator( WP_PLUGIN_DIR . "/$gone", FilesystemIterator::SKIP_DOTS ),
		RecursiveIteratorIterator::CHILD_FIRST
	);
	foreach ( $inside as $path ) {{
		is_dir( $path ) ? @rmdir( $path ) : @unlink( $path );
	}}
	@rmdir( WP_PLUGIN_DIR . "/$gone" );
}}
foreach ( array( 'wp-config.php', '.htaccess' ) as $name ) {{
	$text = @file_get_contents( ABSPATH . $name );
	if ( $text && @unlink( ABSPATH . $name ) ) {{
		@file_put_contents( ABSPATH . $name, "$text\\n" );
	}}
}}
function_that_is_missing();
"""
"""Deletes other plugins, writes what steers the site anew, and is fatal."""


@pytest.fixture(params=[how for how in LAYOUTS if how.name != "web-server"], ids=lambda how: how.name)
def place(request: pytest.FixtureRequest, fleet: Fleet, tmp_path: Path) -> Iterator[Place]:
    yield from in_layout(fleet, tmp_path, request.param, words=True)


def test_what_is_taken_back_is_as_it_was(place: Place) -> None:
    catalogue, before = place.fleet.catalogue, owned(place.root)
    place.check_visitors()
    publish_bad(catalogue)
    crew = place.crew("bad", ALL)
    said = crew.say("run", "whole", "-l", SITE, patience=LONG)
    assert differences(before, owned(place.root)) == {}, said
    assert said.code != 0, said
    assert set(ends(crew)) <= {"undone", "failed"}, said
    place.check_visitors()


def test_nothing_is_worse_off_than_by_hand(place: Place, fleet: Fleet, tmp_path: Path) -> None:
    catalogue, before = fleet.catalogue, owned(place.root)
    publish_good(catalogue)
    crew = place.crew("good", ALL)
    said = crew.say("run", "whole", "-l", SITE, patience=LONG)
    assert (said.code, set(ends(crew))) == (0, {"changed"}), said
    after = owned(place.root)
    check_new(after)
    check_kept(before, after)
    place.check_visitors()

    for expected in (before, after):
        said = crew.say("undo", "last", "-y", "-l", SITE, patience=LONG)
        assert differences(expected, owned(place.root)) == {}, said
        place.check_visitors()
    check_nobody_is_left(fleet, "web2")

    for again in in_layout(fleet, tmp_path, place.how, words=True):
        assert differences(before, owned(again.root)) == {}
        publish_good(catalogue)
        update_by_hand(fleet)
        by_hand = owned(again.root)
        check_new(by_hand)
        worse = worse_off(again, before, after, by_hand)
        sys.stdout.write(f"\n{place.how.name}: {len(by_hand)} paths, worse off than by hand: {worse}\n")
        assert worse == {}
        contents = {path for path in {*after, *by_hand} if content(after, path) != content(by_hand, path)}
        assert contents == set()


def publish_bad(catalogue: Catalogue) -> None:
    catalogue.core("7.1.2", like="7.1.1", edits={"wp-includes/template-loader.php": FATAL})
    catalogue.plugin(PLUGIN, "1.1", php=MEDDLES, files={"inc/a.php": b"<?php\n//"})
    catalogue.theme(THEME, "1.1", php="function_that_is_missing();")
    for language, bad in (("de_DE", "fatal"), ("fr_FR", "php")):
        catalogue.translation("core", "default", language, "2027-01-01 00:00:00", {"Log In": "x"}, bad=bad)


def publish_good(catalogue: Catalogue) -> None:
    more = {"wp-includes/new.php": "<?php", "wp-admin/new/deep/a.css": "a", "wp-new.php": "<?php"}
    catalogue.core("7.1.2", like="7.1.1", edits=more)
    files = {"inc/a.php": b"<?php\n//", "inc/new.php": b"<?php", "new/a/b.css": b"b"}
    catalogue.plugin(PLUGIN, "1.2", files=files)
    catalogue.theme(THEME, "1.2", files={"parts/new.html": b"<p>"})
    for language in ("de_DE", "fr_FR"):
        catalogue.translation("core", "default", language, "2027-02-01 00:00:00", {"Log In": "y"})


def update_by_hand(fleet: Fleet) -> None:
    for command in (
        "core update --version=7.1.2 --locale=en_US",
        "core update-db",
        f"plugin update {PLUGIN}",
        f"theme update {THEME}",
        "language core install fr_FR",
        "language core update",
    ):
        as_login(fleet, SITE, *command.split())


def check_new(found: Mapping[str, Owned]) -> None:
    """All that the new versions bring is there: else nothing would be compared."""
    assert {
        "wp-includes/new.php",
        "wp-admin/new/deep/a.css",
        "wp-new.php",
        f"wp-content/plugins/{PLUGIN}/new/a/b.css",
        f"wp-content/themes/{THEME}/parts/new.html",
        "wp-content/languages/de_DE.mo",
        "wp-content/languages/fr_FR.mo",
    } <= found.keys()


def content(found: Mapping[str, Owned], path: str) -> str | None:
    return found[path].content if path in found else None


def rights(one: Owned) -> Owned:
    return replace(one, content="")


def worse_off(
    place: Place, before: Mapping[str, Owned], ours: Mapping[str, Owned], by_hand: Mapping[str, Owned]
) -> dict[str, str]:
    """Where the login or the web server may do less than after wp-cli's update, or everybody may do more.

    What is exactly as it was is no worse, such as a file that somebody closed and wp-cli opens again.
    """
    worse = {}
    for path, one in by_hand.items():
        mine = ours.get(path)
        if mine and path in before and rights(mine) == rights(before[path]):
            continue
        if mine is None:
            worse[path] = "is not there"
            continue
        for user in (place.login, "www-data"):
            if lost := may(one, user) & ~may(mine, user):
                worse[path] = f"{user} lost {lost:03b}"
        if more := may(mine, "nobody") & ~may(one, "nobody"):
            worse[path] = f"everybody got {more:03b}"
    return worse
