"""Validate slugs, versions, paths and URLs from any source.

These values become parts of paths, URLs and shell words. A value of another form is rejected, never repaired.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from runner.untrusted import clean, sentence

__all__ = [
    "FormError",
    "address",
    "checkout",
    "composer",
    "drop_in",
    "family",
    "file",
    "item",
    "language",
    "locale",
    "moment",
    "named",
    "own_update",
    "package",
    "path",
    "slug",
    "updated",
    "version",
]

_SLUG = re.compile(r"[A-Za-z0-9._-]{1,200}")
_VERSION = re.compile(r"[A-Za-z0-9._+~ #-]{0,80}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:_[A-Za-z0-9]{1,16}){0,3}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|undated|")
_COMPOSER = re.compile(r"(?:[a-z0-9_.-]{1,100}/[a-z0-9_.-]{1,200})?")
_OWN_UPDATES = frozenset({"", "wc update", "elementor update db"})
_DROP_INS = frozenset({"", "object-cache.php", "advanced-cache.php", "db.php"})
_FAMILIES = frozenset({"core", "plugin", "theme"})
_PATH = 1024
_ADDRESS = 2000


class FormError(ValueError):
    """A value does not have its form; the message shows it."""


def slug(text: str) -> str:
    """The name of a folder below plugins or themes.

    Raises:
        FormError: it is not valid, as in all functions here.
    """
    if not _SLUG.fullmatch(text) or text.strip(".") == "":
        raise FormError(f"{named(text)} is not a name of letters, digits, dots, hyphens and underscores")
    return text


def item(text: str) -> str:
    """A slug, or ``folder/name`` for the second plugin in a folder."""
    return "/".join(slug(part) for part in _split(text, 4))


def file(text: str) -> str:
    """The main file of a plugin, relative to the plugins' folder, or the folder of a theme; may be empty."""
    return item(text) if text else ""


def version(text: str) -> str:
    """A version; may be empty."""
    text = text.strip()
    if not _VERSION.fullmatch(text) or (text and not text.strip(".")):
        raise FormError(f"{named(text)} is not a version")
    return text


def language(text: str) -> str:
    """A language as WordPress writes it, like ``de_DE`` or ``de_DE_formal``."""
    if not _LANGUAGE.fullmatch(text):
        raise FormError(f"{named(text)} is not a language")
    return text


def path(text: str) -> str:
    """An absolute, normalised path on the host, with or without a trailing slash; may be empty."""
    parts = text.removesuffix("/").split("/")[1:]
    plain = len(text) <= _PATH and clean(text) == text and not {"\n", "\t"} & set(text)
    if text and not (text.startswith("/") and plain and all(part not in {"", ".", ".."} for part in parts)):
        raise FormError(f"{named(text)} is not an absolute, plain path")
    return text


def address(text: str) -> str:
    """A URL; may be empty."""
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or len(text) > _ADDRESS or not text.isprintable() or " " in text:
        raise FormError(f"{named(text)} is not a URL")
    return text


def package(text: str) -> str:
    """The location of a package, a URL or a file on the host; may be empty."""
    return path(text) if text.startswith("/") else address(text)


def checkout(text: str) -> str:
    """A version control system; may be empty."""
    if text not in {"", "git", "svn", "hg", "bzr"}:
        raise FormError(f"{named(text)} is not a version control system")
    return text


def own_update(text: str) -> str:
    """The wp-cli command that upgrades a plugin's own tables; may be empty."""
    if text not in _OWN_UPDATES:
        raise FormError(f"{named(text)} is not a command that upgrades a plugin's tables")
    return text


def drop_in(text: str) -> str:
    """A drop-in that a plugin installs in wp-content; may be empty."""
    if text not in _DROP_INS:
        raise FormError(f"{named(text)} is not a WordPress drop-in")
    return text


def composer(text: str) -> str:
    """The name of a Composer package, like ``wpackagist-plugin/akismet``; may be empty."""
    if not _COMPOSER.fullmatch(text):
        raise FormError(f"{named(text)} is not a Composer package")
    return text


def moment(text: str) -> str:
    """A time like ``2026-05-01 08:00:00``, or ``undated``; may be empty."""
    if not _MOMENT.fullmatch(text):
        raise FormError(f"{named(text)} is not a time")
    return text


def family(text: str) -> str:
    """The subject of a translation: ``core``, ``plugin`` or ``theme``."""
    if text not in _FAMILIES:
        raise FormError(f"{named(text)} is not core, plugin or theme")
    return text


def updated(text: str) -> str:
    """What WordPress updates by itself: ``core``, ``plugin``, ``theme`` or ``translation``."""
    return text if text == "translation" else family(text)


def locale(text: str) -> str:
    """The language of a site; may be empty."""
    return language(text) if text else ""


def named(text: str) -> str:
    """A rejected value, quoted for an error message."""
    return f"`{sentence(text, 60)}`"


def _split(text: str, most: int) -> list[str]:
    parts = text[:_PATH].split("/")
    if len(parts) > most or len(text) > _PATH:
        raise FormError(f"{named(text)} is not the name of an item")
    return parts
