"""Promise: no update leaves a site broken, and a good one is never taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lab.gauntlet import CASES, SLUG, Case, prepare
from tests.crew import Crew, check_nobody_is_left

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SITE = "acme-blog"
PLAYBOOK = f"""\
name: Gauntlet
steps:
  - wordpress.plugins: {{update: [{SLUG}]}}
    on_failure: continue
  - wordpress.themes: {{update: [{SLUG}]}}
    on_failure: continue
"""
BROKEN = {"undone": 5, "failed": 3, "held": 0, "changed": 0}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_the_verdict_is_right_and_the_site_is_well(fleet: Fleet, tmp_path: Path, case: Case) -> None:
    prepare(fleet, SITE, case)
    crew = Crew(fleet, tmp_path / "crew", PLAYBOOK)
    said = crew.say("run", "gauntlet", "-l", SITE, "--json")
    change = change_of(crew)
    assert (change["outcome"], change["why"]) == (case.expected, change["why"]), said.err
    assert case.because in change["why"]
    assert said.code == BROKEN[case.expected]
    check_well(fleet, crew)
    assert installed(fleet, case) == ("1.1" if case.expected == "changed" else "1.0", "active")


def change_of(crew: Crew) -> dict[str, Any]:
    """What became of the one item."""
    site = crew.site(SITE)
    return next(c for step in site["steps"] for c in step["changes"] if c["item"] == SLUG and c["to"])


def check_well(fleet: Fleet, crew: Crew) -> None:
    """As visitors, wp-admin and REST have it; and nothing is left of our work."""
    site = fleet.sites[SITE]
    page = httpx.get(site.url, timeout=20)
    assert page.status_code == 200
    assert site.expect in page.text
    assert "</html>" in page.text
    assert httpx.get(f"{site.url}/?rest_route=/", timeout=20).json()
    assert httpx.get(f"{site.url}/wp-admin/admin-ajax.php?action=x", timeout=20).status_code == 400
    assert not (site.path / ".maintenance").exists()
    assert not list((site.path / "wp-content").glob(".sitecrew-*/*.bad"))
    check_nobody_is_left(fleet, site.host)
    assert not list(fleet.sent_by_sites.glob("*technical*"))


def installed(fleet: Fleet, case: Case) -> tuple[str, str]:
    kind = case.kind.removesuffix("s")
    fields = fleet.wp(
        SITE, "--skip-plugins", "--skip-themes", kind, "get", SLUG, "--format=csv", "--fields=version,status"
    )
    rows = dict(line.split(",") for line in fields.splitlines()[1:])
    return rows["version"], rows["status"]
