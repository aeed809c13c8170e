"""The facts of a site built from what its PHP printed: every field checked for its type, size and form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from runner.model import (
    AutoUpdate,
    CoreOffer,
    Extension,
    LogMark,
    Package,
    SiteFacts,
    SubSite,
    Translation,
)
from runner.steps.wordpress import forms
from runner.steps.wordpress.program_output import Rules, shaped

__all__ = ["site_facts"]

_Kind = TypeVar("_Kind", Extension, CoreOffer, Translation, SubSite, LogMark, AutoUpdate, Package)
_MOST = {
    "plugins": 500,
    "themes": 500,
    "core_offers": 50,
    "translations": 5_000,
    "network": 1_000,
    "logs": 8,
    "auto_updates": 1_000,
    "packages": 300,
}
"""The most entries of each list that are accepted from a site."""
_MOST_REJECTED = 20
"""Rejected entries that are reported."""
_VERDICTS: Mapping[str, Any] = {"decided": False, "dispute": "", "untrusted": ""}
_CONTROLLER_FIELDS: Mapping[type, Mapping[str, Any]] = {
    Extension: {**_VERDICTS, "published": "", "closed": "", "edited": ()},
    CoreOffer: _VERDICTS,
    Package: {"allowed": "", "latest": "", "versions": ()},
    SiteFacts: {
        "unconfirmed": "",
        "unproven": "",
        "composer_asked": False,
        "composer_hold": "",
        "composer_problem": "",
        "commit_problem": "",
    },
}
"""Fields that only the controller sets; what a site prints for them is ignored."""
_RULES: Mapping[type, Rules] = {
    Extension: {
        "slug": forms.item,
        "version": forms.version,
        "file": forms.file,
        "folder": forms.path,
        "offered": forms.version,
        "package": forms.package,
        "requires_php": forms.version,
        "requires_wordpress": forms.version,
        "released": forms.moment,
        "composer": forms.composer,
        "checkout": forms.checkout,
        "waits": forms.own_update,
        "drop_in": forms.drop_in,
    },
    CoreOffer: {
        "version": forms.version,
        "package": forms.package,
        "requires_php": forms.version,
        "requires_mysql": forms.version,
    },
    Translation: {
        "type": forms.family,
        "slug": forms.slug,
        "language": forms.language,
        "installed": forms.moment,
        "offered": forms.moment,
        "package": forms.package,
    },
    SubSite: {"url": forms.address, "home": forms.address},
    LogMark: {"path": forms.path},
    AutoUpdate: {"kind": forms.updated, "key": forms.file},
    Package: {
        "name": forms.composer,
        "through": forms.composer,
        "part": forms.family,
        "slug": forms.slug,
        "version": forms.version,
        "installed": forms.version,
        "folder": forms.path,
    },
    SiteFacts: {
        "wordpress": forms.version,
        "php": forms.version,
        "web_php": forms.version,
        "mysql": forms.version,
        "locale": forms.locale,
        "home": forms.address,
        "siteurl": forms.address,
        "root": forms.path,
        "content": forms.path,
        "languages_folder": forms.path,
        "plugins_folder": forms.path,
        "themes_folder": forms.path,
        "project": forms.path,
        "core_composer": forms.composer,
        "release": forms.path,
        "vendor": forms.path,
        "checkout": forms.path,
    },
}
"""The form of each text that becomes part of a path, a URL or a command."""


def site_facts(data: Mapping[str, Any]) -> SiteFacts:
    """The facts in one object that a site printed.

    Raises:
        ValueError: a field is missing, of the wrong type or too large; `FormError`: of the wrong form.
    """
    rejected: list[str] = []
    lists = {
        "plugins": _entries(Extension, data, "plugins", rejected),
        "themes": _entries(Extension, data, "themes", rejected),
        "core_offers": _entries(CoreOffer, data, "core_offers", rejected),
        "translations": _entries(Translation, data, "translations", rejected),
        "network": _entries(SubSite, data, "network", rejected),
        "logs": _entries(LogMark, data, "logs", rejected),
        "auto_updates": _entries(AutoUpdate, data, "auto_updates", rejected),
        "packages": _entries(Package, data, "packages", rejected),
    }
    return shaped(
        SiteFacts,
        data,
        _RULES[SiteFacts],
        **lists,
        **_CONTROLLER_FIELDS[SiteFacts],
        odd=tuple(rejected[:_MOST_REJECTED]),
    )


def _entries(kind: type[_Kind], data: Mapping[str, Any], name: str, rejected: list[str]) -> tuple[_Kind, ...]:
    """The valid entries of a list; for each of the others, a sentence is added to `rejected`.

    Raises:
        ValueError: it is not a list, or it has too many entries.
    """
    entries = data.get(name) or []
    if not isinstance(entries, list):
        raise ValueError(f"{name} is not a list")  # noqa: TRY004 - one exception for all malformed input
    if len(entries) > _MOST[name]:
        raise ValueError(f"{len(entries)} {name}; the limit is {_MOST[name]}")
    found: dict[object, _Kind] = {}
    for entry in entries:
        try:
            made = shaped(kind, entry, _RULES[kind], **_CONTROLLER_FIELDS.get(kind, {}))
        except ValueError as error:
            if not isinstance(entry, dict) or not isinstance(error, forms.FormError):
                raise
            rejected.append(f"{name}: {error}")
            continue
        found.setdefault(_identity(made), made)
    return tuple(found.values())


def _identity(entry: object) -> object:
    """What identifies an entry in its list; of two equal ones, the first is used."""
    match entry:
        case Extension(slug=slug):
            return slug
        case Package(name=name):
            return name
        case Translation():
            return entry.item
    return entry
