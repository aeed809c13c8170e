"""Bringing wp-cli to hosts that have none: checked by its SHA-512 here and there, outside every web root."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO, TYPE_CHECKING

from runner.errors import HostError, UsageError
from runner.shell import assign
from runner.steps.wordpress import tool_name
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.hosts.remote import Remote
    from runner.model import Tool

__all__ = ["bring_wp_cli", "checked", "take_text"]

_WHERE = """
umask 077
name=${LOGNAME:-$(id -un)}
for root in "$HOME/.sitecrew" "/var/tmp/.sitecrew-$name" "/tmp/.sitecrew-$name" ''; do
  [ -n "$root" ] || { echo 'no folder to write in'; exit 3; }
  [ -L "$root" ] && continue
  [ -e "$root" ] && [ ! -O "$root" ] && continue
  mkdir -p "$root/tools" 2>/dev/null && [ -O "$root" ] && [ -w "$root/tools" ] && break
done
"""
_TAKE = """
fresh=$root/tools/.$$
trap 'rm -f "$fresh"' EXIT
rm -f "$fresh"
cat >"$fresh" || exit 4
digest() {
  sha512sum "$1" || shasum -a 512 "$1" || openssl dgst -sha512 -r "$1" ||
    php -r 'echo hash_file("sha512", $argv[1]);' -- "$1"
}
sum=$(digest "$fresh" 2>/dev/null)
sum=${sum%% *}
[ "$sum" = "$wanted" ] || { echo "what arrived has the SHA-512 ${sum:-that nothing there can tell}"; exit 5; }
mv -f "$fresh" "$root/tools/$file"
"""


def bring_wp_cli(remote: Remote) -> bool:
    """Put the settings' wp-cli into our own folder on a host; False where the settings name none.

    Raises:
        UsageError: the file here is not what its checksum says.
        HostError: it did not arrive whole.
        UnreachableError: (and kin) the link broke.
    """
    tool = remote.workspace.settings.wp_cli
    if tool is None or not remote.host.brings:
        return False
    data = checked(tool)

    def source(pipe: IO[bytes]) -> None:
        for at in range(0, len(data), 1 << 16):
            pipe.write(data[at : at + (1 << 16)])

    sent = remote.upload(_WHERE, take_text(tool.sha512), source)
    if sent.code != 0:
        raise HostError(
            f"wp-cli could not be brought: {sentence(sent.output) or f'exit status {sent.code}'}",
            hint="look at free space in the account's home, or install wp-cli there",
        )
    return True


def take_text(sha512: str) -> str:
    """Shell text that takes the program on its stdin, and keeps it where its checksum is this one."""
    return f"{assign({'wanted': sha512, 'file': tool_name(sha512)})}{_WHERE}{_TAKE}"


def checked(tool: Tool) -> bytes:
    """The program's bytes.

    Raises:
        UsageError: it cannot be read, or is not what its checksum says.
    """
    try:
        data = Path(tool.file).read_bytes()
    except OSError as error:
        raise UsageError(
            f"the wp-cli of sitecrew.yaml cannot be read: {error.strerror}: {tool.file}",
            hint="download wp-cli.phar there, or correct tools.wp_cli.file",
        ) from error
    found = hashlib.sha512(data).hexdigest()
    if found != tool.sha512:
        raise UsageError(
            f"{tool.file} is not what sitecrew.yaml says: its SHA-512 begins with {found[:16]}",
            hint=f"compare with the one that wp-cli publishes; sha512sum {tool.file}",
        )
    return data
