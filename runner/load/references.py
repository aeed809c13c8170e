"""Checks across the files: names that refer to others must exist, and sites must not overlap.

These work on the trees, not on the model, so that mistakes of both kinds are reported together.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from runner.load.crew import check_crew
from runner.load.habits import is_expression
from runner.load.host_checks import check_gateways, check_groups
from runner.load.host_options import effective_hosts
from runner.load.nodes import Node, Problems
from runner.load.text import closest, joined, listing, quoted
from runner.load.values import Wrong, item
from runner.model import Level, SiteKind

__all__ = [
    "Names",
    "check_approve",
    "check_inventory",
    "check_rings",
    "check_settings",
    "check_when",
    "names_of",
]


_SELECTOR_TYPES = ("site", "client", "host", "group", "tag", "kind")


@dataclass(frozen=True, slots=True)
class Names:
    """The names that selectors can use."""

    site: Collection[str]
    client: Collection[str]
    host: Collection[str]
    group: Collection[str]
    tag: Collection[str]
    kind: Collection[str] = tuple(SiteKind)


def names_of(inventory: Node) -> Names:
    """Collect the names in an inventory, as far as it is well-formed."""
    sites = list(_sites(inventory))
    tagged = [*(site for _, _, _, site in sites), *_listed_sites(inventory)]
    tags = {tag for site in tagged for text in _texts(site.get("tags")) for tag in _parts(text)}
    kinds = {_text(site.get("kind")) or SiteKind.WORDPRESS for _, _, _, site in sites}
    return Names(
        site={name for _, _, name, _ in sites},
        client={name for name, _ in inventory.below("clients")},
        host={name for name, _ in inventory.below("hosts")} | set(_texts(inventory.get("hosts"))),
        group={name for name, _ in inventory.below("groups")},
        tag=tags | (kinds & set(SiteKind)),
    )


def check_inventory(inventory: Node, names: Names, playbooks: Collection[str], problems: Problems) -> None:
    """Check references between hosts, groups, gateways, sites and windows."""
    check_groups(inventory, problems)
    check_gateways(inventory, problems)
    _check_sites(inventory, names, problems)
    _check_renames(inventory, problems)
    for name, client in inventory.below("clients"):
        path = joined("clients", name)
        _check_items(client.get("updates"), joined(path, "updates"), problems)
    for name, window in inventory.below("windows"):
        _check_window(window, joined("windows", name), names, problems, playbooks=playbooks)


def check_settings(settings: Node, problems: Problems) -> None:
    """Check the names of items and whether the logo exists."""
    agency = settings.get("agency")
    logo = agency.get("logo") if agency else None
    if logo:
        _check_file(logo, "agency.logo", logo.origin.base, problems)
    check_crew(settings, problems)
    policy = settings.get("policy")
    _check_items(policy and policy.get("updates"), joined("policy", "updates"), problems)


def check_rings(settings: Node, names: Names, problems: Problems) -> None:
    """Check the selectors of `policy.rings.order` against the inventory."""
    policy = settings.get("policy")
    rings = policy.get("rings") if policy else None
    listed = rings.get("order") if rings else None
    for index, entry in enumerate(_entries(listed)):
        where = joined("policy", "rings", "order", *([] if entry is listed else [index]))
        _check_selector(entry, where, names, problems, ring=True)


def check_approve(settings: Node, names: Names, problems: Problems) -> None:
    """Check the selectors of `policy.approve` against the inventory."""
    policy = settings.get("policy")
    _check_approve(policy and policy.get("approve"), joined("policy", "approve"), names, problems)


def _check_approve(listed: Node | None, path: str, names: Names, problems: Problems) -> None:
    for index, entry in enumerate(_entries(listed)):
        if entry.value not in {"majors", "none", *Level}:
            where = path if entry is listed else joined(path, index)
            _check_selector(entry, where, names, problems)


def check_when(playbook: Node, names: Names, problems: Problems) -> None:
    """Check the `when` of each step of a playbook."""
    steps = playbook.get("steps")
    for index, step in enumerate(steps.entries() if steps else []):
        when = step.get("when")
        if when:
            _check_selector(when, joined("steps", index, "when"), names, problems)


def _check_items(updates: Node | None, path: str, problems: Problems) -> None:
    """Check the names of items that have their own rules."""
    for key, _ in updates.items() if updates else ():
        try:
            item(key)
        except Wrong as wrong:
            if updates:
                problems.append(updates.key_problem(key, joined(path, key), str(wrong), wrong.hint))


def _check_sites(inventory: Node, names: Names, problems: Problems) -> None:
    first: dict[str, tuple[str, int]] = {}
    places: dict[tuple[object, str], str] = {}
    logins = {name: _login(host) for name, host in effective_hosts(inventory).items()}
    for client, sites, name, site in _sites(inventory):
        path = joined("clients", client, "sites", name)
        if name in first:
            file, line = first[name]
            where = f"on line {line}" if file == site.origin.name else f"at {file}:{line}"
            message = f"duplicate site {quoted(name)}, first {where}"
            problems.append(
                sites.key_problem(name, path, message, "site names must be unique in the inventory")
            )
        first.setdefault(name, (site.origin.name, sites.keys.get(name, (site.line, 0))[0]))
        host, folder = site.get("host"), site.get("path")
        if host and _text(host) and host.value not in names.host:
            message = f"unknown host {quoted(_text(host))}"
            problems.append(host.problem(joined(path, "host"), message, closest(_text(host), names.host)))
        if host and folder and _text(host) and _text(folder):
            place = logins.get(_text(host), _text(host)), posixpath.normpath(f"/{_text(folder).lstrip('/')}")
            if place in places:
                message = f"same path on {quoted(_text(host))} as site {quoted(places[place])}"
                problems.append(
                    folder.problem(joined(path, "path"), message, "each site needs its own folder")
                )
            places.setdefault(place, name)
        _check_items(site.get("updates"), joined(path, "updates"), problems)


def _check_renames(inventory: Node, problems: Problems) -> None:
    """Check that no previous name is used twice."""
    clients = [(joined("clients", id_, "was"), client) for id_, client in inventory.below("clients")]
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
                message = (
                    f"{quoted(_text(was))} is the previous name of two entries, first at {first[_text(was)]}"
                )
                problems.append(was.problem(path, message, "keep one of them"))
            first.setdefault(_text(was), path)


def _login(host: Node) -> tuple[str, ...]:
    """The login of a host. Two hosts with the same login are the same machine."""
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
    _check_approve(window.get("approve"), joined(path, "approve"), names, problems)
    for key in ("sites", "rings"):
        listed = window.get(key)
        for index, entry in enumerate(_entries(listed)):
            where = joined(path, key) if entry is listed else joined(path, key, index)
            _check_selector(entry, where, names, problems, ring=key == "rings")
    sites = window.get("sites")
    if sites and sites.value in (None, []):
        problems.append(
            window.key_problem("sites", joined(path, "sites"), "has no sites", "for all sites: [all]")
        )


def _check_file(node: Node, path: str, base: Path, problems: Problems) -> None:
    named = _text(node)
    if named and not (base / Path(named).expanduser()).is_file():
        shown = named.removeprefix(f"{base}/")
        problems.append(node.problem(path, f"no file {quoted(shown)}", "paths are relative to the workspace"))


def _check_selector(node: Node, path: str, names: Names, problems: Problems, *, ring: bool = False) -> None:
    """Check each comma-separated term; a term with `!` excludes what it matches."""
    for term in _text(node).split(","):
        name = term.strip().removeprefix("!").strip()
        mistake = _term_mistake(name, names, ring=ring) if term.strip() else None
        if mistake:
            problems.append(node.problem(path, *mistake))


def _term_mistake(term: str, names: Names, *, ring: bool) -> tuple[str, str] | None:
    """Message and hint if a term of a selector is invalid or matches nothing."""
    if term == "all":
        return None
    what, colon, name = term.partition(":")
    if not colon:
        what, name = "site", term
    if what not in _SELECTOR_TYPES or not re.fullmatch(r"[\w.*?\[\]!-]+", name):
        grammar = "a site, a glob, all, tag:NAME, client:NAME, host:NAME, group:NAME or kind:NAME"
        hint = closest(what, _SELECTOR_TYPES) if what not in _SELECTOR_TYPES else ""
        hint = hint.replace('"?', f':{name}"?') if hint.startswith("did") else grammar
        if is_expression(term):
            hint = f"it takes {grammar}, not an expression"
        return f"{quoted(term)} is not a selector", hint
    known: Collection[str] = getattr(names, what)
    if re.search(r"[*?\[]", name):
        found = any(fnmatchcase(candidate, name) for candidate in known)
        return None if found else (f"{quoted(term)} matches no {what}", _known_hint(known))
    if name in known or (ring and what == "tag" and _is_numbered_like(name, known)):
        return None
    elsewhere = next((w for w in _SELECTOR_TYPES if not colon and name in getattr(names, w)), "")
    hint = f'did you mean "{elsewhere}:{name}"?' if elsewhere else closest(name, known)
    return f"unknown {what} {quoted(name)}", hint


def _is_numbered_like(tag: str, known: Collection[str]) -> bool:
    """Whether a ring differs from a known one only in its number. Such a ring may still be empty."""
    shape = re.sub(r"\d+", "#", tag)
    return "#" in shape and any(re.sub(r"\d+", "#", other) == shape for other in known)


def _known_hint(names: Collection[str]) -> str:
    return f"known: {listing(sorted(names))}" if names else ""


def _sites(inventory: Node) -> Iterator[tuple[str, Node, str, Node]]:
    """Yield client, the mapping of its sites, site name and site node, in the order of the file."""
    for client, node in inventory.below("clients"):
        sites = node.get("sites")
        for name, site in sites.items() if sites else ():
            if sites:
                yield client, sites, name, site


def _listed_sites(inventory: Node) -> Iterator[Node]:
    """Yield sites written as a list. That is a separate mistake; their tags still count as known."""
    for _, client in inventory.below("clients"):
        sites = client.get("sites")
        yield from sites.entries() if sites else ()


def _entries(node: Node | None) -> list[Node]:
    """The entries of a list; a bare text counts as a list of one."""
    if node is None:
        return []
    return [node] if isinstance(node.value, str) else node.entries()


def _text(node: Node | None) -> str:
    return node.value if node and isinstance(node.value, str) else ""


def _parts(text: str) -> list[str]:
    """Split at commas, so that a list without its brackets is reported only once."""
    return [part.strip() for part in text.split(",")]


def _texts(node: Node | None) -> list[str]:
    return [_text(entry) for entry in _entries(node) if _text(entry)]
