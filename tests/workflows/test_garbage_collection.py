"""A run deletes old restore points on its hosts."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

from tests.crew import Crew

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

UPDATE = "name: Update\nsteps:\n  - wordpress.plugins: {update: [harbour-forms]}\n"
DAY = 86400.0


def test_only_old_restore_points_are_deleted(fresh_fleet: Fleet, tmp_path: Path) -> None:
    site = fresh_fleet.sites["acme-blog"]
    user, folder = fresh_fleet.spec.user(site.host), fresh_fleet.spec.home(site.host) / ".sitecrew"
    for run, days in (("old", 15.0), ("young", 13.0)):
        point = folder / f"restore/{run}/acme-blog"
        (point / "dump").mkdir(parents=True)
        os.utime(point, (time.time() - days * DAY,) * 2)
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, user, user)
    result = Crew(fresh_fleet, tmp_path / "w", UPDATE).say("run", "update", "-l", "acme-blog", "--json")
    assert result.code == 0, result
    left = {path.name for path in (folder / "restore").iterdir()}
    assert "young" in left
    assert len(left - {"old"}) == len(left) == 2, "the other one belongs to this run"
