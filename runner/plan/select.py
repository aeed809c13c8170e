"""Selectors: which sites are meant by `-l`, `--exclude`, `when`, and the `sites` and `rings` of a window.

A selector is the name of a site, `client:NAME`, `tag:NAME`, `host:NAME`, `kind:NAME` or `all`; `*`, `?` and
`[...]` match in each. Several stand in a list or between commas and add up; `!selector` takes away again,
wherever it stands. A list of nothing but `!selector` begins with all. `@failed` is the sites given as such.
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
    "kind": lambda site: (site.kind.value,),
}


def select(
    inventory: Inventory,
    limits: Sequence[str] = (),
    excludes: Sequence[str] = (),
    *,
    failed: Collection[str] = (),
) -> tuple[Site, ...]:
    """The sites that `limits` name and `excludes` do not, in the order of the inventory. No limits: all.

    Raises:
        UnknownNameError: a selector that can match nothing in this inventory.
    """
    wanted, left_out = _terms(limits), _terms(excludes)
    for term in (*wanted, *left_out):
        _require_known(term.removeprefix("!"), inventory)
    return tuple(
        site
        for site in inventory.sites.values()
        if (not wanted or _matches(wanted, site, failed))
        and not (left_out and _matches(left_out, site, failed))
    )


def applies(selector: str | None, site: Site) -> bool:
    """Whether a step's `when` means this site. Unknown names match nothing: playbooks are shared."""
    return selector is None or _matches(_terms([selector]), site, ())


def rings(sites: Sequence[Site], selectors: Sequence[str]) -> tuple[tuple[Site, ...], ...]:
    """The sites ring by ring: each in the first ring that means it, those that none means in a last one."""
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
    added = [term for term in terms if not term.startswith("!")]
    taken = [term[1:].strip() for term in terms if term.startswith("!")]
    meant = any(_means(term, site, failed) for term in added) if added else True
    return meant and not any(_means(term, site, failed) for term in taken)


def _means(term: str, site: Site, failed: Collection[str]) -> bool:
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
            f"{term!r} is not a selector", hint="write a site, client:NAME, tag:NAME, host:NAME or kind:NAME"
        )
    names = _names(field, inventory)
    if any(fnmatchcase(name, pattern) for name in names):
        return
    verb = "matches" if set(pattern) & set("*?[") else "is called"
    raise UnknownNameError(f"no {field} {verb} {pattern!r}", hint=_suggestion(field, pattern, inventory))


def _suggestion(field: str, pattern: str, inventory: Inventory) -> str:
    names = _names(field, inventory)
    prefix = "" if field == "site" else f"{field}:"
    for other in ("client", "tag", "host"):
        if field == "site" and pattern in _names(other, inventory):
            return f"did you mean {other}:{pattern}?"
    if close := get_close_matches(pattern, names, n=1):
        return f"did you mean {prefix}{close[0]}?"
    return f"there is {', '.join(names[:_SHOWN])}" if names else f"the inventory has no {field}"


def _names(field: str, inventory: Inventory) -> list[str]:
    known: dict[str, Iterable[str]] = {
        "client": inventory.clients,
        "host": inventory.hosts,
        "kind": [kind.value for kind in SiteKind],
    }
    if field in known:
        return list(known[field])
    return sorted({value for site in inventory.sites.values() for value in _FIELDS[field](site)})
