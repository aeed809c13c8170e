"""Install wp-cli on hosts without it: outside every web root, its SHA-512 checked here and on the host."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import IO, TYPE_CHECKING

from runner.errors import HostError, UsageError
from runner.shell import assign
from runner.steps.wordpress import tool_name
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.hosts.remote import Remote
    from runner.model import Tool

__all__ = ["install_wp_cli", "read_tool", "take_text"]


def install_wp_cli(remote: Remote) -> bool:
    """Copy the wp-cli of the settings into our own folder on a host; False if the settings have none.

    Raises:
        UsageError: the file on the controller does not match its checksum.
        HostError: it did not arrive completely.
        UnreachableError: the connection broke.
    """
    tool = remote.workspace.settings.wp_cli
    if tool is None or not remote.host.brings:
        return False
    data = read_tool(tool)

    def source(pipe: IO[bytes]) -> None:
        for at in range(0, len(data), 1 << 16):
            pipe.write(data[at : at + (1 << 16)])

    sent = remote.upload(f"\n{_shell_source('tools_folder')}", take_text(tool.sha512), source)
    if sent.code != 0:
        raise HostError(
            f"cannot install wp-cli: {sentence(sent.output) or f'exit status {sent.code}'}",
            hint="check the free space in the account's home, or install wp-cli on the host yourself",
        )
    return True


def take_text(sha512: str) -> str:
    """Return shell text that reads the program on its stdin and keeps it if it has this checksum."""
    values = assign({"wanted": sha512, "file": tool_name(sha512)})
    return f"{values}\n{_shell_source('tools_folder')}\n{_shell_source('take_wp_cli')}"


@cache
def _shell_source(name: str) -> str:
    return files("runner.hosts").joinpath("sh", f"{name}.sh").read_text(encoding="utf-8")


def read_tool(tool: Tool) -> bytes:
    """Return the program's content.

    Raises:
        UsageError: the file cannot be read or does not match its checksum.
    """
    try:
        data = Path(tool.file).read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read the wp-cli of sitecrew.yaml: {error.strerror}: {tool.file}",
            hint="download wp-cli.phar to that path, or correct tools.wp_cli.file",
        ) from error
    found = hashlib.sha512(data).hexdigest()
    if found != tool.sha512:
        raise UsageError(
            f"{tool.file} does not match tools.wp_cli.sha512: its SHA-512 starts with {found[:16]}",
            hint=f"compare it with the one that wp-cli publishes: sha512sum {tool.file}",
        )
    return data
