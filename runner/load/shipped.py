"""Files that come with Sitecrew beside its code: playbooks, and the templates and catalogues of reports."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from runner.load.folder import is_playbook

__all__ = ["shipped", "shipped_playbooks"]


def shipped(name: str) -> Traversable:
    """The file or folder of that name, like `reports` or `playbooks/weekly.yaml`.

    A wheel holds them inside the package; in a checkout they are beside it.
    """
    packaged = files("runner") / "shipped"
    root = packaged if packaged.is_dir() else Path(__file__).resolve().parents[2]
    return root.joinpath(*name.split("/"))


def shipped_playbooks() -> dict[str, Traversable]:
    """The shipped playbooks by name."""
    folder = shipped("playbooks")
    if not folder.is_dir():
        return {}
    found = (entry for entry in folder.iterdir() if entry.is_file() and is_playbook(entry.name))
    return {entry.name.removesuffix(".yaml"): entry for entry in sorted(found, key=lambda e: e.name)}
