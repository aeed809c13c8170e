"""A host's public key."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

__all__ = ["HostKey"]


@dataclass(frozen=True, slots=True)
class HostKey:
    """A public key in SSH's wire format: the name of its type and its bytes."""

    type: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """The fingerprint as `ssh-keygen -l` prints it: ``SHA256:`` and 43 characters."""
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode()
        return f"SHA256:{digest.rstrip('=')}"

    @property
    def text(self) -> str:
        """Type and base64, as in a line of known_hosts."""
        return f"{self.type} {base64.b64encode(self.blob).decode()}"
