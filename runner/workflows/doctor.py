"""Finding what would go wrong before the night: each check says what it found and what to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from runner.deliver import greet
from runner.errors import ExitCode, SitecrewError
from runner.execute import Pool, Task
from runner.load import Redactor, resolve
from runner.model import Host, ManagedBy, Seen, Site, SiteFacts, SiteKind
from runner.plan import sharing
from runner.record import Ledger
from runner.verify import certificate
from runner.workflows.autoupdates import about_auto_updates
from runner.workflows.belongs import about_identity
from runner.workflows.boundary import contained, each
from runner.workflows.check import Check
from runner.workflows.checkup import about_host, about_static, host_questions, static_questions
from runner.workflows.disputes import about_offers
from runner.workflows.exposure import about_controller, about_login
from runner.workflows.hosts import Hosts
from runner.workflows.stages.inside import look_inside
from runner.workflows.stages.outside import observed, settled
from runner.workflows.stages.survey import as_published, read_facts
from runner.workflows.stages.tools import checked
from runner.workflows.usual import about_usual
from runner.workflows.web_php import about_web_php

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["Check", "examine"]

_ROOM = 1 << 30
_SITE_ROOM = 50 << 20
_RENEWAL = timedelta(days=14)
_HOST_LIMIT = 30
_SITE_LIMIT = 90
_LOOKS_AT_PAGES = 12
"""So many times `limits.look` for the pages of a site and its certificate, tries included."""
_REMEDY = "look at the site's name and certificate: its renewal, its names, its chain"
_OPEN = "open the page; correct `url`, `pages` or `expect`"
_HOSTS_AT_ONCE = 10


def examine(workspace: Workspace, sites: Sequence[Site]) -> Iterator[Check]:
    """Look at the controller, then at each host with its sites, then at the pages."""
    yield from _checks("controller", lambda: _controller(workspace))
    yield from _checks("controller", lambda: _wp_cli(workspace))
    yield from _checks("controller", lambda: about_controller(workspace))
    with Pool(logins=workspace.settings.parallel.logins_per_host) as pool:
        hosts = Hosts(workspace, pool, Redactor())
        by_host: dict[str, list[Site]] = {}
        for site in sites:
            by_host.setdefault(site.host, []).append(site)
        read: dict[str, SiteFacts] = {}
        found = each(
            tuple(by_host),
            lambda name: _host(hosts, name, by_host[name], read),
            at_once=_HOSTS_AT_ONCE,
            limit=lambda name: _limit(hosts, by_host[name]),
        )
        for name, checks in found:
            yield from (_trouble(name, checks),) if isinstance(checks, SitecrewError) else checks
    yield from _shared([(site, read[site.name]) for site in sites if site.name in read])


def _shared(read: Sequence[tuple[Site, SiteFacts]]) -> Iterator[Check]:
    for site, other, database in sharing(read):
        yield Check(
            about=other,
            finding=f"it has the same tables as {site}, in the database {database}",
            code=ExitCode.FAILED,
            hint="what is done to one is done to both: give each a database of its own, or leave one out",
        )


def _limit(hosts: Hosts, sites: Sequence[Site]) -> float:
    """Seconds for a host: its own questions, its sites' facts, their pages."""
    questions = hosts.reading_limit(_HOST_LIMIT) + hosts.reading_limit(_SITE_LIMIT) * len(sites)
    pages = _LOOKS_AT_PAGES * hosts.workspace.settings.limits.look.total_seconds()
    return hosts.command_limit(questions + pages * len(sites))


def _checks(about: str, work: Callable[[], Iterable[Check]]) -> list[Check]:
    """What the work finds; what ends it is a finding too."""
    found: list[Check] = []
    try:
        found.extend(work())
    except Exception as error:  # noqa: BLE001  # of this host or site, and the others are not concerned
        found.append(_trouble(about, contained(error)))
    return found


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


