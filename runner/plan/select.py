"""Selectors of sites, as used by `-l`, `--exclude`, `when`, and the `sites` and `rings` of a window.

A selector is a site name, `client:NAME`, `tag:NAME`, `host:NAME`, `group:NAME` (of hosts), `kind:NAME` or
`all`; names may contain the wildcards `*`, `?` and `[...]`. Several selectors, in a list or separated by
commas, select the union; `!selector` excludes sites, in any position. If all are exclusions, they are taken
from all sites. `@failed` selects the given failed sites.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from runner.errors import UnknownNameError
from runner.model import Inventory, Site, SiteKind

__all__ = ["applies", "rings", "select"]

_SHOWN = 8
_FIELDS: dict[str, Callable[[Site], Collection[str]]] = {
    "site": lambda site: (site.name,),
    "client": lambda site: (site.client,),
    "tag": lambda site: site.tags,
    "host": lambda site: (site.host,),
    "group": lambda site: (site.group,) if site.group else (),
    "kind": lambda site: (site.kind.value,),
}


def select(
    inventory: Inventory,
    limits: Sequence[str] = (),
    excludes: Sequence[str] = (),
    *,
    failed: Collection[str] = (),
) -> tuple[Site, ...]:
    """Return the sites selected by `limits` (all if empty) but not by `excludes`, in inventory order.

    Raises:
        UnknownNameError: a selector matches nothing in this inventory.
    """
    included, excluded = _terms(limits), _terms(excludes)
    for term in (*included, *excluded):
        _require_known(term.removeprefix("!"), inventory)
    return tuple(
        site
        for site in inventory.sites.values()
        if (not included or _matches(included, site, failed))
        and not (excluded and _matches(excluded, site, failed))
    )


def applies(selector: str | None, site: Site) -> bool:
    """Whether a step's `when` matches a site. Unknown names match nothing, since playbooks are shared."""
    return selector is None or _matches(_terms([selector]), site, ())


def rings(sites: Sequence[Site], selectors: Sequence[str]) -> tuple[tuple[Site, ...], ...]:
    """Split sites into rings: each goes to the first ring that matches, the rest to a last ring."""
    left = list(sites)
    found = []
    for selector in selectors:
        ring = tuple(site for site in left if applies(selector, site))
        left = [site for site in left if site not in ring]
        found.append(ring)
    return tuple(ring for ring in (*found, tuple(left)) if ring)


def _terms(selectors: Iterable[str]) -> list[str]:
    return [term.strip() for text in selectors for term in text.split(",") if term.strip()]


def _matches(terms: Sequence[str], site: Site, failed: Collection[str]) -> bool:
    included = [term for term in terms if not term.startswith("!")]
    excluded = [term[1:].strip() for term in terms if term.startswith("!")]
    selected = any(_term_matches(term, site, failed) for term in included) if included else True
    return selected and not any(_term_matches(term, site, failed) for term in excluded)


def _term_matches(term: str, site: Site, failed: Collection[str]) -> bool:
    if term == "all":
        return True
    if term == "@failed":
        return site.name in failed
    field, pattern = _split(term)
    return any(fnmatchcase(value, pattern) for value in _FIELDS[field](site)) if field in _FIELDS else False


def _split(term: str) -> tuple[str, str]:
    field, colon, name = term.partition(":")
    return (field, name) if colon else ("site", term)


def _require_known(term: str, inventory: Inventory) -> None:
    if term in {"all", "@failed"}:
        return
    field, pattern = _split(term)
    if field not in _FIELDS:
        raise UnknownNameError(
            f"{term!r} is not a selector",
            hint="write a site, client:NAME, tag:NAME, host:NAME, group:NAME or kind:NAME",
        )
    names = _names(field, inventory)
    if any(fnmatchcase(name, pattern) for name in names):
        return
    is_glob = bool(set(pattern) & set("*?["))
    message = f"no {field} matches {pattern!r}" if is_glob else f"unknown {field} {pattern!r}"
    raise UnknownNameError(message, hint=_suggestion(field, pattern, inventory))


def _suggestion(field: str, pattern: str, inventory: Inventory) -> str:
    names = _names(field, inventory)
    prefix = "" if field == "site" else f"{field}:"
    for other in ("client", "tag", "host", "group"):
        if field == "site" and pattern in _names(other, inventory):
            return f"did you mean {other}:{pattern}?"
    if close := get_close_matches(pattern, names, n=1):
        return f"did you mean {prefix}{close[0]}?"
    return f"known: {', '.join(names[:_SHOWN])}" if names else f"the inventory has no {field}s"


def _names(field: str, inventory: Inventory) -> list[str]:
    known: dict[str, Iterable[str]] = {
        "client": inventory.clients,
        "host": inventory.hosts,
        "group": dict.fromkeys(host.group for host in inventory.hosts.values() if host.group),
        "kind": [kind.value for kind in SiteKind],
    }
    if field in known:
        return list(known[field])
    return sorted({value for site in inventory.sites.values() for value in _FIELDS[field](site)})
