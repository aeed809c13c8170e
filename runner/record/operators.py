"""Who acts: the operator's name, and the login on this machine."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from runner.untrusted import sentence

__all__ = ["SCHEDULER", "Operator", "operator_here"]

SCHEDULER = "scheduler"
"""The operator of what `serve` and `tick` start."""
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Operator:
    """`name` is claimed (by default the login), `login` is what the system reports, `host` this machine."""

    name: str
    login: str
    host: str


def operator_here(name: str = "", environ: Mapping[str, str] | None = None) -> Operator:
    """Return the operator: `name` (from `--as`), else SITECREW_OPERATOR, else the login."""
    environ = os.environ if environ is None else environ
    try:
        login = getpass.getuser()
    except (KeyError, OSError):
        login = f"uid {os.getuid()}"
    before = environ.get("SUDO_USER", "")
    known = f"{login} (sudo by {before})" if before and before != login else login
    chosen = name or environ.get("SITECREW_OPERATOR", "") or before or login
    return Operator(
        name=sentence(chosen, _LONGEST) or "unnamed",
        login=sentence(known, _LONGEST),
        host=sentence(socket.gethostname(), _LONGEST),
    )
