"""Promise: where a site looks unhealthy on purpose, good updates stay and bad ones are found."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lab.designs import DESIGNS, PLUGIN, Design, designed, install_anew, put_up
from lab.gauntlet import CASES
from lab.habits import good_updates
from tests.crew import Crew, Said, check_host_is_clean, ended
from tests.promises.test_gauntlet import tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from lab import Fleet

pytestmark = [pytest.mark.fleet, pytest.mark.long]

SITE = "acme-blog"
THEME = "millstone"
PATIENCE = 3600.0
WINDOW = """\
name: Window
steps:
  - wordpress.plugins: {update: [%s]}
    on_failure: continue
"""
REST = f"""\
  - wordpress.themes: {{update: [{THEME}]}}
    on_failure: continue
  - wordpress.core: {{update: all}}
    on_failure: continue
"""
CODE = {case.name: case.php for case in CASES}


def first(code: str) -> str:
    """A fault before whatever the design shows."""
    return f"add_action( 'template_redirect', function () {{ {code} }}, 1 );"


OPENS = "add_action( 'init', function () { remove_all_actions( 'template_redirect' ); } );"
SEEN = {
    **{
        name: CODE[name]
        for name in (
            "fatal on load",
            "parse error",
            "memory exhausted",
            "fatal in wp-admin only",
            "fatal in cron only",
            "deletes another plugin",
        )
    },
    "500 in front": first("weathervane_is_missing();"),
    "white page in front": first("exit;"),
    "redirect loop in front": first("wp_redirect( home_url( '/?loop=' . wp_rand() ) ); exit;"),
}
"""Faults that can be seen wherever they are."""
ALSO = {
    "members": {
        "the login page is fatal": "add_action( 'login_init', function () { weathervane_is_missing(); } );",
        "the login form is gone": "add_action( 'login_init', function () { echo '<p>Hello</p>'; exit; } );",
        "everybody may read": OPENS,
    },
    "quotes errors": {
        "a real critical error": first(
            "wp_die( '<p>There has been a critical error on this website.</p>', '', 200 );"
        ),
        "a real lack of a database": first(
            "wp_die( '<h1>Error establishing a database connection</h1>', '', 200 );"
        ),
    },
    "headless, leads away": {
        "leads somewhere else": first("wp_redirect( 'https://other.example/' ); exit;"),
        "leads nowhere": OPENS,
    },
    "headless, 404": {
        "finds a page": first("echo '<!DOCTYPE html><html><body>Hello world</body></html>'; exit;")
    },
    "soon": {"opens the shop": OPENS},
    "soon by wp_die": {
        "shows an error instead": first(
            "wp_die( '<h1>Error establishing a database connection</h1>', '', 503 );"
        )
    },
}
"""Faults of a kind that a design invites."""


def bad_updates(design: Design) -> dict[str, str]:
    rest = "fatal in REST only" if design.rest else "deactivates itself"
    return {**SEEN, rest: CODE[rest], **ALSO.get(design.name, {})}


@pytest.fixture(params=DESIGNS, ids=lambda design: design.name.replace(" ", "-"))
def design(fleet: Fleet, request: pytest.FixtureRequest) -> Iterator[Design]:
    """The site as the design has it."""
    found: Design = request.param
    fleet.catalogue.reset()
    fleet.reset(SITE)
    put_up(fleet, SITE, found)
    with designed(fleet, SITE, found):
        assert httpx.get(fleet.sites[SITE].url, timeout=20).status_code == found.status
        yield found
    fleet.reset(SITE)
    fleet.catalogue.reset()


def test_fifty_good_updates_in_one_window_all_stay(fleet: Fleet, tmp_path: Path, design: Design) -> None:
    slugs = offer_good(fleet, f"window {design.name}", 48 - bool(design.php))
    slugs += offer_newer(fleet, design)
    fleet.catalogue.theme(THEME, "1.6.0", name="Millstone", accent="#224466")
    before = front(fleet)
    crew = Crew(fleet, tmp_path / "crew", WINDOW % ", ".join(slugs) + REST)
    said = run(crew, "window")
    check_kept(crew, said, 50)
    assert front(fleet) == before


def test_six_good_updates_one_by_one_all_stay(fleet: Fleet, tmp_path: Path, design: Design) -> None:
    slugs = offer_good(fleet, f"one by one {design.name}", 6 - bool(design.php))
    slugs += offer_newer(fleet, design)
    before = front(fleet)
    crew = Crew(fleet, tmp_path / "crew", one_by_one(slugs))
    said = run(crew, "one")
    check_kept(crew, said, 6)
    assert front(fleet) == before


def test_each_bad_update_is_taken_back(fleet: Fleet, tmp_path: Path, design: Design) -> None:
    bad = offer_bad(fleet, design)
    before, files = front(fleet), tree(fleet, SITE)
    crew = Crew(fleet, tmp_path / "crew", one_by_one(bad))
    said = run(crew, "one")
    found = changes(crew)
    assert {bad[slug]: found[slug]["why"] for slug in bad if found[slug]["outcome"] != "undone"} == {}
    assert said.code == 5, said.err
    assert tree(fleet, SITE) == files
    assert front(fleet) == before


def test_of_sixty_updates_the_bad_ones_are_found(fleet: Fleet, tmp_path: Path, design: Design) -> None:
    bad = dict(list(offer_bad(fleet, design).items())[:10])
    good = offer_good(fleet, f"sixty {design.name}", 50)
    before = front(fleet)
    crew = Crew(fleet, tmp_path / "crew", WINDOW % ", ".join(mixed([*bad, *good])))
    said = run(crew, "window")
    outcomes = {slug: change["outcome"] for slug, change in changes(crew).items()}
    assert {s: (bad.get(s), o) for s, o in outcomes.items() if (o == "undone") != (s in bad)} == {}
    assert [slug for slug in good if outcomes[slug] != "changed"] == []
    assert said.code == 5, said.err
    assert front(fleet) == before


def test_the_lines_that_doctor_prints_are_right_and_make_it_silent(
    fleet: Fleet, tmp_path: Path, design: Design
) -> None:
    good, bad = offer_good(fleet, f"stated {design.name}", 1), [*offer_bad(fleet, design)][6:7]
    before = front(fleet)
    crew = Crew(fleet, tmp_path / "crew", one_by_one([*good, *bad]))
    crew.settings("limits: {look: 3s}\n")
    lines = re.findall(r"in the inventory: ((?:pages|rest): .*)", crew.say("doctor", "-l", SITE).out)
    assert lines or design.name == "REST refuses"
    path = f"path: {fleet.sites[SITE].path}\n"
    crew.edit("inventory.yaml", path, "\n        ".join((path.strip(), *lines)) + "\n")
    said = crew.say("doctor", "-l", SITE)
    assert said.code == 0, said
    assert "looks unhealthy" not in said.out
    assert "usual for it" not in said.out
    assert "1 page as expected" in said.out
    run(crew, "one")
    assert [change["outcome"] for change in changes(crew).values()] == ["changed", "undone"]
    assert front(fleet) == before


def offer_good(fleet: Fleet, seed: str, count: int) -> list[str]:
    """Installs 1.0 of each and offers 1.1."""
    slugs = []
    for good in good_updates(seed, count):
        fleet.catalogue.plugin(good.slug, "1.0", php=good.old, files=good.files)
        install_anew(fleet, SITE, good.slug, "1.0")
        fleet.catalogue.plugin(good.slug, "1.1", php=good.php, files=good.files)
        slugs.append(good.slug)
    fleet.wp(SITE, "plugin", "activate", *slugs)
    return slugs


def offer_newer(fleet: Fleet, design: Design) -> list[str]:
    """The next version of what makes the site look so; none where that is no plugin."""
    if not design.newer:
        return []
    fleet.catalogue.plugin(PLUGIN, "1.1", php=design.newer)
    return [PLUGIN]


def offer_bad(fleet: Fleet, design: Design) -> dict[str, str]:
    """The name of each fault, by the slug of the plugin that has it."""
    slugs = {}
    for number, (name, php) in enumerate(bad_updates(design).items()):
        slug = f"bad-{number:02}"
        fleet.catalogue.plugin(slug, "1.0", php="// quiet")
        install_anew(fleet, SITE, slug, "1.0")
        fleet.catalogue.plugin(slug, "1.1", php=php)
        slugs[slug] = name
    fleet.wp(SITE, "plugin", "activate", *slugs)
    return slugs


def one_by_one(slugs: Sequence[str] | Mapping[str, str]) -> str:
    steps = "".join(
        f"  - wordpress.plugins: {{update: [{slug}]}}\n    on_failure: continue\n" for slug in slugs
    )
    return f"name: One\nsteps:\n{steps}"


def mixed(slugs: Sequence[str]) -> list[str]:
    """In an order of its own, the same at every run."""
    return sorted(slugs, key=lambda slug: slug[::-1])


def run(crew: Crew, playbook: str) -> Said:
    began = time.monotonic()
    said = ended(crew.start("run", playbook, "-l", SITE), PATIENCE)
    check_host_is_clean(crew.fleet, crew.fleet.sites[SITE].host)
    found = changes(crew)
    outcomes = [change["outcome"] for change in found.values()]
    steps = crew.site(SITE)["steps"]
    print(  # noqa: T201 - the figures of a round
        f"{len(found)} updates: {outcomes.count('changed')} stayed, {outcomes.count('undone')} taken back, "
        f"{sum(step['trials'] for step in steps)} trials, {sum(step['looks'] for step in steps)} looks, "
        f"{time.monotonic() - began:.0f} s"
    )
    return said


def changes(crew: Crew) -> dict[str, dict[str, Any]]:
    steps = crew.site(SITE)["steps"]
    # in a step's own list is what the playbook does not name too
    return {c["item"]: c for step in steps for c in step["changes"] if c["to"] and c["kind"] != "database"}


def check_kept(crew: Crew, said: Said, count: int) -> None:
    found = changes(crew)
    assert {slug: (c["outcome"], c["why"]) for slug, c in found.items() if c["outcome"] != "changed"} == {}, (
        said
    )
    assert len(found) == count
    assert said.code == 0, said.err


def front(fleet: Fleet) -> dict[str, object]:
    """How visitors and programs are answered."""
    return {
        page: answered(fleet.sites[SITE].url + page)
        for page in ("/", "/?rest_route=/", "/nowhere/", "/feed/")
    }


def answered(url: str) -> object:
    try:
        answer = httpx.get(url, timeout=20)
    except httpx.RemoteProtocolError:
        return "no answer"
    # by which of the redirects that are no lasting ones says nothing to visitors
    kind = 302 if answer.status_code in {301, 302} else answer.status_code
    return kind, answer.headers.get("location", "").partition("?")[0], bool(answer.content.strip())
