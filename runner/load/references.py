"""What one part of the files says about another: every name must exist, every site must stand alone.

Works on the trees, not on the model, so that mistakes of both sorts are shown at once.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from runner.load.nodes import Node, Problems
from runner.load.text import closest, joined, listing, quoted
from runner.load.values import Wrong, item
from runner.model import SiteKind

__all__ = ["Names", "check_inventory", "check_rings", "check_settings", "check_when", "names_of"]


_WHAT = ("site", "client", "host", "tag", "kind")


@dataclass(frozen=True, slots=True)
class Names:
    """What selectors may name."""

    site: Collection[str]
    client: Collection[str]
    host: Collection[str]
    tag: Collection[str]
    kind: Collection[str] = tuple(SiteKind)


def names_of(inventory: Node) -> Names:
    """The names in an inventory, as far as it is well formed."""
    sites = list(_sites(inventory))
    tagged = [*(site for _, _, _, site in sites), *_listed_sites(inventory)]
    tags = {tag for site in tagged for text in _texts(site.get("tags")) for tag in _parts(text)}
    kinds = {_text(site.get("kind")) or SiteKind.WORDPRESS for _, _, _, site in sites}
    return Names(
        site={name for _, _, name, _ in sites},
        client={name for name, _ in _below(inventory, "clients")},
        host={name for name, _ in _below(inventory, "hosts")} | set(_texts(inventory.get("hosts"))),
        tag=tags | (kinds & set(SiteKind)),
    )


def check_inventory(inventory: Node, names: Names, playbooks: Collection[str], problems: Problems) -> None:
    """Hosts, gateways, sites and windows against each other."""
    _check_gateways(inventory, names, problems)
    _check_sites(inventory, names, problems)
    _check_renames(inventory, problems)
    for name, client in _below(inventory, "clients"):
        path = joined("clients", name)
        _check_items(client.get("updates"), joined(path, "updates"), problems)
    for name, window in _below(inventory, "windows"):
        _check_window(window, joined("windows", name), names, problems, playbooks=playbooks)


def check_settings(settings: Node, problems: Problems) -> None:
    """What one setting needs of another, what items are called, and whether the logo is there."""
    agency = settings.get("agency")
    logo = agency.get("logo") if agency else None
    if logo:
        _check_file(logo, "agency.logo", logo.origin.base, problems)
    policy = settings.get("policy")
    _check_items(policy and policy.get("updates"), joined("policy", "updates"), problems)


def check_rings(settings: Node, names: Names, problems: Problems) -> None:
    """The selectors of `policy.rings.order`, against the inventory."""
    policy = settings.get("policy")
    rings = policy.get("rings") if policy else None
    listed = rings.get("order") if rings else None
    for index, entry in enumerate(_entries(listed)):
        where = joined("policy", "rings", "order", *([] if entry is listed else [index]))
        _check_selector(entry, where, names, problems, ring=True)


def check_when(playbook: Node, names: Names, problems: Problems) -> None:
    """The `when` of each step of a playbook."""
    steps = playbook.get("steps")
    for index, step in enumerate(steps.entries() if steps else []):
        when = step.get("when")
        if when:
            _check_selector(when, joined("steps", index, "when"), names, problems)


def _check_items(updates: Node | None, path: str, problems: Problems) -> None:
    """What items are called that have rules of their own."""
    for key, _ in updates.items() if updates else ():
        try:
            item(key)
        except Wrong as wrong:
            if updates:
                problems.append(updates.key_problem(key, joined(path, key), str(wrong), wrong.hint))


def _check_gateways(inventory: Node, names: Names, problems: Problems) -> None:
    through = {name: _text(host.get("gateway")) for name, host in _below(inventory, "hosts")}
    for name, host in _below(inventory, "hosts"):
        node, gateway = host.get("gateway"), through[name]
        if node is None or not gateway:
            continue
        path = joined("hosts", name, "gateway")
        if gateway not in names.host:
            if not re.fullmatch(r"[^@\s]+@[^@\s]+", gateway):
                hint = closest(gateway, set(names.host) - {name})
                hint = hint if hint.startswith("did") else "a host of this inventory, or user@address:port"
                problems.append(node.problem(path, f"unknown host {quoted(gateway)}", hint))
        elif _leads_back(name, through):
            problems.append(
                node.problem(path, f"the way through {quoted(gateway)} leads back to {quoted(name)}")
            )


def _leads_back(start: str, through: Mapping[str, str]) -> bool:
    seen, current = set[str](), through.get(start, "")
    while current and current not in seen:
        if current == start:
            return True
        seen.add(current)
        current = through.get(current, "")
    return False


def _check_sites(inventory: Node, names: Names, problems: Problems) -> None:
    first: dict[str, int] = {}
    places: dict[tuple[object, str], str] = {}
    doors = {name: _door(host) for name, host in _below(inventory, "hosts")}
    for client, sites, name, site in _sites(inventory):
        path = joined("clients", client, "sites", name)
        if name in first:
            message = f"a second site {quoted(name)}, the first is on line {first[name]}"
            problems.append(
                sites.key_problem(name, path, message, "names of sites are unique in the inventory")
            )
        first.setdefault(name, sites.keys.get(name, (site.line, 0))[0])
        host, folder = site.get("host"), site.get("path")
        if host and _text(host) and host.value not in names.host:
            message = f"unknown host {quoted(_text(host))}"
            problems.append(host.problem(joined(path, "host"), message, closest(_text(host), names.host)))
        if host and folder and _text(host) and _text(folder):
            place = doors.get(_text(host), _text(host)), posixpath.normpath(f"/{_text(folder).lstrip('/')}")
            if place in places:
                message = f"the same path on {quoted(_text(host))} as site {quoted(places[place])}"
                problems.append(
                    folder.problem(joined(path, "path"), message, "each site has a folder of its own")
                )
            places.setdefault(place, name)
        _check_items(site.get("updates"), joined(path, "updates"), problems)


def _check_renames(inventory: Node, problems: Problems) -> None:
    """Nothing can have become two things."""
    clients = [(joined("clients", id_, "was"), client) for id_, client in _below(inventory, "clients")]
    sites = [
        (joined("clients", client, "sites", name, "was"), site) for client, _, name, site in _sites(inventory)
    ]
    for found in (clients, sites):
        first: dict[str, str] = {}
        for path, node in found:
            was = node.get("was")
            if was is None or not _text(was):
                continue
            if _text(was) in first:
                message = f"{quoted(_text(was))} was renamed twice, first at {first[_text(was)]}"
                problems.append(was.problem(path, message, "keep one of them"))
            first.setdefault(_text(was), path)


def _door(host: Node) -> tuple[str, ...]:
    """Where a host's login leads: two hosts with the same one are one machine, seen from the same root."""
    parts = (host.get(key) for key in ("address", "port", "user", "gateway"))
    address, port, user, gateway = (str(part.value) if part else "" for part in parts)
    return address.lower(), port if port != "22" else "", user, gateway


