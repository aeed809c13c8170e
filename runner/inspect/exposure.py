"""Security hints of `doctor`: shared logins, nested folders, files that others can read or write.

None of them makes a run fail, so none is a failure.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from runner.execute import resolve
from runner.inspect.check import Check
from runner.load.folder import list_playbooks
from runner.load.inventory_files import list_inventory
from runner.model import Host, Inventory, SecretRef, SecretSource, Site, SiteKind
from runner.shell import word
from runner.untrusted import few

if TYPE_CHECKING:
    from runner.execute import Endpoint
    from runner.load import Workspace

__all__ = ["about_controller", "about_folders", "about_login", "about_modes", "about_ssh", "mode_questions"]

_SHOWN = 4
_WRITTEN = ("inventory", "sitecrew.yaml", "playbooks", "reports", ".sitecrew")
"""Files of the workspace that determine what runs on the hosts."""
_OTHERS_READ, _OTHERS_WRITE, _OTHERS_ENTER = 7, 8, 9
"""Positions in the mode as `ls` prints it."""
_GROUP_READ = 4
_WEB_USERS = "www-data apache nginx http httpd nobody"

_MODES = r"""
web=
for one in {users}; do web="$web $(id -G "$one" 2>/dev/null)"; done
say web "$web"
mode() {{
  # shellcheck disable=SC2012  # only mode and group are read, which come before the name
  ls -ldnL "$2" 2>/dev/null | {{ read -r bits links owner group rest && say "mode.$1" "$bits $group"; }}
}}
real() {{ (cd -P "$2" 2>/dev/null && say "real.$1" "$(pwd -P)"); }}
real home "$HOME"
mode home "$HOME"
"""


def mode_questions(sites: Sequence[Site]) -> str:
    """Return shell text that prints modes and real paths. It needs the function `say`."""
    lines = [_MODES.format(users=_WEB_USERS)]
    for number, site in enumerate(sites):
        lines.append(f"real {number} {word(site.path)}\nmode {number} {word(site.path)}\n")
        if site.kind is SiteKind.WORDPRESS:
            folder = PurePosixPath(site.path)
            lines.append(f"mode {number}.config {word(str(folder / 'wp-config.php'))}\n")
            lines += [
                f"mode {number}.above.{above} {word(str(parent))}\n"
                for above, parent in enumerate((folder, *folder.parents))
            ]
    return "".join(lines)


def about_login(host: Host, inventory: Inventory) -> Iterator[Check]:
    """Yield a hint if the login of a host reaches sites of several clients."""
    login = _login(host)
    clients = dict.fromkeys(
        site.client for site in inventory.sites.values() if _login(inventory.hosts[site.host]) == login
    )
    if len(clients) > 1:
        yield Check(
            about=host.name,
            finding=f"one login has sites of {len(clients)} clients ({few(tuple(clients), _SHOWN)}): "
            "one hacked site reaches all of them",
            hint="give each client a login of its own",
        )


def about_ssh(host: Host, endpoint: Endpoint) -> Iterator[Check]:
    """Yield options of the SSH configuration that have no effect, for a host and its gateways.

    Raises:
        SshConfigError: the configuration cannot be used.
    """
    hop: Endpoint | None = endpoint
    while hop is not None:
        target = resolve(hop)
        for note in target.options.notes:
            gateway = "" if hop is endpoint else f" for its gateway {target.host}"
            yield Check(
                about=host.name,
                finding=f"an option of the SSH configuration{gateway} has no effect",
                hint=note,
            )
        hop = target.gateway


def _login(host: Host) -> tuple[str, int, str]:
    return host.address, host.port or 22, host.user or ""


def about_folders(sites: Sequence[Site], answers: Mapping[str, str]) -> Iterator[Check]:
    """Yield sites whose folder is inside another's or contains Sitecrew's own."""
    paths = {
        site.name: _real_path(site, answers.get(f"real.{number}", "")) for number, site in enumerate(sites)
    }
    for inner, outer in ((a, b) for a in paths for b in paths if a != b):
        if paths[outer] == paths[inner] and outer < inner:
            yield Check(
                about=inner,
                finding=f"has the same folder as {outer}: a change to one also changes the other",
                hint="correct `path` in the inventory, or remove one of the two",
            )
        elif paths[outer] in paths[inner].parents:
            yield Check(
                about=inner,
                finding=f"its folder is inside that of {outer}: PHP of {outer} can change it, "
                f"and a backup of {outer} includes it",
                hint="move each site to a folder of its own",
            )
    home = answers.get("root", "")
    if not home:
        return
    own = PurePosixPath(answers.get("real.home", home) if home == answers.get("home") else home)
    for name, path in paths.items():
        if path == own or path in own.parents:
            yield Check(
                about=name,
                finding=f"Sitecrew's folder on the host, {own / '.sitecrew'}, is inside its document root: "
                "the web server may serve restore points",
                hint="move the site to a folder of its own in the home directory, like ~/public_html",
            )


def _real_path(site: Site, answer: str) -> PurePosixPath:
    return PurePosixPath(answer or site.path)


def about_modes(host: Host, sites: Sequence[Site], answers: Mapping[str, str]) -> Iterator[Check]:
    """Yield what other users of the host can read or write."""
    mode, _, group = answers.get("mode.home", "").partition(" ")
    home = answers.get("home", "its home")
    if _has(mode, _OTHERS_WRITE, "w"):
        yield Check(
            about=host.name,
            finding=f"every user of the host can write to {home} and take over this login",
            hint=f"chmod o-w {home}",
        )
    elif _has(mode, _OTHERS_READ, "r") or (
        _has(mode, _GROUP_READ, "r") and group in answers.get("web", "").split()
    ):
        yield Check(
            about=host.name,
            finding=f"other users of the host, such as the web server, can read {home}",
            hint=f"chmod 750 {home}, or 711 if the web server serves files in it",
        )
    for number, site in enumerate(sites):
        if _has(answers.get(f"mode.{number}", ""), _OTHERS_WRITE, "w"):
            yield Check(
                about=site.name,
                finding="every user of the host can write to its folder",
                hint=f"chmod o-w {site.path}",
            )
        if _has(answers.get(f"mode.{number}.config", ""), _OTHERS_READ, "r") and _reached(number, answers):
            yield Check(
                about=site.name,
                finding="every user of the host can read wp-config.php and the database password in it",
                hint=f"chmod 640 {site.path}/wp-config.php, or 600 if PHP runs as its owner",
            )


def _reached(number: int, answers: Mapping[str, str]) -> bool:
    """Whether other users can enter the site's folder and all its parents."""
    above = [mode for key, mode in answers.items() if key.startswith(f"mode.{number}.above.")]
    return bool(above) and all(_has(mode, _OTHERS_ENTER, "xt") for mode in above)


