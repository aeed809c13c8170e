"""``RevokedHostKeys``: a list of keys, or a KRL, that ssh-keygen reads for us."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import HostKeyError

if TYPE_CHECKING:
    from runner.execute.hostkeys import HostKey

__all__ = ["check_revoked"]

_SECONDS = 20.0
_REVOKED = "REVOKED"


def check_revoked(revoked: Path, key: HostKey, called: str) -> None:
    """Return if the file does not list this key.

    Raises:
        HostKeyError: it does, or nobody can tell: then ssh accepts no key either.
    """
    program = shutil.which("ssh-keygen")
    if program is None:
        raise HostKeyError(
            f"{called}: ssh's configuration names RevokedHostKeys {revoked}, which only ssh-keygen can read",
            hint="Install OpenSSH's client, or take RevokedHostKeys out for this host.",
        )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "key.pub"
        file.write_text(f"{key.text}\n", encoding="ascii")
        done = subprocess.run(  # noqa: S603 - a list, without a shell
            [program, "-Q", "-f", str(revoked), str(file)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    if done.returncode == 0:
        return
    if _REVOKED in done.stdout.decode("utf-8", "replace"):
        raise HostKeyError(
            f"{called}: its host key {key.fingerprint} is listed as revoked in {revoked}",
            hint="Somebody may be reading along. Ask the host's provider for its present key.",
        )
    raise HostKeyError(
        f"{called}: RevokedHostKeys {revoked} cannot be read, so no host key is accepted",
        hint=f"Try: ssh-keygen -Q -l -f {revoked}",
    )
