"""The user whose demo it is: with sudo, the one who called it. The workspace and its files are theirs."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["User"]


@dataclass(frozen=True, slots=True)
class User:
    """A unix user, and whether root acts for them."""

    name: str
    uid: int
    gid: int
    home: Path
    by_sudo: bool

    @classmethod
    def current(cls) -> User:
        """Who called sudo, or else who runs this process."""
        by_sudo = os.geteuid() == 0 and os.environ.get("SUDO_UID", "0") != "0"
        known = pwd.getpwuid(int(os.environ["SUDO_UID"]) if by_sudo else os.geteuid())
        return cls(known.pw_name, known.pw_uid, known.pw_gid, Path(known.pw_dir), by_sudo)

    def start(self, argv: Sequence[str | Path], folder: Path, **options: Any) -> subprocess.Popen[bytes]:
        """Start a program as this user."""
        if not self.by_sudo:
            return subprocess.Popen(argv, cwd=folder, **options)
        env = {**os.environ, "HOME": str(self.home), "USER": self.name, "LOGNAME": self.name}
        # Root writes no compiled modules into this user's folders; the user may.
        for name in ("PYTHONDONTWRITEBYTECODE", "SUDO_UID", "SUDO_GID", "SUDO_USER", "SUDO_COMMAND"):
            env.pop(name, None)
        groups = os.getgrouplist(self.name, self.gid)
        return subprocess.Popen(
            argv, cwd=folder, env=env, user=self.uid, group=self.gid, extra_groups=groups, **options
        )

    def own(self, *paths: Path) -> None:
        """Give what root has written to this user."""
        if self.by_sudo:
            for path in paths:
                os.chown(path, self.uid, self.gid, follow_symlinks=False)
