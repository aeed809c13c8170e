"""Shell text that switches the link of a site: by one rename, to a release that lies on the host."""

from __future__ import annotations

from runner.shell import assign, word
from runner.steps.static.layout import Layout, SwitchOrder
from runner.steps.static.names import name_problem
from runner.steps.static.pinned import EXCHANGE, PINNED
from runner.steps.static.tree import SHELL

__all__ = ["SWITCH", "back_script", "switch_script"]

SWITCH = (
    PINNED
    + EXCHANGE
    + r"""
# swap LINK TARGET: a new link takes the place of the old one by one rename: there is no instant without one
swap() {
  rm -f "$1.next" && ln -sn "$2" "$1.next" || return 1
  rename "$1.next" "$1" && return
  rm -f "$1.next"
  return 1
}
"""
)


def switch_script(layout: Layout, target: str, mark: str, *, expect: str = "") -> str:
    """Text that switches the link to a release that lies on the host: this is how a release is undone.

    `target` is the release's name; with `expect`, only while the link leads to that release. Says
    `<mark> from NAME` and `<mark> to NAME`, or `<mark> problem WORD`: no-release, moved, no-rename.
    """
    if name_problem(target) or "/" in target:
        raise ValueError(f"not a release: {target!r}")
    values = {"mark": mark, "path": layout.path, "room": layout.room, "name": target, "expect": expect}
    head = assign(values).rstrip()
    return f"""sitecrew() {{
{head}
{SHELL}{SWITCH}
cd {word(layout.parent)} || stop no-release
[ -d "$room/$name" ] || stop no-release
old=$(readlink "$path"); old=${{old##*/}}
if [ -n "$expect" ] && [ "$old" != "$expect" ]; then stop "moved $old"; fi
swap "$path" "$room/$name" || stop no-rename
[ "$(readlink "$path")" = "$room/$name" ] || stop no-rename
say "from $old"
say "to $name"
}}
sitecrew </dev/null
"""


def back_script(layout: Layout, order: SwitchOrder) -> str:
    """Text that takes a release back: the link leads to where it led before. Idempotent.

    Where a folder was made the first release, the link leads to that; where nothing was, it goes. A link that
    somebody else has switched meanwhile is left alone, with status 1.
    """
    standing = order.standing
    was = {"link": standing.target, "folder": f"{layout.room}/{order.adopted}"}.get(standing.path, "")
    values = {"path": layout.path, "new": f"{layout.room}/{order.name}", "was": was}
    head = assign(values).rstrip()
    return f"""sitecrew() {{
{head}
{SWITCH}
cd {word(layout.parent)} || exit 1
at=$(readlink "$path")
if [ "$at" = "$was" ]; then return; fi
[ "$at" = "$new" ] || exit 1
if [ -z "$was" ]; then rm -f "$path"; return; fi
[ -d "$was" ] && swap "$path" "$was" && [ "$(readlink "$path")" = "$was" ]
}}
sitecrew </dev/null
"""
