"""Promise: a trial leaves nothing of itself, and a failure that is not seen again is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.crew import Crew

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = [pytest.mark.fleet, pytest.mark.long]

SITE = "acme-blog"
SLUGS = ("turnstile-one", "turnstile-two", "turnstile-three")
PLAYBOOK = f"name: Update\nsteps:\n  - wordpress.plugins: {{update: [{', '.join(SLUGS)}]}}\n"
QUIET = "add_action( 'wp_footer', function () { echo '<!-- turnstile -->'; } );"
ONCE = """add_action( 'init', function () {
	if ( ! %s ) { %s; update_option( 'home', 'http://127.0.0.1:9' ); }
} );"""
OPTION = ONCE % ("get_option( 'turnstile_started' )", "update_option( 'turnstile_started', 1 )")
FILE = ONCE % (
    "is_file( WP_CONTENT_DIR . '/uploads/turnstile' )",
    "file_put_contents( WP_CONTENT_DIR . '/uploads/turnstile', '1' )",
)


def updated(fleet: Fleet, folder: Path, php: str, code: int) -> tuple[Crew, Any]:
    """Three updates, of which the second damages the site when it starts for the first time."""
    fleet.catalogue.reset()
    for slug in SLUGS:
        fleet.catalogue.plugin(slug, "1.0", php=QUIET)
        fleet.install(SITE, "plugins", slug, "1.0")
        fleet.wp(SITE, "plugin", "activate", slug)
        fleet.catalogue.plugin(slug, "1.1", php=php if slug == SLUGS[1] else QUIET)
    crew = Crew(fleet, folder / "crew", PLAYBOOK)
    said = crew.say("run", "update", "-l", SITE)
    assert said.code == code, said
    (step,) = crew.site(SITE)["steps"]
    return crew, step


def test_a_flag_in_the_options_goes_back_with_the_trial(fresh_fleet: Fleet, tmp_path: Path) -> None:
    fresh_fleet.wp(SITE, "option", "update", "turnstile_other", "kept")
    _, step = updated(fresh_fleet, tmp_path, OPTION, 5)
    found = {change["item"]: change["outcome"] for change in step["changes"]}
    assert found == {SLUGS[0]: "changed", SLUGS[1]: "undone", SLUGS[2]: "changed"}
    names = fresh_fleet.sql(SITE, "SELECT option_name FROM wp_options WHERE option_name LIKE 'turnstile%'")
    assert names.split() == ["turnstile_other"]


def test_a_failure_that_is_not_seen_again_is_told(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew, step = updated(fresh_fleet, tmp_path, FILE, 0)
    assert {change["outcome"] for change in step["changes"]} == {"changed"}
    assert "the first trial failed: home is now http://127.0.0.1:9" in step["why"]
    assert step["why"].endswith("not seen again")
    assert "the first trial failed: home is now" in crew.say("show").out
    period = f"{datetime.now(UTC):%Y-%m}"
    report = crew.say("report", "acme", "--period", period, "--json").json
    (point,) = [point for point in report["undone"] if point["outcome"] == "undone"]
    assert point["why"].startswith("the first trial failed: home is now")
    assert not point["open"]
