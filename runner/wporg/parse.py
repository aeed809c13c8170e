"""Parse responses of wordpress.org. Every field is checked, because a mirror or proxy may change them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from runner.errors import SitecrewError
from runner.model import CoreOffer, Release
from runner.untrusted import sentence

__all__ = ["AnswerError", "closed", "core_releases", "core_sums", "plugin_sums", "releases"]

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,79}")
_REQUIRED_VERSION = re.compile(r"[0-9.]{0,20}")
_ITEM = re.compile(r"[A-Za-z0-9._-]{1,200}(?:/[A-Za-z0-9._-]{1,200})?")
_SLUG = re.compile(r"[A-Za-z0-9_-]{1,200}")
_DEPENDENCIES = 50
_SUM = re.compile(r"[0-9a-f]{32}")
_PACKAGE_HOST = "downloads.wordpress.org"
_ENTRIES, _FILES, _PATH = 5_000, 60_000, 500


class AnswerError(SitecrewError):
    """An invalid response."""


def releases(kind: str, body: bytes) -> Mapping[str, Release]:
    """Return the newest releases by main file of a plugin or folder of a theme.

    Raises:
        AnswerError: the response is invalid. This applies to all functions of this module.
    """
    data = _object(body)
    found = {}
    for part in (kind, "no_update"):
        for item, entry in _mapping(data.get(part)).items():
            if _ITEM.fullmatch(item) and isinstance(entry, dict):
                found[item] = _release(entry, "new_version", "requires")
    return found


def closed(body: bytes) -> str:
    """Return since when and why a plugin is closed; empty if it is not."""
    data = _object(body)
    if data.get("error") != "closed":
        return ""
    date, reason = (
        data.get(name) if isinstance(data.get(name), str) else "" for name in ("closed_date", "reason_text")
    )
    since = f" since {sentence(date, 30)}" if date else ""
    because = f" ({sentence(reason, 80)})" if reason else ""
    return f"closed on wordpress.org{since}{because}"


def core_releases(body: bytes) -> tuple[CoreOffer, ...]:
    """Return the offered versions of WordPress without duplicates."""
    offers = _object(body).get("offers")
    if not isinstance(offers, list) or len(offers) > _ENTRIES:
        raise AnswerError("`offers` is not a list")
    found: dict[str, CoreOffer] = {}
    for entry in offers:
        if not isinstance(entry, dict):
            raise AnswerError("an offer is not an object")
        if entry.get("response") == "development" or entry.get("locale") not in {None, "en_US"}:
            continue
        offer = CoreOffer(
            version=_text(entry, "current", _VERSION),
            package=_package(entry.get("download")),
            requires_php=_text(entry, "php_version", _REQUIRED_VERSION),
            requires_mysql=_text(entry, "mysql_version", _REQUIRED_VERSION),
        )
        found.setdefault(offer.version, offer)
    return tuple(found.values())


def core_sums(body: bytes) -> Mapping[str, tuple[str, ...]]:
    """Return the MD5 sums of WordPress by file; empty if there are none."""
    sums = _object(body).get("checksums")
    return {} if sums is False else dict(_sums(_mapping(sums)))


def plugin_sums(body: bytes) -> Mapping[str, tuple[str, ...]]:
    """Return the allowed MD5 sums of a plugin by file; empty if there are none."""
    files = _mapping(_object(body).get("files"))
    return dict(_sums({name: entry.get("md5") for name, entry in files.items() if isinstance(entry, dict)}))


def _sums(entries: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    if len(entries) > _FILES:
        raise AnswerError(f"it lists {len(entries)} files; the limit is {_FILES}")
    for name, value in entries.items():
        values = value if isinstance(value, list) else [value]
        sums = tuple(one.lower() for one in values if isinstance(one, str))
        if not _is_file(name) or not sums or len(sums) != len(values) or not all(map(_SUM.fullmatch, sums)):
            raise AnswerError("it lists an invalid file name or checksum")
        yield name, sums


def _is_file(name: str) -> bool:
    parts = name.split("/")
    return len(name) <= _PATH and name.isprintable() and not {"", ".", ".."} & set(parts) and "\\" not in name


def _release(entry: Mapping[str, Any], version: str, wordpress: str) -> Release:
    return Release(
        version=_text(entry, version, _VERSION),
        package=_package(entry.get("package")),
        requires_php=_text(entry, "requires_php", _REQUIRED_VERSION),
        requires_wordpress=_text(entry, wordpress, _REQUIRED_VERSION),
        requires_plugins=_slugs(entry.get("requires_plugins")),
    )


def _slugs(value: object) -> tuple[str, ...]:
    """Return names of plugins. Invalid ones are ignored."""
    names = value[:_DEPENDENCIES] if isinstance(value, list) else []
    return tuple(one for one in names if isinstance(one, str) and _SLUG.fullmatch(one))


def _text(entry: Mapping[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = entry.get(name)
    value = "" if value is None or value is False else value
    if not isinstance(value, str) or not form.fullmatch(value):
        raise AnswerError(f"`{name}` is invalid")
    return value


def _package(value: object) -> str:
    """Return the URL of a package; empty if there is none."""
    if not value:
        return ""
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        is_valid = parts is not None and (parts.scheme, parts.netloc) == ("https", _PACKAGE_HOST)
    except ValueError:
        is_valid = False
    if not is_valid or not isinstance(value, str) or not re.fullmatch(r"[!-~]{1,500}", value):
        raise AnswerError("a package is not on https://downloads.wordpress.org")
    return value


def _mapping(value: object) -> Mapping[str, Any]:
    """Return a JSON object. PHP encodes an empty one as a list."""
    if value in ([], None):
        return {}
    if not isinstance(value, dict):
        raise AnswerError("it has an unexpected structure")
    return value


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise AnswerError("it is not JSON") from error
    if not isinstance(data, dict):
        raise AnswerError("it is not an object")
    return data