def _check_window(
    window: Node, path: str, names: Names, problems: Problems, *, playbooks: Collection[str]
) -> None:
    playbook = window.get("playbook")
    if playbook and _text(playbook) and playbook.value not in playbooks:
        hint = closest(_text(playbook), playbooks)
        hint = (
            hint
            if hint.startswith("did")
            else f"write playbooks/{_text(playbook)}.yaml, or use one: {hint[7:]}"
        )
        message = f"unknown playbook {quoted(_text(playbook))}"
        problems.append(playbook.problem(joined(path, "playbook"), message, hint))
    for key in ("sites", "rings"):
        listed = window.get(key)
        for index, entry in enumerate(_entries(listed)):
            where = joined(path, key) if entry is listed else joined(path, key, index)
            _check_selector(entry, where, names, problems, ring=key == "rings")
    sites = window.get("sites")
    if sites and sites.value in (None, []):
        problems.append(
            window.key_problem("sites", joined(path, "sites"), "names no site", "all of them: [all]")
        )


def _check_file(node: Node, path: str, base: Path, problems: Problems) -> None:
    named = _text(node)
    if named and not (base / Path(named).expanduser()).is_file():
        shown = named.removeprefix(f"{base}/")
        problems.append(node.problem(path, f"no file {quoted(shown)}", "a path from the workspace on"))


