"""What comes with Sitecrew: the playbooks and the templates of reports."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

__all__ = ["shipped", "shipped_playbooks"]


def shipped(name: str) -> Traversable:
    """The folder `playbooks` or `reports`: of the installed package, else of the repository."""
    packaged = files("runner").joinpath("shipped", name)
    if packaged.is_dir():
        return packaged
    return Path(__file__).resolve().parents[2] / name


def shipped_playbooks() -> dict[str, Traversable]:
    """The shipped playbooks by name."""
    folder = shipped("playbooks")
    if not folder.is_dir():
        return {}
    found = (entry for entry in folder.iterdir() if entry.is_file() and entry.name.endswith(".yaml"))
    return {entry.name.removesuffix(".yaml"): entry for entry in sorted(found, key=lambda e: e.name)}