def _wp_cli(workspace: Workspace) -> Iterator[Check]:
    tool = workspace.settings.wp_cli
    if tool is None:
        return
    try:
        checked(tool)
        yield Check(about="controller", finding="the wp-cli to bring is what its checksum says")
    except SitecrewError as error:
        yield _trouble("controller", error)


def _host(hosts: Hosts, name: str, sites: Sequence[Site], read: dict[str, SiteFacts]) -> list[Check]:
    """What is found on a host and of its sites; `read` gets the facts of these."""
    host = hosts.workspace.inventory.hosts[name]
    found = _checks(name, lambda: about_login(host, hosts.workspace.inventory))
    found += _checks(name, lambda: _inside(hosts, host, sites, read))
    for site in sites:
        found += _checks(site.name, partial(_outside, hosts, site, read.get(site.name)))
    return found


def _inside(hosts: Hosts, host: Host, sites: Sequence[Site], read: dict[str, SiteFacts]) -> Iterator[Check]:
    static = {f"s{number}": site for number, site in enumerate(sites) if site.kind is SiteKind.STATIC}
    limit = hosts.reading_limit(_HOST_LIMIT)
    tasks = (
        Task("about", host_questions(host, sites), timeout=limit, policy="go"),
        *(Task(task, static_questions(site), timeout=limit, policy="go") for task, site in static.items()),
    )
    records = hosts.read(host, tasks)
    yield from about_host(host, sites, records["about"].text)
    for task, site in static.items():
        yield from about_static(site, records[task].text)
    found = read_facts(hosts, [site for site in sites if site.kind is SiteKind.WORDPRESS])
    read.update({name: facts for name, facts in found.items() if isinstance(facts, SiteFacts)})
    for site in sites:
        if site.name in found:
            yield from _checks(site.name, partial(_wordpress, site, found[site.name]))
    published = as_published(hosts, found, hosts.workspace.settings.policy)
    for site in sites:
        said, told = found.get(site.name), published.get(site.name)
        if isinstance(said, SiteFacts) and isinstance(told, SiteFacts):
            yield from about_offers(site, said, told)
            yield from about_identity(hosts, site, said)


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
    yield from _hindrances(site, facts)
    yield from _deployed(site, facts)
    pending = sum(item.offered is not None for item in (*facts.plugins, *facts.themes))
    yield Check(
        about=site.name,
        finding=f"WordPress {facts.wordpress} on PHP {facts.php}, {pending} updates offered",
    )


def _hindrances(site: Site, facts: SiteFacts) -> Iterator[Check]:
    if not facts.file_mods_allowed:
        yield Check(
            about=site.name,
            finding="DISALLOW_FILE_MODS is set: its plugins, themes and core are left alone",
            hint="take it out of wp-config.php, or give the site no update steps",
        )
    if facts.unwritable:
        names = ", ".join(facts.unwritable)
        yield Check(
            about=site.name,
            finding=f"this login may not write to {names}: their updates will be held",
            hint="log in as the owner of the site's files",
        )
    elif facts.file_method != "direct":
        yield Check(
            about=site.name,
            finding=f"WordPress would write files by {facts.file_method}: its updates will be held",
            hint="log in as the owner of the site's files, or define FS_METHOD as direct",
        )
    if facts.disk_free is not None and facts.disk_free < _SITE_ROOM:
        yield Check(
            about=site.name,
            finding=f"only {facts.disk_free / 1e6:.0f} MB are free on its disk",
            code=ExitCode.FAILED,
            hint="make room there: updates and restore points need it",
        )
    yield from about_auto_updates(site, facts)
    yield from about_web_php(site, facts)
    if facts.maintenance:
        yield Check(
            about=site.name,
            finding="it is closed for maintenance just now",
            code=ExitCode.FAILED,
            hint=f"is somebody updating it? If not: rm {facts.root}.maintenance",
        )


