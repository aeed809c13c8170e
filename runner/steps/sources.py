"""The shell code of the steps, kept in `.sh` files in a folder `sh` next to the modules."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

__all__ = ["shell_source"]

_PLACEHOLDER = re.compile("@([a-z_]+)@")


def shell_source(package: str, name: str, **values: str) -> str:
    """Return the text of `sh/NAME.sh` in `package`, with each `@key@` replaced by the value of that key.

    The values are shell text: quote them first with `runner.shell`. They are not searched for placeholders.
    """
    text = _read(package, name)
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text) if values else text


@cache
def _read(package: str, name: str) -> str:
    return files(package).joinpath("sh", f"{name}.sh").read_text(encoding="utf-8")
