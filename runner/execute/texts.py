"""The driver's shell scripts as they are sent: without comments, blank lines and indentation."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

__all__ = ["text"]


@cache
def text(*names: str) -> str:
    """Return the named scripts of `driver/`, concatenated."""
    folder = files(__package__) / "driver"
    return "".join(_strip((folder / f"{name}.sh").read_text(encoding="utf-8")) for name in names)


def _strip(source: str) -> str:
    lines = (line.strip() for line in source.splitlines())
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("#"))
