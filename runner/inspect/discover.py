"""Find the websites on a host: WordPress and static folders, with their addresses. Changes nothing."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.errors import HostError
from runner.execute import Command
from runner.inspect.server_config import ServedFolder, served_folders
from runner.load.addresses import site_path, site_url
from runner.load.values import Wrong
from runner.model import SiteKind
from runner.steps.wordpress import discovery

if TYPE_CHECKING:
    from runner.hosts.remote import Remote

__all__ = ["Discovery", "FoundSite", "discover"]

_CONFIG_SECONDS = 20
_FOLDER_SECONDS = 20
_SITE_SECONDS = 15
_BUDGET = 60.0
"""Seconds for the search as a whole, and again for reading the addresses."""
_AT_ONCE = 8
_MOST_FOLDERS = 200
_MOST_SITES = 500
_DEPTH = 6
_CONFIG_BYTES = 8 << 20
_USUAL = ("/var/www", "/srv", "/home", "/usr/share/nginx", "/usr/local/www", "/opt/bitnami", "/data/www")
_WEB_FOLDERS = frozenset(
    {"www", "public_html", "htdocs", "httpdocs", "html", "public", "web", "sites", "domains", "vhosts", "srv"}
)
_WP_FOLDERS = ("", "/wp", "/web/wp", "/wordpress", "/public", "/web")
"""Folders of WordPress below a document root: the root itself, or that of a project such as Bedrock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSite:
    """A website on a host. What could not be read is empty; `note` says why it cannot be maintained."""

    path: str
    kind: SiteKind
    url: str = ""
    version: str = ""
    multisite: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Discovery:
    """The websites of a host, and what kept the search from being complete."""

    sites: tuple[FoundSite, ...]
    limits: tuple[str, ...] = ()


def discover(remote: Remote) -> Discovery:
    """Find the websites that the login can read.

    Raises:
        UnreachableError: the host cannot be reached.
        HostError: the commands did not run.
    """
    limits: list[str] = []
    served, home = _read_config(remote)
    content = _search(remote, _folders(home, served), limits)
    addresses = {one.root: one.url for one in reversed(served) if one.url}
    wordpress = _read_wordpress(remote, content.wordpress[:_MOST_SITES], addresses, limits)
    if len(content.wordpress) > _MOST_SITES:
        limits.append(f"only the first {_MOST_SITES} of {len(content.wordpress)} WordPress folders were read")
    static = _static(remote, content, served, addresses)
    return Discovery((*wordpress, *static), tuple(limits))


def _read_config(remote: Remote) -> tuple[list[ServedFolder], str]:
    """Return the document roots in configuration files, and the home of the login."""
    config = Command("config", discovery.config_script(), timeout=remote.limit(_CONFIG_SECONDS), policy="go")
    home = Command("home", 'printf %s "$HOME"', timeout=remote.limit(_CONFIG_SECONDS), policy="go")
    records = remote.read([config, home], cap=_CONFIG_BYTES)
    found = [
        one for _, text in discovery.parse_config(records["config"].output) for one in served_folders(text)
    ]
    return found, records["home"].text.strip()


def _folders(home: str, served: Sequence[ServedFolder]) -> list[str]:
    """Return the folders to search, without those below another one."""
    given = [home, *_USUAL, *(one.root for one in served)]
    usable = sorted(
        {path.rstrip("/") for path in given if path.startswith("/") and path.isprintable()} - {""}
    )
    top = [path for path in usable if not any(path.startswith(f"{other}/") for other in usable)]
    deep = [one.root for one in served if one.root not in top and one.root.count("/") > _DEPTH]
    return [*top, *dict.fromkeys(deep)][:_MOST_FOLDERS]


def _search(remote: Remote, folders: Sequence[str], limits: list[str]) -> discovery.FolderContent:
    commands = {
        folder: Command(
            f"f{number}",
            discovery.folder_script(folder, _DEPTH),
            timeout=remote.limit(_FOLDER_SECONDS),
            policy="go",
        )
        for number, folder in enumerate(folders)
    }
    wordpress, pages = dict[str, None](), dict[str, None]()

    def take(folder: str, output: bytes, *, complete: bool) -> None:
        found = discovery.parse_folder(output)
        wordpress.update(dict.fromkeys(found.wordpress))
        pages.update(dict.fromkeys(found.pages))
        if not complete:
            limits.append(f"the search in {folder} was stopped after {_FOLDER_SECONDS} s")

    left = _read_all(remote, commands, take)
    limits.extend(f"{folder} was not searched: the time limit was reached" for folder in left)
    return discovery.FolderContent(tuple(wordpress), tuple(pages))


