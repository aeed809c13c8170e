"""A reference to a secret. The value itself never enters the model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["SecretRef", "SecretSource"]


class SecretSource(StrEnum):
    """Where the value is fetched from when it is needed."""

    ENV = "env"
    FILE = "file"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Names a secret: an environment variable, a file's content or a command's output."""

    source: SecretSource
    value: str
