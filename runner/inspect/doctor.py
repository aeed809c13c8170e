"""The checks of `doctor`: what would make a run fail, and what to do about it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from runner.deliver import greet
from runner.errors import ExitCode, SitecrewError
from runner.execute import Command, Pool
from runner.hosts.boundary import contained, each
from runner.hosts.hosts import Hosts
from runner.hosts.wp_cli import read_tool
from runner.inspect.announcements import about_announcements
from runner.inspect.check import Check
from runner.inspect.crew import about_crew
from runner.inspect.edits import with_local_edits
from runner.inspect.exposure import about_controller, about_login, about_ssh
from runner.inspect.facts import read_facts, with_published_offers
from runner.inspect.findings import checks_of
from runner.inspect.health import check_health, prober_of
from runner.inspect.host_checks import about_host, about_static, host_questions, static_questions
from runner.inspect.identity import with_folder_check
from runner.inspect.playbook_checks import PlaybookSites, about_steps, playbooks_of
from runner.inspect.view import view_of
from runner.inspect.windows import about_windows
from runner.load import Redactor, resolve
from runner.model import Host, Playbook, Site, SiteFacts, SiteKind
from runner.plan import shared_tables, site_findings
from runner.record import Ledger
from runner.record.mark import LedgerMark
from runner.shell import command
from runner.units import ago, count, size
from runner.verify import certificate

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["Check", "examine"]

_LITTLE_SPACE = 1 << 30
_RENEWAL = timedelta(days=14)
_HOST_LIMIT = 30
_SITE_LIMIT = 90
_ROUNDS = 12
"""Time limit for a site's pages and certificate, as a multiple of `limits.look`."""
_REMEDY = "check the certificate of the site: its expiry date, names and chain"
_HOSTS_AT_ONCE = 10


def examine(workspace: Workspace, sites: Sequence[Site], playbook: Playbook | None = None) -> Iterator[Check]:
    """Check the controller, then each host with its sites and their pages.

    The needs of steps are checked for the playbooks of the windows that a site is in, and for `playbook`.
    """
    yield from _checks("controller", lambda: _controller(workspace))
    yield from _checks("controller", lambda: _ledger_gap(workspace))
    yield from _checks("controller", lambda: _interrupted(workspace, sites))
    yield from _checks("controller", lambda: _wp_cli(workspace))
    yield from _checks("controller", lambda: about_controller(workspace))
    yield from _checks("windows", lambda: about_windows(workspace, sites))
    yield from _checks("controller", lambda: about_crew(workspace))
    yield from _checks("controller", lambda: about_announcements(workspace))
    yield from _contacts(workspace, sites)
    with Pool(logins=workspace.settings.parallel.logins_per_host) as pool:
        hosts = Hosts(workspace, pool, Redactor())
        by_host: dict[str, list[Site]] = {}
        for site in sites:
            by_host.setdefault(site.host, []).append(site)
        read: dict[str, SiteFacts] = {}
        books = playbooks_of(workspace, sites, playbook)
        found = each(
            tuple(by_host),
            lambda name: _host(hosts, name, by_host[name], read, books),
            at_once=_HOSTS_AT_ONCE,
            limit=lambda name: _limit(hosts, by_host[name], len(books)),
        )
        for name, checks in found:
            yield from (_error_check(name, checks),) if isinstance(checks, SitecrewError) else checks
    yield from _shared([(site, read[site.name]) for site in sites if site.name in read])


def _shared(read: Sequence[tuple[Site, SiteFacts]]) -> Iterator[Check]:
    for site, other, database in shared_tables(read):
        yield Check(
            about=other,
            finding=f"it uses the same tables as {site}, in the database {database}",
            code=ExitCode.FAILED,
            hint="a change to one also changes the other: give each its own database, or remove one of them",
        )


def _limit(hosts: Hosts, sites: Sequence[Site], books: int) -> float:
    """Seconds for one host: its own checks, the facts and pages of its sites, and the needs of playbooks."""
    readings = hosts.reading_limit(_HOST_LIMIT) + hosts.reading_limit(_SITE_LIMIT) * len(sites)
    pages = _ROUNDS * hosts.workspace.settings.limits.look.total_seconds()
    step = hosts.workspace.settings.limits.step.total_seconds()
    return hosts.command_limit(readings + pages * len(sites) + step * books)


