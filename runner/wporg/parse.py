"""Answers of wordpress.org, checked field by field: a mirror or a proxy may give others than it would."""

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
_NEEDED = re.compile(r"[0-9.]{0,20}")
_ITEM = re.compile(r"[A-Za-z0-9._-]{1,200}(?:/[A-Za-z0-9._-]{1,200})?")
_SLUG = re.compile(r"[A-Za-z0-9_-]{1,200}")
_NEEDS = 50
_SUM = re.compile(r"[0-9a-f]{32}")
_PACKAGES = "downloads.wordpress.org"
_ENTRIES, _FILES, _PATH = 5_000, 60_000, 500


class AnswerError(SitecrewError):
    """An answer that is none of wordpress.org's."""


def releases(kind: str, body: bytes) -> Mapping[str, Release]:
    """Main file of a plugin, or folder of a theme, to its newest release.

    Raises:
        AnswerError: as all functions here, where the answer is not what the API describes.
    """
    data = _object(body)
    found = {}
    for part in (kind, "no_update"):
        for item, entry in _mapping(data.get(part)).items():
            if _ITEM.fullmatch(item) and isinstance(entry, dict):
                found[item] = _release(entry, "new_version", "requires")
    return found


def closed(body: bytes) -> str:
    """Since when a plugin is closed, and why, in a sentence; empty where it is not."""
    data = _object(body)
    if data.get("error") != "closed":
        return ""
    day, why = (
        data.get(name) if isinstance(data.get(name), str) else "" for name in ("closed_date", "reason_text")
    )
    since = f" since {sentence(day, 30)}" if day else ""
    because = f" ({sentence(why, 80)})" if why else ""
    return f"wordpress.org has closed it{since}{because}"


def core_releases(body: bytes) -> tuple[CoreOffer, ...]:
    """The versions of WordPress that are offered, each once."""
    offers = _object(body).get("offers")
    if not isinstance(offers, list) or len(offers) > _ENTRIES:
        raise AnswerError("offers is no list")
    found: dict[str, CoreOffer] = {}
    for entry in offers:
        if not isinstance(entry, dict):
            raise AnswerError("an offer is no object")
        if entry.get("response") == "development" or entry.get("locale") not in {None, "en_US"}:
            continue
        made = CoreOffer(
            version=_text(entry, "current", _VERSION),
            package=_package(entry.get("download")),
            requires_php=_text(entry, "php_version", _NEEDED),
            requires_mysql=_text(entry, "mysql_version", _NEEDED),
        )
        found.setdefault(made.version, made)
    return tuple(found.values())


def core_sums(body: bytes) -> Mapping[str, tuple[str, ...]]:
    """File of WordPress to its MD5; empty where there is no list."""
    sums = _object(body).get("checksums")
    return {} if sums is False else dict(_sums(_mapping(sums)))


def plugin_sums(body: bytes) -> Mapping[str, tuple[str, ...]]:
    """File of a plugin to the MD5 sums that it may have; empty where there is no list."""
    files = _mapping(_object(body).get("files"))
    return dict(_sums({name: entry.get("md5") for name, entry in files.items() if isinstance(entry, dict)}))


def _sums(entries: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    if len(entries) > _FILES:
        raise AnswerError(f"it lists {len(entries)} files; the limit is {_FILES}")
    for name, value in entries.items():
        several = value if isinstance(value, list) else [value]
        sums = tuple(one.lower() for one in several if isinstance(one, str))
        if not _is_file(name) or not sums or len(sums) != len(several) or not all(map(_SUM.fullmatch, sums)):
            raise AnswerError("it lists a file that is none, or a checksum that is none")
        yield name, sums


def _is_file(name: str) -> bool:
    parts = name.split("/")
    return len(name) <= _PATH and name.isprintable() and not {"", ".", ".."} & set(parts) and "\\" not in name


def _release(entry: Mapping[str, Any], version: str, wordpress: str) -> Release:
    return Release(
        version=_text(entry, version, _VERSION),
        package=_package(entry.get("package")),
        requires_php=_text(entry, "requires_php", _NEEDED),
        requires_wordpress=_text(entry, wordpress, _NEEDED),
        requires_plugins=_slugs(entry.get("requires_plugins")),
    )


def _slugs(value: object) -> tuple[str, ...]:
    """Names of plugins; what is none is passed over."""
    named = value[:_NEEDS] if isinstance(value, list) else []
    return tuple(one for one in named if isinstance(one, str) and _SLUG.fullmatch(one))


def _text(entry: Mapping[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = entry.get(name)
    value = "" if value is None or value is False else value
    if not isinstance(value, str) or not form.fullmatch(value):
        raise AnswerError(f"{name} is not what it should be")
    return value


def _package(value: object) -> str:
    """An address of a package; empty where there is none."""
    if not value:
        return ""
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        good = parts is not None and (parts.scheme, parts.netloc) == ("https", _PACKAGES)
    except ValueError:
        good = False
    if not good or not isinstance(value, str) or not re.fullmatch(r"[!-~]{1,500}", value):
        raise AnswerError("a package is not on https://downloads.wordpress.org")
    return value


def _mapping(value: object) -> Mapping[str, Any]:
    """An object; PHP writes an empty one as a list."""
    if value in ([], None):
        return {}
    if not isinstance(value, dict):
        raise AnswerError("it has not the form of an answer")
    return value


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise AnswerError("it is no JSON") from error
    if not isinstance(data, dict):
        raise AnswerError("it is no object")
    return data
