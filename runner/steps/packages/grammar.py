"""Validation of package names and versions, so that hostile ones reach neither a command nor a screen."""

from __future__ import annotations

import re

from runner.errors import HostError
from runner.untrusted import sentence

__all__ = ["checked_package", "is_package", "is_version"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}(?::[a-z0-9-]{1,32})?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+:~^-]{0,199}")


def is_package(name: str) -> bool:
    """Return whether this is a valid name for dpkg or rpm, with or without an architecture."""
    return _NAME.fullmatch(name) is not None


def is_version(version: str) -> bool:
    """Return whether this is a valid version for dpkg or rpm."""
    return _VERSION.fullmatch(version) is not None


def checked_package(name: str, *versions: str) -> None:
    """Check the name and versions of a package from a host. A version can be empty: not installed.

    Raises:
        HostError: the name or a version is not valid.
    """
    wrong = "" if is_package(name) else name or "''"
    wrong = wrong or next((version for version in versions if version and not is_version(version)), "")
    if wrong:
        raise HostError(
            f"the host lists an invalid package name or version: {sentence(ascii(wrong)[1:-1], 80)}",
            hint="check its package sources",
        )
