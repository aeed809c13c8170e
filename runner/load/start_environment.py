"""`env` and `wp_args` of a site: what it needs when WordPress is started without a web server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from runner.load import fields as f
from runner.load import values
from runner.load.addresses import site_url
from runner.load.fields import Reads
from runner.load.text import quoted
from runner.load.values import Wrong, line
from runner.model import SecretRef

__all__ = ["StartArgument", "StartValue", "StartVariable"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_RESERVED = re.compile(
    r"(SITECREW|WP_CLI|LC|LD|BASH|DYLD)_\w*|PATH|HOME|IFS|ENV|SHELL|LANG|TERM|USER|LOGNAME|TMPDIR|PWD|OLDPWD"
    r"|PS[1-4]|PHP_INI_SCAN_DIR|PHPRC|NO_COLOR|SUDO_ASKPASS|CDPATH|POSIXLY_CORRECT"
)
"""Variables that control the shell, PHP, wp-cli and Sitecrew."""
_LARGEST = 8192
_OTHER_ARGUMENTS = re.compile(r"--skip-packages|--require=/[^\s:]+")
_ALLOWED = "--url=ADDRESS, --require=/ABSOLUTE/PATH or --skip-packages"


def _variable(value: object) -> str:
    found = line(value)
    if not _NAME.fullmatch(found):
        raise Wrong(f"{quoted(found)} is not the name of an environment variable", "like APP_ENV")
    if _RESERVED.fullmatch(found):
        raise Wrong(f"{quoted(found)} cannot be set: it changes how the shell, PHP or wp-cli runs")
    return found


def _value(value: object) -> str | SecretRef:
    if isinstance(value, Mapping):
        return values.secret(value)
    found = values.scalar(value, "text")
    if "\0" in found or len(found) > _LARGEST:
        raise Wrong("the value is too long or contains a NUL", f"at most {_LARGEST} characters")
    return found


def _argument(value: object) -> str:
    found = line(value)
    if found.startswith("--url="):
        return f"--url={site_url(found.removeprefix('--url='))}"
    if not _OTHER_ARGUMENTS.fullmatch(found):
        raise Wrong(f"{quoted(found)} is not an allowed argument of wp-cli", _ALLOWED)
    return found


StartVariable = Annotated[str, Reads(_variable, type="string", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
StartValue = Annotated[str | SecretRef, Reads(_value, anyOf=[{"type": "string"}, f.SECRET])]
StartArgument = Annotated[str, Reads(_argument)]