def _checks(about: str, work: Callable[[], Iterable[Check]]) -> list[Check]:
    """Collect checks; an error that ends them becomes a check too."""
    found: list[Check] = []
    try:
        found.extend(work())
    except Exception as error:  # noqa: BLE001  # other hosts and sites must still be checked
        found.append(_error_check(about, contained(error)))
    return found


def _controller(workspace: Workspace) -> Iterator[Check]:
    settings = workspace.settings
    try:
        with Ledger.open(settings.ledger) as ledger:
            exposed = ledger.store.database.is_exposed()
        yield Check(about="controller", finding="the ledger can be written")
        if exposed:
            yield Check(
                about="controller",
                finding="the connection to the ledger's server is not encrypted",
                hint="add `?sslmode=verify-full` to the URL of `ledger` in sitecrew.yaml",
            )
    except SitecrewError as error:
        yield _error_check("controller", error)
    free = shutil.disk_usage(workspace.folder).free
    space = f"{size(free)} free on the disk of the workspace"
    if free < _LITTLE_SPACE:
        yield Check(
            about="controller",
            finding=f"only {space}",
            code=ExitCode.FAILED,
            hint="free some space: backups need it",
        )
    else:
        yield Check(about="controller", finding=space)
    if settings.mail is None:
        yield Check(
            about="controller",
            finding="no mail server is set: reports cannot be sent",
            hint="set `mail` in sitecrew.yaml",
        )
        return
    try:
        password = resolve(settings.mail.password, base=workspace.folder) if settings.mail.password else None
        greet(settings.mail, password=password)
        yield Check(
            about="controller", finding=f"mail can be sent through {settings.mail.host}:{settings.mail.port}"
        )
    except SitecrewError as error:
        yield _error_check("controller", error)


def _contacts(workspace: Workspace, sites: Sequence[Site]) -> Iterator[Check]:
    """Yield clients without contacts."""
    clients = workspace.inventory.clients
    for name in dict.fromkeys(site.client for site in sites):
        if not clients[name].contacts:
            yield Check(
                about="controller",
                finding=f"client {name} has no contacts: its reports cannot be sent",
                hint=f"set clients.{name}.contacts in {workspace.place('clients', name)}",
            )


def _ledger_gap(workspace: Workspace) -> Iterator[Check]:
    """Yield a check if an older ledger was put back."""
    with Ledger.open(workspace.settings.ledger) as ledger:
        if gap := LedgerMark(workspace.folder, ledger).gap():
            hint = f"see: {command('ledger', 'gap')}"
            yield Check(about="controller", finding=gap.text, code=ExitCode.LOST, hint=hint)


def _interrupted(workspace: Workspace, sites: Sequence[Site]) -> Iterator[Check]:
    """Yield interrupted runs with unfinished sites among these."""
    names = {site.name for site in sites}
    with Ledger.open(workspace.settings.ledger) as ledger:
        for run in ledger.runs.list_interrupted():
            left = names & {row.site for row in ledger.sites.list_unfinished(run.run)}
            if left and run.interrupted:
                yield Check(
                    about="controller",
                    finding=f"run {run.run} was interrupted {ago(run.interrupted)} with "
                    f"{count(len(left), 'site')} unfinished",
                    code=ExitCode.LOST,
                    hint=command("resume", run.run),
                )


def _wp_cli(workspace: Workspace) -> Iterator[Check]:
    tool = workspace.settings.wp_cli
    if tool is None:
        return
    try:
        read_tool(tool)
        yield Check(about="controller", finding="the checksum of wp-cli is correct")
    except SitecrewError as error:
        yield _error_check("controller", error)