def _read_all(remote: Remote, commands: Mapping[str, Command], take: Callable[..., None]) -> tuple[str, ...]:
    """Run commands, several on a channel, until the time is used up; return what was not read."""
    names = list(commands)
    deadline = time.monotonic() + _BUDGET
    while names and time.monotonic() < deadline:
        batch, names = names[:_AT_ONCE], names[_AT_ONCE:]
        records = remote.read([commands[name] for name in batch])
        for name in batch:
            record = records[commands[name].id]
            take(name, record.output, complete=not record.why)
    return tuple(names)


def _read_wordpress(
    remote: Remote, paths: Sequence[str], addresses: Mapping[str, str], limits: list[str]
) -> list[FoundSite]:
    """Return the WordPress sites with their addresses."""
    mark = secrets.token_hex(16)
    unknown = f"{mark}.invalid"
    found: dict[str, FoundSite] = {}

    def take(path: str, output: bytes, *, complete: bool) -> None:
        read = discovery.parse_site(output.decode("utf-8", "replace"), mark, unknown)
        site = found[path]
        note = "" if complete else f"WordPress did not answer within {_SITE_SECONDS} s"
        note = note or ("" if read.configured else "no wp-config.php that this login can read")
        note = note or ("" if read.writable else "this login cannot write to the folder")
        found[path] = replace(
            site,
            url=_valid_url(read.url) or site.url,
            version=read.version,
            multisite=read.multisite,
            note=note,
        )

    commands = {}
    for number, path in enumerate(sorted(paths)):
        if not _is_site_path(path):
            continue
        found[path] = FoundSite(
            path=path, kind=SiteKind.WORDPRESS, url=_valid_url(_served_at(path, addresses)), note="not read"
        )
        text = discovery.site_discovery_script(remote.host, path, mark, unknown)
        commands[path] = Command(f"s{number}", text, timeout=remote.limit(_SITE_SECONDS), policy="go")
    if left := _read_all(remote, commands, take):
        limits.append(f"{len(left)} WordPress folders were not read: the time limit was reached")
    return list(found.values())


def _served_at(path: str, addresses: Mapping[str, str]) -> str:
    """Return the address of the document root that serves a folder with WordPress."""
    for suffix in _WP_FOLDERS:
        if path.endswith(suffix) and (url := addresses.get(path.removesuffix(suffix) if suffix else path)):
            return url
    return ""


def _static(
    remote: Remote,
    content: discovery.FolderContent,
    served: Sequence[ServedFolder],
    addresses: Mapping[str, str],
) -> list[FoundSite]:
    """Return folders without WordPress: those that a web server serves, and those with an index.html."""
    roots = dict.fromkeys(one.root for one in served)
    candidates = [*roots, *(path for path in sorted(content.pages) if _is_web_folder(path))]
    chosen: list[str] = []
    for path in dict.fromkeys(candidates):
        taken = [*content.wordpress, *chosen]
        if _is_site_path(path) and not any(_overlap(path, other) for other in taken):
            chosen.append(path)
    return _with_rights(remote, chosen[:_MOST_SITES], set(content.pages), addresses)


def _with_rights(
    remote: Remote, paths: Sequence[str], pages: set[str], addresses: Mapping[str, str]
) -> list[FoundSite]:
    """Return the static folders that exist and have something to show."""
    if not paths:
        return []
    task = Command(
        "rights", discovery.rights_script(paths), timeout=remote.limit(_CONFIG_SECONDS), policy="go"
    )
    rights = remote.read([task])["rights"].text
    if len(rights) != len(paths):
        raise HostError(f"{remote.host.name}: the list of folders is incomplete", hint="try again")
    return [
        FoundSite(
            path=path,
            kind=SiteKind.STATIC,
            url=_valid_url(addresses.get(path, "")),
            note="" if right == "w" else "this login cannot write to the folder",
        )
        for path, right in zip(paths, rights, strict=True)
        if right != "n" and (path in pages or path in addresses)
    ]


def _is_web_folder(path: str) -> bool:
    """Whether one of the parents has a name that folders of web servers have."""
    return bool(_WEB_FOLDERS.intersection(path.split("/")))


def _overlap(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/")


def _is_site_path(path: str) -> bool:
    with suppress(Wrong):
        return site_path(path) == path
    return False


def _valid_url(url: str) -> str:
    """Return the URL without a slash at the end; empty if the inventory would refuse it."""
    with suppress(Wrong):
        return site_url(url).rstrip("/")
    return ""
