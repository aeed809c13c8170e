"""The context of one site in one attempt of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.model import Order, SecretRef, Site, SiteFacts, SitePlan

if TYPE_CHECKING:
    from runner.apply.cancellation import Cancellation
    from runner.apply.journal import Journal
    from runner.hosts.remote import Remote
    from runner.inspect.prober import Prober
    from runner.load import Redactor, Workspace
    from runner.wporg import Wporg

__all__ = ["SiteContext"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteContext:
    """One site in one attempt of a run, with everything that the parts of its plan need."""

    workspace: Workspace
    order: Order
    site: Site
    attempt: int
    plan: SitePlan
    facts: SiteFacts | None = None
    remote: Remote
    """The site's host."""
    prober: Prober
    """The site's pages."""
    journal: Journal
    stop: Cancellation
    redactor: Redactor
    published: Wporg
    """What wordpress.org publishes about versions."""
    variables: Callable[[], Mapping[str, str]] = dict
    """Returns the values of the order's variables; raises SecretError if one is missing."""

    @property
    def run(self) -> str:
        """Id of the run."""
        return self.order.run

    def secret(self, ref: SecretRef) -> str:
        """Resolve a secret; it is redacted from now on.

        Raises:
            SecretError: it cannot be resolved.
        """
        return self.redactor.resolve(ref, base=self.workspace.folder)
