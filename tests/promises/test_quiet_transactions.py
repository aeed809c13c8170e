"""Promise: translations and the upgrade of a database are looked at, and taken back, as updates are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.crew import Crew
from tests.promises.test_gauntlet import check_well

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

SITE = "acme-blog"
TRANSLATIONS = """\
name: Words
steps:
  - wordpress.languages: {install: [de_DE]}
"""
TABLES = "name: Tables\nsteps:\n  - wordpress.database\n"
WORDS = {"Log In": "Anmelden"}


@pytest.fixture
def crew(fresh_fleet: Fleet, tmp_path: Path) -> Crew:
    return Crew(fresh_fleet, tmp_path / "crew", TRANSLATIONS, TABLES)


@pytest.mark.long
def test_a_translation_that_breaks_the_site_goes_and_the_former_files_are_back(crew: Crew) -> None:
    fleet, root = crew.fleet, crew.fleet.sites[SITE].path
    assert crew.say("run", "words", "-l", SITE).code == 0
    fleet.wp(SITE, "site", "switch-language", "de_DE")
    languages = root / "wp-content/languages"
    before = contents(languages)
    assert "de_DE.mo" in before
    fleet.catalogue.translation("core", "default", "de_DE", "2026-11-20 08:00:00", WORDS, bad="fatal")
    said = crew.say("run", "words", "-l", SITE)
    assert said.code == 5, said.err
    [change] = [c for c in crew.site(SITE)["steps"][0]["changes"] if c["to"]]
    assert (change["item"], change["outcome"]) == ("de_DE core", "undone")
    assert contents(languages) == before
    check_well(fleet, crew)


@pytest.mark.long
def test_a_database_whose_upgrade_breaks_the_site_is_as_it_was(crew: Crew) -> None:
    fleet, root = crew.fleet, crew.fleet.sites[SITE].path
    wanted = fleet.wp(SITE, "option", "get", "db_version").strip()
    fleet.sql(SITE, "update wp_options set option_value = 57000 where option_name = 'db_version'")
    (root / "wp-content/mu-plugins/old.php").write_text(
        f"<?php if ( {wanted} === (int) get_option( 'db_version' ) ) function_that_is_missing();"
    )
    said = crew.say("run", "tables", "-l", SITE)
    [change] = crew.site(SITE)["steps"][0]["changes"]
    assert (change["outcome"], said.code) == ("undone", 5), change["why"]
    assert "57000" in fleet.sql(SITE, "select option_value from wp_options where option_name = 'db_version'")
    check_well(fleet, crew)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
