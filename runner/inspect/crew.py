"""Check by `doctor` that the crew is notified, and that its last notices were delivered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runner.errors import ExitCode
from runner.inspect.check import Check
from runner.record import DeliveryKind, DeliveryState, Ledger, Recipient
from runner.units import count

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["about_crew"]

_TRIES = 3
"""Failed attempts after which a queued notice counts as not delivered."""


def about_crew(workspace: Workspace) -> Iterator[Check]:
    """Yield how the crew is notified, and each channel on which the last notice was not delivered.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    crew = workspace.settings.crew
    if not crew.mail and not crew.webhooks:
        if workspace.inventory.windows:
            yield Check(
                about="controller",
                finding="the crew is not notified if a window fails",
                hint="set `crew` in sitecrew.yaml: sitecrew docs be-notified",
            )
        return
    channels = [count(len(crew.mail), "address", "addresses")] if crew.mail else []
    channels += [count(len(crew.webhooks), "webhook")] if crew.webhooks else []
    yield Check(about="controller", finding=f"the crew is notified through {' and '.join(channels)}")
    for name, one in _last(workspace).items():
        known = name in crew.mail or any(hook.name == name for hook in crew.webhooks)
        waits = one.state is DeliveryState.QUEUED and one.attempts < _TRIES
        if known and not waits and one.state not in {DeliveryState.SENT, DeliveryState.SENDING}:
            yield Check(
                about="controller",
                finding=f"the last notice to {name} was not delivered: {one.reply}",
                code=ExitCode.FAILED,
                hint="test it: sitecrew notify --test",
            )


def _last(workspace: Workspace) -> dict[str, Recipient]:
    """Return the last notice to each address and webhook."""
    ledger = Ledger.open(workspace.settings.ledger, read_only=True)
    try:
        sent = ledger.deliveries.list(kind=DeliveryKind.NOTICE)
    finally:
        ledger.close()
    return {one.address: one for view in sent for one in view.recipients}
