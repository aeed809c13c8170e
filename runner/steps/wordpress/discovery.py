"""Shell text that finds websites on a host without changing it, and its output, which is untrusted."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.model import Host
from runner.shell import assign, word
from runner.steps.wordpress.program_output import marked, texts
from runner.steps.wordpress.shell import host_script, plain_program, shell_source

__all__ = [
    "FolderContent",
    "WordPressFound",
    "config_script",
    "folder_script",
    "parse_config",
    "parse_folder",
    "parse_site",
    "rights_script",
    "site_discovery_script",
]

_LONGEST_PATH = 500
_MOST_FOUND = 2_000
_MOST_FILES = 500
_FIELDS = 2
_VERSION = re.compile(r"\d[\w.+-]{0,30}")


@dataclass(frozen=True, slots=True)
class FolderContent:
    """What is below a folder: folders with WordPress, and folders with an index.html."""

    wordpress: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WordPressFound:
    """What a folder with WordPress says about itself. Empty if it is not known."""

    url: str = ""
    version: str = ""
    multisite: bool = False
    configured: bool = False
    """There is a configuration, and this login can read it."""
    writable: bool = False
    """This login can write to the folder."""


def config_script() -> str:
    """Return shell text that prints the readable configuration files of web servers."""
    return f"sitecrew() {{\n{shell_source('discover_config')}\n}}\nsitecrew </dev/null\n"


def folder_script(folder: str, depth: int) -> str:
    """Return shell text that searches below a folder, `depth` levels deep."""
    given = assign({"folder": folder, "depth": depth})
    return f"sitecrew() {{\n{given}{shell_source('discover_folders')}\n}}\nsitecrew </dev/null\n"


def rights_script(folders: Sequence[str]) -> str:
    """Return shell text that prints a letter for each folder: w, r or n for write, read or no access."""
    return "".join(
        f"if [ -w {word(one)} ]; then printf w; elif [ -r {word(one)} ]; then printf r; else printf n; fi\n"
        for one in folders
    )


def site_discovery_script(host: Host, folder: str, mark: str, server: str) -> str:
    """Return shell text that reads the addresses of the WordPress in a folder.

    Args:
        host: the host.
        folder: the folder with wp-load.php.
        mark: that starts each line of the output.
        server: the host name of the request that the configuration sees.
    """
    program = plain_program("discover", mark, {"host": server}, parts=("sql",))
    body = assign({"mark": mark, "site": folder}) + shell_source("discover_site", program=program)
    return host_script(host, body)


def parse_config(output: bytes) -> Iterator[tuple[str, str]]:
    """Yield the name and the content of each configuration file."""
    fields = output.split(b"\0")[: 2 * _MOST_FILES]
    for name, content in zip(fields[::2], fields[1::2], strict=False):
        yield name.decode("utf-8", "replace"), content.decode("utf-8", "replace")


def parse_folder(output: bytes) -> FolderContent:
    """Parse the output of `folder_script`. Paths that the inventory cannot contain are left out."""
    found: dict[str, list[str]] = {"wp": [], "page": []}
    fields = output.split(b"\0")[: _FIELDS * _MOST_FOUND]
    for kind, raw in zip(fields[::2], fields[1::2], strict=False):
        path = _path(raw)
        if path and kind.decode("ascii", "replace") in found:
            found[kind.decode("ascii")].append(posixpath.dirname(path))
    return FolderContent(tuple(dict.fromkeys(found["wp"])), tuple(dict.fromkeys(found["page"])))


def _path(raw: bytes) -> str:
    try:
        path = raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    usable = path.startswith("/") and path.isprintable() and len(path) <= _LONGEST_PATH
    return posixpath.normpath(path) if usable else ""


def parse_site(output: str, mark: str, server: str) -> WordPressFound:
    """Parse the output of `site_discovery_script`.

    An address in the configuration that contains `server` follows the request, and is not used.
    """
    found: dict[str, object] = {}
    for entry in marked(output, mark):
        found.update(entry)
    home = texts(found.get("home"))
    stored = texts(found.get("stored"))
    version = texts(found.get("version"))
    return WordPressFound(
        url=home if home and server not in home else stored,
        version=version if _VERSION.fullmatch(version) else "",
        multisite=found.get("multisite") is True,
        configured=found.get("config") is True,
        writable=found.get("writable") is True,
    )
