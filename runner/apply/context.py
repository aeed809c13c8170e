"""One site in one attempt of a run: what every part of its plan needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.model import Order, Site, SiteFacts, SitePlan

if TYPE_CHECKING:
    from runner.apply.cancellation import Cancellation
    from runner.apply.session import Session

__all__ = ["SiteContext"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteContext:
    """One site in one attempt of a run."""

    session: Session
    order: Order
    site: Site
    attempt: int
    plan: SitePlan
    facts: SiteFacts | None = None

    @property
    def run(self) -> str:
        """Id of the run."""
        return self.order.run

    @property
    def stop(self) -> Cancellation:
        """Whether the run is being cancelled."""
        return self.session.stop(self.run)
