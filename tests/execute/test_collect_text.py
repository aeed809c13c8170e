"""Restore points are deleted by age, also those of sites that are no longer in an inventory."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from runner.execute.texts import text
from runner.shell import assign

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("shell", [["dash"], ["busybox", "ash"]], ids=lambda words: words[0])
def test_old_restore_points_of_any_site_are_deleted(tmp_path: Path, shell: list[str]) -> None:
    points = tmp_path / ".sitecrew/restore"
    for run, site, days in [
        ("r1", "former", 15),
        ("r1", "a\nb", 15),
        ("r2", "former", 15),
        ("r2", "shop", 1),
    ]:
        (points / run / site / "dump").mkdir(parents=True)
        os.utime(points / run / site, (time.time() - days * 86400,) * 2)
    given = {"link": "x", "job_days": 14, "tombstone_days": 400, "restore_days": 14}
    env = {"HOME": str(tmp_path), "LOGNAME": f"nobody-{os.getpid()}", "PATH": os.environ["PATH"]}
    subprocess.run([*shell, "-c", assign(given) + text("collect")], env=env, check=True, capture_output=True)
    left = {path.relative_to(points).as_posix() for path in points.rglob("*") if path.name != "dump"}
    assert left == {"r2", "r2/shop"}
