"""Everything that can be read of one site now: its host, its WordPress, and the updates for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.execute import Pool
from runner.hosts.hosts import Hosts
from runner.inspect.host_facts import HostFacts, read_host
from runner.inspect.plan import open_ledger
from runner.inspect.preview import preview_sites
from runner.load import Redactor
from runner.model import Action, Change, Playbook, Site, SiteFacts, SiteKind, Step
from runner.steps import registry

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.record import HoldView

__all__ = ["CurrentFacts", "read_site"]

_COMPOSER = "wordpress.composer"
_KINDS = (_COMPOSER, "wordpress.core", "wordpress.plugins", "wordpress.themes")


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentFacts:
    """A site and its host as they were read."""

    site: Site
    host: HostFacts
    wordpress: SiteFacts | None = None
    """None for a static site, or if WordPress could not be read."""
    changes: tuple[Change, ...] = ()
    """The updates for WordPress, plugins and themes, with what policy and holds decide about them."""
    holds: tuple[HoldView, ...] = ()
    """The holds in the ledger."""
    problems: tuple[str, ...] = ()
    """What prevents updates, or why WordPress could not be read."""
    notes: tuple[str, ...] = ()
    recognised: tuple[str, ...] = ()
    """Renamed sites and clients that were found in the inventory."""


def read_site(workspace: Workspace, site: Site) -> CurrentFacts:
    """Read a site and its host without changing them. Records offered versions in the ledger, as a plan does.

    Raises:
        UnreachableError: the host cannot be reached.
        HostError: the host cannot be read.
    """
    with (
        open_ledger(workspace.settings.ledger) as ledger,
        Pool(logins=workspace.settings.parallel.logins_per_host) as pool,
    ):
        recognised = ledger.websites.sync(workspace.inventory)
        hosts = Hosts(workspace, pool, Redactor())
        found = CurrentFacts(
            site=site,
            host=read_host(hosts.remote_of(site), site),
            holds=ledger.holds.list(ledger.websites.recorded_name(site)),
            recognised=recognised,
        )
        if site.kind is not SiteKind.WORDPRESS:
            return found
        [plan], facts = preview_sites(hosts, ledger, _updates(), [site], tags=(), edits=False)
        return replace(
            found,
            wordpress=facts.get(site.name),
            changes=tuple(change for change in plan.changes if not _is_without_composer(change)),
            problems=plan.problems,
            notes=plan.notes,
        )


def _is_without_composer(change: Change) -> bool:
    """Whether the change only says that Composer has nothing to do on the site."""
    return change.step == _COMPOSER and change.action is Action.SKIP


def _updates() -> Playbook:
    """Return a playbook that would update everything."""
    kinds = registry()
    steps = tuple(Step(id=kind, kind=kind, options=kinds[kind].options()) for kind in _KINDS)
    return Playbook(name="facts", title="", steps=steps)
