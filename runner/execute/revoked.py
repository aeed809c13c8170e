"""``RevokedHostKeys``: a list of keys, or a KRL, which is read with ssh-keygen."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import HostKeyError
from runner.execute.certificates import parse_public_key

if TYPE_CHECKING:
    from runner.execute.keys import HostKey

__all__ = ["check_revoked"]

_SECONDS = 20.0
_SIZE = 16 << 20
_REVOKED = b"REVOKED"
_KRL = b"SSHKRL\n\0"


def check_revoked(revoked: Path, key: HostKey, called: str) -> None:
    """Check that the file does not list this key.

    Raises:
        HostKeyError: it does, or it cannot be read. Ssh accepts no key either in that case.
    """
    try:
        with revoked.open("rb") as file:
            text = file.read(_SIZE)
    except OSError as error:
        raise _unreadable(revoked, called) from error
    if text.startswith(_KRL):
        listed = _in_krl(revoked, key, called)
    else:
        listed = key.blob in map(parse_public_key, text.decode("utf-8", "replace").splitlines())
    if listed:
        raise HostKeyError(
            f"{called}: host key {key.fingerprint} is listed as revoked in {revoked}",
            hint="The connection may be intercepted. Ask the provider for the host's current key.",
        )


def _in_krl(revoked: Path, key: HostKey, called: str) -> bool:
    program = shutil.which("ssh-keygen")
    if program is None:
        raise HostKeyError(
            f"{called}: reading RevokedHostKeys {revoked} needs ssh-keygen, which is not installed",
            hint="Install the OpenSSH client, or remove RevokedHostKeys for this host from the ssh config.",
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
    if done.returncode and _REVOKED not in done.stdout:
        raise _unreadable(revoked, called)
    return done.returncode != 0


def _unreadable(revoked: Path, called: str) -> HostKeyError:
    return HostKeyError(
        f"{called}: cannot read RevokedHostKeys {revoked}, so no host key is accepted",
        hint=f"Check it with: ssh-keygen -Q -l -f {revoked}",
    )
