"""Data beside the code: links in a plugin's, a theme's or WordPress's own folder that lead out of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from lab.shell import run

if TYPE_CHECKING:
    from lab.fleet import Fleet

__all__ = ["contents", "share"]


def share(fleet: Fleet, site: str, item: str) -> Path:
    """Links of several kinds in a folder of a site; returns the shared folder that they lead to.

    `item` is the folder, relative to the site's own. The shared folder lies beside the site.
    """
    web = fleet.sites[site].path
    shared, folder = web.with_name("shared data"), web / item
    (shared / "deep/er").mkdir(parents=True, exist_ok=True)
    (shared / "prices.csv").write_text("loaf;3.40\n")
    (shared / "deep/er/picture.bin").write_bytes(bytes(range(256)) * 40)
    (folder / "own").mkdir(exist_ok=True)
    (folder / "own/file.txt").write_text("its own\n")
    up = "../" * (len(Path(item).parts) + 1)
    links = {
        "data": f"{up}shared data",
        "own/a b\nc": str(shared / "deep"),
        "prices.csv": str(shared / "prices.csv"),
        "gone": "/nonexistent/place",
        "readme.txt": str(shared / "prices.csv"),
        "inside": "own",
    }
    for name, to in links.items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(to)
    for place in (shared, folder):
        run("chown", "-hR", f"{web.owner()}:{web.group()}", place)
    return shared


def contents(folder: Path) -> dict[str, str]:
    """Each entry below a folder: the hash of a file, the text of a link."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[name] = "folder"
    return found
