"""What was read from a site, in one boot of WordPress."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CoreOffer", "Extension", "SiteFacts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """A plugin or a theme as it is on disk, and the version offered for it."""

    slug: str
    title: str
    version: str
    file: str = ""
    active: bool = False
    """Active here, in the network, or as the active theme's parent."""
    offered: str | None = None
    """The newer version, None when the latest is installed or when nobody could be asked."""
    package: str | None = None
    """Where it comes from, without keys; empty when the vendor gives none (a licence that ran out)."""
    requires_php: str = ""
    requires_wordpress: str = ""
    folder: str = ""
    """Where it lies on the host; for a plugin that is a single file, the folder of all plugins."""
    writable: bool = True


@dataclass(frozen=True, slots=True)
class CoreOffer:
    """A version of WordPress that wordpress.org offers to this site."""

    version: str
    package: str
    requires_php: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """A WordPress site at one instant.

    `core_checked`, `plugins_checked`, `themes_checked` tell "nothing newer" from "could not ask".
    """

    wordpress: str
    php: str
    home: str
    siteurl: str
    multisite: bool = False
    locale: str = "en_US"
    plugins: tuple[Extension, ...] = ()
    themes: tuple[Extension, ...] = ()
    core_offers: tuple[CoreOffer, ...] = ()
    core_checked: bool = False
    plugins_checked: bool = False
    themes_checked: bool = False
    database_version: int = 0
    """What the database is at."""
    database_wanted: int = 0
    """What the code wants it to be at."""
    file_mods_allowed: bool = True
    file_method: str = "direct"
    """How WordPress would write files; anything but `direct` asks for FTP credentials."""
    unwritable: tuple[str, ...] = ()
    """Those of root, admin, plugins, themes and upgrade that this user may not write to."""
    disk_free: int | None = None
    """Bytes; None where the host does not tell."""
    maintenance: bool = False
    """A .maintenance file that WordPress obeys (younger than ten minutes): visitors get 503."""
    root: str = ""
    """Absolute folder of WordPress itself, with a slash at its end."""
    content: str = ""
    plugins_folder: str = ""
    themes_folder: str = ""
    crippled: str = ""
    """Why the site was read without its plugins and themes; empty when it boots as it is."""
