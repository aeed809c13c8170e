"""What names and versions of packages look like: other words of a host reach no command and no screen."""

from __future__ import annotations

import re

from runner.errors import HostError
from runner.untrusted import sentence

__all__ = ["checked_package", "is_package", "is_version"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}(?::[a-z0-9-]{1,32})?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+:~^-]{0,199}")


def is_package(name: str) -> bool:
    """Whether dpkg or rpm could have a package of this name, with its architecture or without."""
    return _NAME.fullmatch(name) is not None


def is_version(version: str) -> bool:
    """Whether dpkg or rpm could have a package of this version."""
    return _VERSION.fullmatch(version) is not None


def checked_package(name: str, *versions: str) -> None:
    """Accept what a host offers; a version may be empty where nothing is installed.

    Raises:
        HostError: it is no name of a package, or no version of one.
    """
    wrong = "" if is_package(name) else name or "''"
    wrong = wrong or next((version for version in versions if version and not is_version(version)), "")
    if wrong:
        raise HostError(
            f"the host offers something that is no package: {sentence(ascii(wrong)[1:-1], 80)}",
            hint="look at its package sources",
        )