def _deployed(site: Site, facts: SiteFacts) -> Iterator[Check]:
    """Who else looks after its code, and what the inventory can say of it."""
    items = (*facts.plugins, *facts.themes)
    packages = sum(bool(item.composer) for item in items) + bool(facts.core_composer)
    if packages:
        finding = f"Composer manages {packages} of its packages ({facts.project.rstrip('/')}/composer.lock)"
    elif facts.release:
        finding = f"it runs from the release {facts.release}, which the next deployment replaces"
    else:
        yield from _checked_out(site, facts)
        return
    if site.managed_by is ManagedBy.WORDPRESS:
        yield Check(
            about=site.name,
            finding=f"{finding}; `managed_by: wordpress` lets updates change them all the same",
            hint="the next deployment puts back what its lock file or repository says",
        )
        return
    yield Check(
        about=site.name,
        finding=f"{finding}: their updates are held",
        hint="update them where releases are made (`sitecrew plan` prints each command), or by the step "
        "`wordpress.composer`; to update them on the site all the same: managed_by: wordpress",
    )


def _checked_out(site: Site, facts: SiteFacts) -> Iterator[Check]:
    """That the whole site is a checkout, where nobody has said what that means."""
    if facts.checkout and site.managed_by is None:
        yield Check(
            about=site.name,
            finding=f"{facts.checkout} is a checkout: updates of the site are changes of its files there",
            hint="if a deployment puts them back: managed_by: deployment; if not: managed_by: wordpress",
        )


def _outside(hosts: Hosts, site: Site, facts: SiteFacts | None) -> Iterator[Check]:
    limit = hosts.workspace.settings.limits.look.total_seconds()
    shown = certificate(site.url, private=site.private, limit=limit)
    if shown and shown.ends and shown.ends - datetime.now(UTC) < _RENEWAL:
        days = max((shown.ends - datetime.now(UTC)).days, 0)
        yield Check(
            about=site.name,
            finding=f"its certificate ends in {days} days, on {shown.ends:%Y-%m-%d}",
            hint="renew it; is its renewal still running?",
        )
    seen = observed(hosts, site, facts=facts, limit=limit)
    seen = settled(hosts, site, seen, boots=facts is None or not facts.crippled, limit=limit)
    yield from about_usual(site, seen.baseline)
    shut = [f"{page.page}: {finding}" for page in seen.pages if page.refusal for finding in page.findings]
    findings = (*seen.findings, *shut)
    if not findings:
        well = sum(page.healthy for page in seen.pages)
        yield Check(about=site.name, finding=f"{well} page{'s' * (well != 1)} as expected")
        return
    if all(page.seen is Seen.REFUSED for page in seen.pages):
        yield _shut_out(hosts, site, seen.pages[0].refusal)
        return
    refusal = next((page.refusal for page in seen.pages if page.refusal), "")
    yield Check(
        about=site.name,
        finding="; ".join(findings),
        code=ExitCode.FAILED,
        hint=refusal or (_REMEDY if shown and shown.problem else _OPEN),
    )


def _shut_out(hosts: Hosts, site: Site, refusal: str) -> Check:
    """A site that lets nobody in: how its changes will be checked."""
    inside = look_inside(hosts, hosts.workspace.inventory.hosts[site.host], site)
    found = inside.sight.page.findings if inside.sight else ()
    if inside.seen and not found:
        told = "its pages do not let us in: changes are checked from its own host, by its first page"
        return Check(about=site.name, finding=told, hint=refusal)
    why = "; ".join(found) if inside.seen else f"{inside.why}, so that nobody can check a change"
    decides = "`policy.unverified` decides what becomes of changes"
    return Check(
        about=site.name,
        finding=f"its pages do not let us in; {why}",
        code=ExitCode.FAILED,
        hint=refusal if inside.seen else f"{refusal}; {decides}",
    )


def _trouble(about: str, error: SitecrewError) -> Check:
    return Check(
        about=about, finding=str(error).removeprefix(f"{about}: "), code=error.exit_code, hint=error.hint
    )
