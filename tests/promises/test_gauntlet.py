"""Promise: no update leaves a site broken, and a good one is never taken back."""

from __future__ import annotations

import hashlib
import os
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lab.gauntlet import CASES, SLUG, Case, prepare, trouble
from tests.crew import Crew, check_nobody_is_left

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab import Fleet
    from tests.crew import Said

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
ASIDE = {("wp-content", name) for name in ("upgrade", "upgrade-temp-backup", "cache")}
"""Places for a moment."""
OPTIONS = (
    "home",
    "siteurl",
    "active_plugins",
    "stylesheet",
    "template",
    "admin_email",
    "weathervane_started",
)
PAGE = """\
# Updates that misbehave

Sitecrew is tested with updates that misbehave. Each is a real package, installed on a real site by
`sitecrew run`. The table shows what the health check found and what Sitecrew did. Afterwards the site is
healthy in every case, and if the update did not stay, its files and options are the same to the byte as
before.

Seconds are counted from the verdict to the health check that finds the site healthy, on a small and busy
machine.

How a site is judged: [health checks](../health-checks.md). What follows: [transactions](../transactions.md).

This table is written by `tests/promises/test_gauntlet.py` into the file that `GAUNTLET_PAGE` names.

| case | health check | what was done | seconds until healthy |
|---|---|---|---|"""
USUAL = {
    "white page",
    "killed in the middle",
    "theme is fatal",
    "good",
}
"""Cases that `scripts/test` runs; the others are `long`."""
DONE = {
    "undone": "rolled back, held",
    "failed": "failed, site unchanged",
    "held": "held, not started",
    "changed": "kept",
}
BROKEN = {"undone": 5, "failed": 3, "held": 0, "changed": 0}


def marks(case: Case) -> list[pytest.MarkDecorator]:
    """`long` for what `scripts/test` leaves out; for every case when the page is written."""
    return [] if case.name in USUAL and not os.environ.get("GAUNTLET_PAGE") else [pytest.mark.long]


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=marks(case), id=case.name.replace(" ", "-")) for case in CASES]
)
def test_the_verdict_is_right_and_the_site_is_well(fleet: Fleet, tmp_path: Path, case: Case) -> None:
    prepare(fleet, SITE, case)
    crew = Crew(fleet, tmp_path / "crew", PLAYBOOK)
    configure(crew, case)
    before = tree(fleet, SITE)
    with trouble(fleet, SITE, case):
        said = crew.say("run", "gauntlet", "-l", SITE, "--json")
        change = change_of(crew)
        assert (change["outcome"], change["why"]) == (case.expected, change["why"]), said.err
        assert case.because in change["why"]
        assert said.code == BROKEN[case.expected]
        check_well(fleet, crew)
        write_row(case, row(fleet, case, change, said))
        assert installed(fleet, case) == ("1.1" if case.expected == "changed" else "1.0", "active")
        if case.expected != "changed":
            assert tree(fleet, SITE) == before


def write_row(case: Case, text: str) -> None:
    """Put it into docs/developers/gauntlet.md, where GAUNTLET_PAGE names that file."""
    if name := os.environ.get("GAUNTLET_PAGE"):
        path = Path(name)
        lines = path.read_text().splitlines() if path.exists() else []
        rows = {line.split(" | ")[0].removeprefix("| "): line for line in lines} | {case.name: text}
        path.write_text("\n".join((PAGE, *(rows[one.name] for one in CASES if one.name in rows), "")))


def row(fleet: Fleet, case: Case, change: Mapping[str, Any], said: Said) -> str:
    """What the signals said, what was done, and the seconds from the verdict to a site that is well again."""
    at = {event["event"] + event.get("phase", ""): event["at"] for event in said.events}
    seconds = "-"
    if change["outcome"] == "undone":
        judged, well = (datetime.fromisoformat(at[name]) for name in ("trial.judged", "look.takenundo"))
        seconds = f"{(well - judged).total_seconds():.1f}"
    why = change["why"].replace(f"{fleet.sites[SITE].path}/", "")
    signals = re.sub(r"127\.0\.\d+\.\d+(:\d+)?", "shop.example", why) or "no regression"
    return f"| {case.name} | {signals.replace('|', chr(92) + '|')} | {DONE[change['outcome']]} | {seconds} |"


def configure(crew: Crew, case: Case) -> None:
    """What the case asks of the inventory and of the settings."""
    if case.pages != ("/",):
        pages = "".join(f"\n          - {page}" for page in case.pages)
        path = f"path: {crew.fleet.sites[SITE].path}"
        crew.edit("inventory.yaml", f"{path}\n", f"{path}\n        pages:{pages}\n")
    if case.look:
        crew.settings(f"limits: {{look: {case.look}}}\n")


def tree(fleet: Fleet, site: str) -> dict[str, object]:
    """The site's files, each by its mode and what is in it, and the options that matter."""
    rows = fleet.sql(site, "SELECT option_name, option_value FROM wp_options")
    options = sorted(row for row in rows.splitlines() if row.split("\t")[0] in OPTIONS)
    return files_of(fleet.sites[site].path) | {"options": options}


def files_of(root: Path) -> dict[str, object]:
    """Each file and folder by its mode, owner and what is in it."""
    return {
        str(path.relative_to(root)): (
            path.lstat().st_mode,
            path.lstat().st_uid,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in (root, *root.rglob("*"))
        if path.relative_to(root).parts[:2] not in ASIDE
    }


def change_of(crew: Crew) -> dict[str, Any]:
    """What became of the one item."""
    site = crew.site(SITE)
    return next(c for step in site["steps"] for c in step["changes"] if c["item"] == SLUG and c["to"])


def check_well(fleet: Fleet, crew: Crew, name: str = SITE) -> None:
    """As visitors, wp-admin and REST have it; and nothing is left of our work."""
    site = fleet.sites[name]
    page = httpx.get(site.url, timeout=20)
    assert page.status_code == 200
    assert site.expect in page.text
    assert "</html>" in page.text
    assert httpx.get(f"{site.url}/?rest_route=/", timeout=20).json()
    assert httpx.get(f"{site.url}/wp-admin/admin-ajax.php?action=x", timeout=20).status_code == 400
    assert not (site.path / ".maintenance").exists()
    assert not list((site.path / "wp-content").glob(".sitecrew-*/*.bad"))
    check_nobody_is_left(fleet, site.host)
    mails = (path.read_text(errors="replace") for path in fleet.sent_by_sites.iterdir())
    assert not any("Technical Issue" in mail for mail in mails), "the client's administrator was alarmed"


def installed(fleet: Fleet, case: Case) -> tuple[str, str]:
    kind = case.kind.removesuffix("s")
    fields = fleet.wp(
        SITE, "--skip-plugins", "--skip-themes", kind, "get", SLUG, "--format=csv", "--fields=version,status"
    )
    rows = dict(line.split(",") for line in fields.splitlines()[1:])
    return rows["version"], rows["status"]
