"""`env` and `wp_args` of a site: what its configuration needs where no web server starts it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from runner.load import fields as f
from runner.load import values
from runner.load.fields import Reads
from runner.load.places import site_url
from runner.load.text import quoted
from runner.load.values import Wrong, line
from runner.model import SecretRef

__all__ = ["StartArgument", "StartValue", "StartVariable"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_OURS = re.compile(
    r"(SITECREW|WP_CLI|LC|LD|BASH|DYLD)_\w*|PATH|HOME|IFS|ENV|SHELL|LANG|TERM|USER|LOGNAME|TMPDIR|PWD|OLDPWD"
    r"|PS[1-4]|PHP_INI_SCAN_DIR|PHPRC|NO_COLOR|SUDO_ASKPASS|CDPATH|POSIXLY_CORRECT"
)
"""What the shell, PHP and our own programs are steered by."""
_LARGEST = 8192
_PLAIN = re.compile(r"--skip-packages|--require=/[^\s:]+")
_HOW = "--url=ADDRESS, --require=/ABSOLUTE/PATH or --skip-packages"


def _variable(value: object) -> str:
    found = line(value)
    if not _NAME.fullmatch(found):
        raise Wrong(f"{quoted(found)} is not a name of an environment variable", "like APP_ENV")
    if _OURS.fullmatch(found):
        raise Wrong(f"{quoted(found)} cannot be set: the shell, PHP or wp-cli would run otherwise")
    return found


def _value(value: object) -> str | SecretRef:
    if isinstance(value, Mapping):
        return values.secret(value)
    found = values.scalar(value, "text")
    if "\0" in found or len(found) > _LARGEST:
        raise Wrong("this cannot be the value of a variable", f"at most {_LARGEST} characters, without a NUL")
    return found


def _argument(value: object) -> str:
    found = line(value)
    if found.startswith("--url="):
        return f"--url={site_url(found.removeprefix('--url='))}"
    if not _PLAIN.fullmatch(found):
        raise Wrong(f"{quoted(found)} is no argument that wp-cli can be given here", _HOW)
    return found


StartVariable = Annotated[str, Reads(_variable, type="string", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
StartValue = Annotated[str | SecretRef, Reads(_value, anyOf=[{"type": "string"}, f.SECRET])]
StartArgument = Annotated[str, Reads(_argument)]