def _host(
    hosts: Hosts, name: str, sites: Sequence[Site], read: dict[str, SiteFacts], books: PlaybookSites
) -> list[Check]:
    """Check a host and its sites; adds the facts of the sites to `read`."""
    host = hosts.workspace.inventory.hosts[name]
    found = _checks(name, lambda: about_login(host, hosts.workspace.inventory))
    found += _checks(name, lambda: about_ssh(host, hosts.endpoint(host)))
    found += _checks(name, lambda: _on_host(hosts, host, sites, read))
    if not any(check.code is ExitCode.UNREACHABLE for check in found):
        for book, concerned in books:
            here = [site for site in sites if site.name in concerned]
            found += _checks(name, partial(about_steps, hosts, book, here))
    for site in sites:
        found += _checks(site.name, partial(_pages, hosts, site, read.get(site.name)))
    order = {site.name: number for number, site in enumerate(sites)}
    return sorted(found, key=lambda check: order.get(check.about, -1))


def _on_host(hosts: Hosts, host: Host, sites: Sequence[Site], read: dict[str, SiteFacts]) -> Iterator[Check]:
    static = {f"s{number}": site for number, site in enumerate(sites) if site.kind is SiteKind.STATIC}
    limit = hosts.reading_limit(_HOST_LIMIT)
    tasks = (
        Command("about", host_questions(host, sites), timeout=limit, policy="go"),
        *(Command(task, static_questions(site), timeout=limit, policy="go") for task, site in static.items()),
    )
    records = hosts.remote(host).read(tasks)
    yield from about_host(host, sites, records["about"].text)
    for task, site in static.items():
        yield from about_static(site, records[task].text)
    found = read_facts(
        hosts.remote(host),
        partial(prober_of, hosts),
        [site for site in sites if site.kind is SiteKind.WORDPRESS],
    )
    found = with_published_offers(hosts.published, found, hosts.workspace.settings.policy)
    found |= with_local_edits(hosts, sites, found)
    read.update({name: facts for name, facts in found.items() if isinstance(facts, SiteFacts)})
    for site in sites:
        if site.name in found:
            yield from _checks(site.name, partial(_site_checks, hosts, site, found[site.name]))


def _site_checks(hosts: Hosts, site: Site, found: SiteFacts | SitecrewError) -> Iterator[Check]:
    if isinstance(found, SiteFacts):
        found = with_folder_check(prober_of(hosts, site), hosts.remote_of(site), site, found)
    yield from checks_of(site, site_findings(site, found))
    if isinstance(found, SiteFacts):
        yield from _wordpress(site, found)


def _wordpress(site: Site, facts: SiteFacts) -> Iterator[Check]:
    """Yield what is installed. Problems are reported by the findings."""
    if not facts.crippled:
        pending = sum(item.offered is not None for item in (*facts.plugins, *facts.themes))
        yield Check(
            about=site.name,
            finding=f"WordPress {facts.wordpress} on PHP {facts.php}, {count(pending, 'update')} available",
        )


def _pages(hosts: Hosts, site: Site, facts: SiteFacts | None) -> Iterator[Check]:
    """Check the certificate, and the pages as a run does before a change."""
    limit = hosts.workspace.settings.limits.look.total_seconds()
    shown = certificate(site.url, private=site.private, limit=limit)
    if shown and shown.ends and shown.ends - datetime.now(UTC) < _RENEWAL:
        days = max((shown.ends - datetime.now(UTC)).days, 0)
        yield Check(
            about=site.name,
            finding=f"its certificate expires in {count(days, 'day')}, on {shown.ends:%Y-%m-%d}",
            hint="renew it, and check its automatic renewal",
        )
    view = view_of(site, check_health(prober_of(hosts, site), hosts.remote_of(site), site, facts=facts))
    if shown and shown.problem:
        view = replace(view, remedy=_REMEDY)
    yield from checks_of(site, site_findings(site, None, view=view, policy=hosts.workspace.settings.policy))
    if not (view.findings or view.unverified or view.inside or view.refusals):
        yield Check(about=site.name, finding=f"{count(len(site.pages), 'page')} as expected")


def _error_check(about: str, error: SitecrewError) -> Check:
    return Check(
        about=about, finding=str(error).removeprefix(f"{about}: "), code=error.exit_code, hint=error.hint
    )
