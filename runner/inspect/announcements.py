"""Check by `doctor` that windows that are announced to clients can be mailed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runner.errors import ExitCode
from runner.inspect.check import Check
from runner.plan.announcements import announced_ahead
from runner.plan.schedules import planned

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["about_announcements"]


def about_announcements(workspace: Workspace) -> Iterator[Check]:
    """Yield that there is no mail server, although windows are announced to clients.

    Raises:
        UnknownNameError: a window selects sites that are not in the inventory.
    """
    inventory, settings = workspace.inventory, workspace.settings
    if settings.mail is not None:
        return
    found = (one for window in inventory.windows.values() for one in planned(inventory, window))
    clients = {
        one.client
        for one in found
        if announced_ahead(inventory, settings.policy, inventory.windows[one.window.name], one.client)
    }
    if clients:
        yield Check(
            about="controller",
            finding="windows cannot be announced to clients: no mail server is set",
            code=ExitCode.FAILED,
            hint="set `mail` in sitecrew.yaml",
        )
