"""Finding what would go wrong before the night: each check says what it found and what to do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.deliver import greet
from runner.errors import ExitCode, SitecrewError
from runner.execute import Pool, Task, read
from runner.load import Redactor, resolve
from runner.model import Host, Site, SiteFacts, SiteKind
from runner.record import Ledger
from runner.verify import Expectation, look
from runner.workflows.hosts import Hosts
from runner.workflows.survey import read_facts

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["Check", "examine"]

_ROOM = 1 << 30
_HOSTS_AT_ONCE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at. `code` is OK, or what a run would exit with because of it."""

    about: str
    """`controller`, a host or a site."""
    finding: str
    code: ExitCode = ExitCode.OK
    hint: str = ""


def examine(workspace: Workspace, sites: Sequence[Site]) -> Iterator[Check]:
    """Look at the controller, then at each host with its sites, then at the pages."""
    yield from _controller(workspace)
    with Pool(logins=workspace.settings.parallel.logins_per_host) as pool:
        hosts = Hosts(workspace, pool, Redactor())
        by_host: dict[str, list[Site]] = {}
        for site in sites:
            by_host.setdefault(site.host, []).append(site)
        with ThreadPoolExecutor(max_workers=_HOSTS_AT_ONCE) as threads:
            for checks in threads.map(lambda name: list(_host(hosts, name, by_host[name])), by_host):
                yield from checks


def _controller(workspace: Workspace) -> Iterator[Check]:
    settings = workspace.settings
    try:
        Ledger.open(settings.ledger).close()
        yield Check(about="controller", finding="the ledger can be written")
    except SitecrewError as error:
        yield _trouble("controller", error)
    free = shutil.disk_usage(workspace.folder).free
    room = f"{free / 1e9:.1f} GB free beside the ledger"
    if free < _ROOM:
        yield Check(
            about="controller", finding=f"only {room}", code=ExitCode.FAILED, hint="make room for backups"
        )
    else:
        yield Check(about="controller", finding=room)
    if settings.mail is None:
        yield Check(
            about="controller",
            finding="no mail server is set: reports can be made but not sent",
            hint="set `mail` in sitecrew.yaml",
        )
        return
    try:
        password = resolve(settings.mail.password, base=workspace.folder) if settings.mail.password else None
        greet(settings.mail, password=password)
        yield Check(
            about="controller", finding=f"mail can leave by {settings.mail.host}:{settings.mail.port}"
        )
    except SitecrewError as error:
        yield _trouble("controller", error)


def _host(hosts: Hosts, name: str, sites: Sequence[Site]) -> Iterator[Check]:
    host = hosts.workspace.inventory.hosts[name]
    try:
        records = read(hosts.pool, hosts.endpoint(host), (Task("about", _ABOUT, timeout=20),))
    except SitecrewError as error:
        yield _trouble(name, error)
        return
    yield _about(host, records["about"].text)
    found = read_facts(hosts, [site for site in sites if site.kind is SiteKind.WORDPRESS])
    for site in sites:
        if site.name in found:
            yield from _wordpress(site, found[site.name])
        yield _pages(hosts.workspace, site)


_ABOUT = """
echo "user=$(id -un)"
echo "system=$(uname -s)"
echo "free=$(df -Pk "$HOME" 2>/dev/null | tail -n 1 | tr -s ' ' | cut -d' ' -f4)"
for tool in tar gzip; do command -v $tool >/dev/null || echo "lacks=$tool"; done
"""


def _about(host: Host, text: str) -> Check:
    said = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    lacks = [line.split("=", 1)[1] for line in text.splitlines() if line.startswith("lacks=")]
    if lacks:
        return Check(
            about=host.name,
            finding=f"lacks {' and '.join(lacks)}, without which there are no backups",
            code=ExitCode.FAILED,
            hint=f"install {' '.join(lacks)} there",
        )
    free = said.get("free", "")
    room = f", {int(free) / 1e6:.1f} GB free" if free.isdigit() else ""
    return Check(
        about=host.name, finding=f"reached as {said.get('user', '?')} on {said.get('system', '?')}{room}"
    )


def _wordpress(site: Site, facts: SiteFacts | SitecrewError) -> Iterator[Check]:
    if isinstance(facts, SitecrewError):
        yield _trouble(site.name, facts)
        return
    if facts.crippled:
        yield Check(
            about=site.name,
            finding=f"WordPress does not start with its plugins: {facts.crippled}",
            code=ExitCode.FAILED,
            hint="repair the site first; its updates cannot be planned",
        )
        return
    if not (facts.core_checked and facts.plugins_checked and facts.themes_checked):
        yield Check(
            about=site.name,
            finding="the site cannot ask wordpress.org for updates",
            code=ExitCode.FAILED,
            hint="is outgoing HTTPS to api.wordpress.org allowed on the host?",
        )
    if not facts.file_mods_allowed:
        yield Check(about=site.name, finding="DISALLOW_FILE_MODS is set: its plugins will be left alone")
    pending = sum(item.offered is not None for item in (*facts.plugins, *facts.themes))
    yield Check(
        about=site.name,
        finding=f"WordPress {facts.wordpress} on PHP {facts.php}, {pending} updates offered",
    )


def _pages(workspace: Workspace, site: Site) -> Check:
    limit = workspace.settings.limits.look.total_seconds()
    seen = look(site, Expectation(text=site.expect), limit=limit)
    if seen.healthy:
        return Check(
            about=site.name, finding=f"{len(seen.pages)} page{'s' * (len(seen.pages) > 1)} as expected"
        )
    return Check(
        about=site.name,
        finding="; ".join(seen.findings),
        code=ExitCode.FAILED,
        hint="open the page; correct `url`, `pages` or `expect`",
    )


def _trouble(about: str, error: SitecrewError) -> Check:
    return Check(
        about=about, finding=str(error).removeprefix(f"{about}: "), code=error.exit_code, hint=error.hint
    )