def _has(mode: str, position: int, letters: str) -> bool:
    return len(mode) > position and mode[position] in letters


@dataclass(frozen=True, slots=True)
class _Private:
    """A file on the controller that other users must not read."""

    path: Path
    what: str


def about_controller(workspace: Workspace) -> Iterator[Check]:
    """Yield files of the workspace that others can change, and secrets and keys that others can read."""
    written = (
        workspace.folder,
        *(workspace.folder / name for name in _WRITTEN),
        *list_inventory(workspace.folder).files,
        *list_playbooks(workspace.folder / "playbooks").playbooks.values(),
    )
    open_ = [path for path in written if _mode(path) & stat.S_IWOTH and not _mode(path) & stat.S_ISVTX]
    if open_:
        names = few([os.path.relpath(path, workspace.folder) for path in open_], _SHOWN)
        yield Check(
            about="controller",
            finding=f"every user of this machine can change {names}, and with it what runs on the hosts",
            hint=f"chmod o-w {word(str(open_[0]))}",
        )
    for private in _privates(workspace):
        if _mode(private.path) & (stat.S_IRWXG | stat.S_IRWXO) & ~stat.S_IXGRP & ~stat.S_IXOTH:
            yield Check(
                about="controller",
                finding=f"others on this machine can read {private.path}, {private.what}",
                hint=f"chmod 600 {word(str(private.path))}",
            )


def _privates(workspace: Workspace) -> Iterator[_Private]:
    seen: set[Path] = set()
    for private in _all_privates(workspace):
        if private.path not in seen:
            seen.add(private.path)
            yield private


def _all_privates(workspace: Workspace) -> Iterator[_Private]:
    for host in workspace.inventory.hosts.values():
        if host.identity_file:
            yield _Private(Path(host.identity_file).expanduser(), f"the key of {host.name}")
        for ref in (host.password, host.passphrase, host.become_password):
            yield from _file_of(ref, workspace, f"a secret of {host.name}")
    for site in workspace.inventory.sites.values():
        for ref in site.access.secrets if site.access else ():
            yield from _file_of(ref, workspace, f"a secret of {site.name}")
        for value in site.env.values():
            if isinstance(value, SecretRef):
                yield from _file_of(value, workspace, f"a secret of {site.name}")
    yield from _file_of(workspace.settings.ledger.password, workspace, "the password of the ledger")
    if workspace.settings.mail is not None:
        yield from _file_of(workspace.settings.mail.password, workspace, "the password of the mail server")


def _file_of(ref: SecretRef | None, workspace: Workspace, what: str) -> Iterator[_Private]:
    if ref is not None and ref.source is SecretSource.FILE:
        yield _Private(workspace.folder / Path(ref.value).expanduser(), what)


def _mode(path: Path) -> int:
    """Return the mode of a file, or 0 if it does not exist."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0
