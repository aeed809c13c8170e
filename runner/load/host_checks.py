"""Checks of hosts across an inventory: their groups, the options that they share, and their gateways."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from runner.load.host_options import HostOptions, effective_hosts, option_sources
from runner.load.nodes import Node, Problems
from runner.load.text import closest, joined, quoted

__all__ = ["check_gateways", "check_groups"]


def check_groups(inventory: Node, problems: Problems) -> None:
    """Check that groups exist and have hosts, and that each default and option of a group has an effect."""
    hosts = inventory.get("hosts")
    if hosts and not isinstance(hosts.value, dict | None):
        return
    groups = {name for name, _ in inventory.below("groups")}
    members: set[str] = set()
    used: set[tuple[str, str]] = set()
    for name, host in inventory.below("hosts"):
        group = host.get("group")
        members |= {host.text("group"), *(str(entry.value) for entry in group.entries())} if group else set()
        _check_group(host, joined("hosts", name, "group"), groups, problems)
        seen: set[str] = set()
        for path, source in option_sources(inventory, name, host):
            keys = {key for key, _ in source.items()}
            used |= {(path, key) for key in keys - seen}
            seen |= keys
    for name, group in inventory.below("groups"):
        path = joined("groups", name)
        if name in members:
            below = {key for key, _ in inventory.below("defaults")}
            _check_used(group, path, used, problems, below=below, why="every host of the group sets")
        elif every := inventory.get("groups"):
            hint = f"add `group: {name}` to its hosts, or delete it"
            problems.append(every.key_problem(name, path, "no host is in this group", hint))
    if defaults := inventory.get("defaults"):
        why = "every host or its group sets" if members else "there is no host for"
        _check_used(defaults, "defaults", used, problems, below=(), why=why)


def _check_group(host: Node, path: str, groups: Collection[str], problems: Problems) -> None:
    node, name = host.get("group"), host.text("group")
    if node and name and name not in groups:
        hint = closest(name, groups) or f"define it: `groups: {{{name}: {{user: deploy}}}}`"
        problems.append(node.problem(path, f"unknown group {quoted(name)}", hint))


def _check_used(
    source: Node,
    path: str,
    used: Collection[tuple[str, str]],
    problems: Problems,
    *,
    below: Collection[str],
    why: str,
) -> None:
    """Check that each option of a group or of the defaults has an effect.

    Args:
        source: the group or the defaults.
        path: its path.
        used: path and key of each option that some host uses.
        problems: where to add what is found.
        below: keys of the options of lower precedence, which an option without a value replaces.
        why: why an option has no effect, in front of its name.
    """
    for key, node in source.items():
        if key not in HostOptions.model_fields:
            continue
        if node.value is None and key not in below:
            message, hint = "has no value and no effect", "write a value, or delete the key"
        elif (path, key) not in used:
            message, hint = f"has no effect: {why} {quoted(key)}", "delete it here or there"
        else:
            continue
        problems.append(source.key_problem(key, joined(path, key), message, hint))


def check_gateways(inventory: Node, problems: Problems) -> None:
    """Check that each gateway exists and leads to no loop. It is reported where it is written."""
    gateways = {name: host.text("gateway") for name, host in effective_hosts(inventory).items()}
    found: Problems = []
    for name, host in inventory.below("hosts"):
        if not (gateway := gateways[name]):
            continue
        written = (one for one in option_sources(inventory, name, host) if one[1].get("gateway"))
        path, source = next(written)
        node, where = source.get("gateway") or source, joined(path, "gateway")
        if gateway in gateways:
            if _is_loop(name, gateways):
                message = f"the gateway {quoted(gateway)} leads back to {quoted(name)}: a loop"
                hint = "" if source is host else f"to use none there, write `gateway: null` in hosts.{name}"
                found.append(node.problem(where, message, hint))
        elif not re.fullmatch(r"[^@\s]+@[^@\s]+", gateway):
            hint = closest(gateway, set(gateways) - {name} if source is host else gateways)
            hint = hint if hint.startswith("did") else "a host of this inventory, or user@address:port"
            found.append(node.problem(where, f"unknown host {quoted(gateway)}", hint))
    problems += dict.fromkeys(found)


def _is_loop(start: str, gateways: Mapping[str, str]) -> bool:
    seen, current = set[str](), gateways.get(start, "")
    while current and current not in seen:
        if current == start:
            return True
        seen.add(current)
        current = gateways.get(current, "")
    return False
