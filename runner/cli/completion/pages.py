"""The pages of the documentation by their file names."""

from __future__ import annotations

import os

__all__ = ["docs_pages"]

_APART = "developers"
"""Pages for developers are in the repository only."""


def docs_pages() -> dict[str, str]:
    """Return the names of the pages, those in folders with the folder; nothing if they are not installed."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    for root in (f"{package}/shipped", os.path.dirname(package)):  # noqa: PTH120
        if os.path.isdir(f"{root}/docs"):  # noqa: PTH112
            return dict.fromkeys(sorted(_names(f"{root}/docs")), "")
    return {}


def _names(folder: str, before: str = "") -> list[str]:
    found = []
    for entry in os.scandir(folder):
        if entry.name.endswith(".md") and entry.name != "README.md":
            found.append(before + entry.name.removesuffix(".md"))
        elif entry.is_dir() and entry.name != _APART and not before:
            found += _names(entry.path, f"{entry.name}/")
    return found