def _check_selector(node: Node, path: str, names: Names, problems: Problems, *, ring: bool = False) -> None:
    """Each term between commas; a `!` before it takes away what it names."""
    for term in _text(node).split(","):
        told = _mistake(term.strip().removeprefix("!").strip(), names, ring=ring) if term.strip() else None
        if told:
            problems.append(node.problem(path, *told))


def _mistake(term: str, names: Names, *, ring: bool) -> tuple[str, str] | None:
    """Message and hint, where a term of a selector can mean nothing."""
    if term == "all":
        return None
    what, colon, name = term.partition(":")
    if not colon:
        what, name = "site", term
    if what not in _WHAT or not re.fullmatch(r"[\w.*?\[\]!-]+", name):
        grammar = "a site, a glob, all, tag:NAME, client:NAME, host:NAME or kind:NAME"
        hint = closest(what, _WHAT) if what not in _WHAT else ""
        hint = hint.replace('"?', f':{name}"?') if hint.startswith("did") else grammar
        return f"{quoted(term)} is not a selector", hint
    known: Collection[str] = getattr(names, what)
    if re.search(r"[*?\[]", name):
        found = any(fnmatchcase(candidate, name) for candidate in known)
        return None if found else (f"{quoted(term)} matches no {what}", _there_are(known))
    if name in known or (ring and what == "tag" and _numbered(name, known)):
        return None
    elsewhere = next((w for w in _WHAT if not colon and name in getattr(names, w)), "")
    hint = f'did you mean "{elsewhere}:{name}"?' if elsewhere else closest(name, known)
    return f"unknown {what} {quoted(name)}", hint


def _numbered(tag: str, known: Collection[str]) -> bool:
    """A ring that differs from a known one in its number only may be empty for now."""
    shape = re.sub(r"\d+", "#", tag)
    return "#" in shape and any(re.sub(r"\d+", "#", other) == shape for other in known)


def _there_are(names: Collection[str]) -> str:
    return f"known: {listing(sorted(names))}" if names else ""


def _below(node: Node, key: str) -> Iterator[tuple[str, Node]]:
    child = node.get(key)
    return child.items() if child else iter(())


def _sites(inventory: Node) -> Iterator[tuple[str, Node, str, Node]]:
    """Client, the mapping that holds its sites, site and the site's node, in the order of the file."""
    for client, node in _below(inventory, "clients"):
        sites = node.get("sites")
        for name, site in sites.items() if sites else ():
            if sites:
                yield client, sites, name, site


def _listed_sites(inventory: Node) -> Iterator[Node]:
    """Sites that stand in a list, which is a mistake of its own and makes no tag of theirs unknown."""
    for _, client in _below(inventory, "clients"):
        sites = client.get("sites")
        yield from sites.entries() if sites else ()


def _entries(node: Node | None) -> list[Node]:
    """A list's entries; a bare text stands for a list of one."""
    if node is None:
        return []
    return [node] if isinstance(node.value, str) else node.entries()


def _text(node: Node | None) -> str:
    return node.value if node and isinstance(node.value, str) else ""


def _parts(text: str) -> list[str]:
    """Words between commas: what was meant by a list without brackets is no second mistake elsewhere."""
    return [part.strip() for part in text.split(",")]


def _texts(node: Node | None) -> list[str]:
    return [_text(entry) for entry in _entries(node) if _text(entry)]
