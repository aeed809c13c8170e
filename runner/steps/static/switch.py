"""Shell text that switches the link of a site to a release on the host, by one rename."""

from __future__ import annotations

from runner.shell import assign, word
from runner.steps.sources import shell_source
from runner.steps.static.layout import Layout, SwitchOrder
from runner.steps.static.names import name_problem
from runner.steps.static.pinned import EXCHANGE, PINNED
from runner.steps.static.tree import SHELL

__all__ = ["SWITCH", "back_script", "switch_script"]

SWITCH = PINNED + EXCHANGE + shell_source("runner.steps.static", "swap")


def switch_script(layout: Layout, target: str, mark: str, *, expect: str = "") -> str:
    """Return shell text that switches the link to a release on the host. This is how a release is undone.

    `target` is the name of the release. With `expect`, the link is only switched if it points to that
    release. The text prints `<mark> from NAME` and `<mark> to NAME`, or `<mark> problem WORD` with the
    word no-release, moved or no-rename.
    """
    if name_problem(target) or "/" in target:
        raise ValueError(f"not the name of a release: {target!r}")
    values = {"mark": mark, "path": layout.path, "room": layout.room, "name": target, "expect": expect}
    switch = shell_source("runner.steps.static", "switch", parent=word(layout.parent))
    return f"sitecrew() {{\n{assign(values)}{SHELL}{SWITCH}{switch}}}\nsitecrew </dev/null\n"


def back_script(layout: Layout, order: SwitchOrder) -> str:
    """Return shell text that rolls a release back: the link points where it did before. Idempotent.

    If a folder was adopted as the first release, the link points to that; if there was nothing, the link is
    removed. If the link has been switched by another program since, it is left alone and the status is 1.
    """
    standing = order.standing
    was = {"link": standing.target, "folder": f"{layout.room}/{order.adopted}"}.get(standing.path, "")
    values = {"path": layout.path, "new": f"{layout.room}/{order.name}", "was": was}
    switch = shell_source("runner.steps.static", "switch_back", parent=word(layout.parent))
    return f"sitecrew() {{\n{assign(values)}{SWITCH}{switch}}}\nsitecrew </dev/null\n"
