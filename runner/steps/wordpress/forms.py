"""The forms that slugs, versions, paths and addresses may have, whoever names them.

These values become parts of paths, of web addresses and of words for a shell. A value of another form is
refused by name; it is never repaired.
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
    """A value of a form that cannot be used; the message names it."""


def slug(text: str) -> str:
    """The name of a folder below plugins or themes.

    Raises:
        FormError: as every function here, with a sentence that names the value.
    """
    if not _SLUG.fullmatch(text) or text.strip(".") == "":
        raise FormError(f"{named(text)} is not a name of letters, digits, dots, hyphens and underscores")
    return text


def item(text: str) -> str:
    """A slug; for the second plugin in one folder, ``folder/name``."""
    return "/".join(slug(part) for part in _few(text, 4))


def file(text: str) -> str:
    """The main file of a plugin below the plugins' folder, or the folder of a theme."""
    return item(text) if text else ""


def version(text: str) -> str:
    """A version; empty where there is none."""
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
    """An absolute, normalised path on the host, with or without a slash at its end, or an empty text."""
    parts = text.removesuffix("/").split("/")[1:]
    plain = len(text) <= _PATH and clean(text) == text and not {"\n", "\t"} & set(text)
    if text and not (text.startswith("/") and plain and all(part not in {"", ".", ".."} for part in parts)):
        raise FormError(f"{named(text)} is not an absolute, plain path")
    return text


def address(text: str) -> str:
    """A web address; empty where there is none."""
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or len(text) > _ADDRESS or not text.isprintable() or " " in text:
        raise FormError(f"{named(text)} is not a web address")
    return text


def package(text: str) -> str:
    """Where a package is: a web address, or a file on the host; empty where there is none."""
    return path(text) if text.startswith("/") else address(text)


def checkout(text: str) -> str:
    """A system of version control; empty where there is none."""
    if text not in {"", "git", "svn", "hg", "bzr"}:
        raise FormError(f"{named(text)} is not a system of version control")
    return text


def own_update(text: str) -> str:
    """A command of wp-cli by which a plugin's authors upgrade its tables; empty where there is none."""
    if text not in _OWN_UPDATES:
        raise FormError(f"{named(text)} is not a command that upgrades the tables of a plugin")
    return text


def drop_in(text: str) -> str:
    """A file that a plugin puts into wp-content itself; empty where there is none."""
    if text not in _DROP_INS:
        raise FormError(f"{named(text)} is not a drop-in of WordPress")
    return text


def composer(text: str) -> str:
    """A package as Composer names it, like ``wpackagist-plugin/akismet``; empty where there is none."""
    if not _COMPOSER.fullmatch(text):
        raise FormError(f"{named(text)} is not a package of Composer")
    return text


def moment(text: str) -> str:
    """A time like ``2026-05-01 08:00:00``, or ``undated``; empty where there is none."""
    if not _MOMENT.fullmatch(text):
        raise FormError(f"{named(text)} is not a time")
    return text


def family(text: str) -> str:
    """What a translation is for: ``core``, ``plugin`` or ``theme``."""
    if text not in _FAMILIES:
        raise FormError(f"{named(text)} is not core, plugin or theme")
    return text


def updated(text: str) -> str:
    """What WordPress updates by itself: ``core``, ``plugin``, ``theme`` or ``translation``."""
    return text if text == "translation" else family(text)


def locale(text: str) -> str:
    """The language of a site; empty where there is none."""
    return language(text) if text else ""


def named(text: str) -> str:
    """A value that was refused, fit to be shown."""
    return f"`{sentence(text, 60)}`"


def _few(text: str, most: int) -> list[str]:
    parts = text[:_PATH].split("/")
    if len(parts) > most or len(text) > _PATH:
        raise FormError(f"{named(text)} is not the name of an item")
    return parts
