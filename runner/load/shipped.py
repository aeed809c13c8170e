"""Data files of the package: playbooks, and the templates and translations of reports."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from runner.load.folder import is_yaml_file

__all__ = ["shipped", "shipped_playbooks"]


def shipped(name: str) -> Traversable:
    """Return a shipped file or folder, like `reports` or `playbooks/weekly.yaml`.

    They are inside the package in a wheel, and next to it in a checkout.
    """
    packaged = files("runner") / "shipped"
    root = packaged if packaged.is_dir() else Path(__file__).resolve().parents[2]
    return root.joinpath(*name.split("/"))


def shipped_playbooks() -> dict[str, Traversable]:
    """Return the shipped playbooks by name."""
    folder = shipped("playbooks")
    if not folder.is_dir():
        return {}
    found = (entry for entry in folder.iterdir() if entry.is_file() and is_yaml_file(entry.name))
    return {entry.name.removesuffix(".yaml"): entry for entry in sorted(found, key=lambda e: e.name)}
