"""Static sites that a release has turned into a link are made folders again."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["forget_releases"]


def forget_releases(path: Path) -> None:
    """Takes away the link at a site's path, and the releases beside it; a folder there is left alone."""
    if path.is_symlink():
        path.unlink()
        path.mkdir()
    for old in (path.with_name(f"{path.name}.releases"), path.with_name(f"{path.name}.next")):
        if old.is_symlink():
            old.unlink()
        shutil.rmtree(old, ignore_errors=True)
