"""Promise: a static site that looks unhealthy on purpose is compared with what is usual for it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lab import Fleet

pytestmark = [pytest.mark.fleet, pytest.mark.long]

SITE = "globex-docs"
BOOK = "name: Docs\nsteps:\n  - static.release: {from: dist, adopt: true}\n"
RULES = {
    404: "        error_page 403 404 =404 /nothing.html;\n",
    302: "        location = / {\n            return 302 https://app.example/start;\n        }\n",
}
"""Lines of the server block, by how the front page answers then."""
PAGE = "<!DOCTYPE html><html><body><p>Manuals for every instrument are below %s; ask us.</p></body></html>"
MUCH = {"manual.txt": "A manual. " * 500}
OLD = {**MUCH, "en.html": PAGE % "/en/", "nothing.html": PAGE % "/en/ and /fr/"}
GOOD = {**MUCH, "en.html": PAGE % "/en/, in its second edition", "nothing.html": PAGE % "/en/, /fr/ and /it/"}
BAD = {404: {**GOOD, "nothing.html": ""}, 302: {**GOOD, "en.html": "<p>Oops</p>"}}


@contextmanager
def served(fleet: Fleet, status: int) -> Iterator[None]:
    fleet.web.doors[SITE] = RULES[status]
    fleet.web.start_nginx()
    try:
        yield
    finally:
        del fleet.web.doors[SITE]
        fleet.web.start_nginx()


def fill(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name, text in files.items():
        (folder / name).write_text(text)


@pytest.mark.parametrize("status", RULES)
def test_a_good_release_stays_and_a_bad_one_is_switched_back(
    fresh_fleet: Fleet, tmp_path: Path, status: int
) -> None:
    site = fresh_fleet.sites[SITE]
    fill(site.path, OLD)
    crew = Crew(fresh_fleet, tmp_path / "crew", BOOK)
    crew.edit("inventory.yaml", f"path: {site.path}\n", f"path: {site.path}\n        pages: [/, /en.html]\n")
    outcomes = []
    with served(fresh_fleet, status):
        assert httpx.get(site.url, timeout=20).status_code == status
        for files in (GOOD, BAD[status], {**GOOD, "index.html": PAGE % "here"}):
            fill(crew.folder / "dist", files)
            said = crew.say("run", "docs", "-l", SITE)
            (step,) = crew.site(SITE)["steps"]
            outcomes.append((said.code, step["outcome"]))
            assert "second edition" in (site.path / "en.html").read_text(), said
    assert outcomes == [(0, "changed"), (5, "undone"), (0, "changed")]
