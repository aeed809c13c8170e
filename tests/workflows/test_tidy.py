"""What nobody needs any more is taken away on a host that a run changes."""

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


def test_restore_points_older_than_two_weeks_go_and_younger_ones_stay(
    fresh_fleet: Fleet, tmp_path: Path
) -> None:
    site = fresh_fleet.sites["acme-blog"]
    user, room = fresh_fleet.spec.user(site.host), fresh_fleet.spec.home(site.host) / ".sitecrew"
    for run, days in (("old", 15.0), ("young", 13.0)):
        point = room / f"restore/{run}/acme-blog"
        (point / "dump").mkdir(parents=True)
        os.utime(point, (time.time() - days * DAY,) * 2)
    for path in (room, *room.rglob("*")):
        shutil.chown(path, user, user)
    said = Crew(fresh_fleet, tmp_path / "w", UPDATE).say("run", "update", "-l", "acme-blog", "--json")
    assert said.code == 0, said
    left = {path.name for path in (room / "restore").iterdir()}
    assert "young" in left
    assert len(left - {"old"}) == len(left) == 2, "the other is that of this run"
