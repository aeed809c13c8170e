"""References to secrets. The model never contains the values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["SecretRef", "SecretSource"]


class SecretSource(StrEnum):
    """Where the value is read from when it is needed."""

    ENV = "env"
    FILE = "file"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class SecretRef:
    """A reference to an environment variable, a file's content or a command's output."""

    source: SecretSource
    value: str
