"""What a site consists of: plugins, themes, language packs and Composer packages."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Extension", "Package", "Translation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """A plugin or theme as it is on disk, and the version offered for it."""

    slug: str
    title: str
    version: str
    file: str = ""
    active: bool = False
    """Active on this site, in the network, on one of its sites, or as the parent of an active theme."""
    network: bool = False
    """Active for the whole network."""
    sub_sites: tuple[int, ...] = ()
    """Ids of up to twelve sub-sites where it is activated individually; the main site is not included."""
    elsewhere: bool = False
    """Active only on sub-sites, so its code is not loaded when WordPress is started as the main site."""
    unlisted: bool = False
    """wordpress.org did not include it in its answer to the site's last update check."""
    offered: str | None = None
    """The newer version; None if the latest is installed or the update check failed."""
    package: str | None = None
    """Download URL without keys; empty if the vendor gives none, as with an expired licence."""
    requires_php: str = ""
    requires_wordpress: str = ""
    requires_plugins: tuple[str, ...] = ()
    """Folder names of the plugins that the offered version requires."""
    folder: str = ""
    """Its folder on the host; for a single-file plugin, the folder of all plugins."""
    link: str = ""
    """The target of its folder, if that is a link."""
    composer: str = ""
    """The Composer package that installed it, like `wpackagist-plugin/akismet`."""
    in_release: bool = False
    """Its folder is part of a release that the next deployment replaces."""
    checkout: str = ""
    """The version control system, like `git`, if its folder is a checkout."""
    links: int = 0
    """Number of links in its folder that point outside; like `mount`, set only if an update was asked for."""
    mount: str = ""
    """Relative path of a mount point in its folder; empty if there is none."""
    size: int = 0
    """Size of its folder in kilobytes; like `stubborn`, set only if an update was asked for."""
    stubborn: str = ""
    """The first file that cannot be read or replaced, with the system's error; empty if there is none."""
    waits: str = ""
    """The wp-cli command that upgrades its own tables, if its code reports a pending upgrade."""
    drop_in: str = ""
    """Its file in wp-content, like `object-cache.php`, if that differs in version from the plugin's copy."""
    published: str = ""
    """The newest version on wordpress.org, if that is older than the installed one."""
    closed: str = ""
    """Why wordpress.org no longer offers it; empty if it does or was not asked."""
    edited: tuple[str, ...] = ()
    """Files that differ from the version published on wordpress.org, each with what was changed."""
    writable: bool = True
    ownership: str = ""
    """Why new files cannot get the owner, group and ACL of the old ones; empty if they can."""
    door: bool = False
    """It cannot be replaced by a rename, so the site is in maintenance mode during the update."""
    hidden: bool = False
    """An update is known, but something on the site hides it from WordPress."""
    update_uri: str = ""
    """The `Update URI` of its header, without keys; empty if there is none."""
    released: str = ""
    """When wordpress.org last recorded a change of the offered version, in UTC, like `2026-10-01 09:00:00`;
    empty if unknown."""
    foreign: bool = False
    """wordpress.org has an item of this name, but no readme or `Update URI` shows that it is this one."""
    readme: bool = True
    """Whether it has a readme, as everything from wordpress.org does."""
    decided: bool = False
    """Version and package come from wordpress.org, asked by the controller."""
    dispute: str = ""
    """How the site and wordpress.org (asked by the controller) disagree."""
    untrusted: str = ""
    """Why the offered version must not be installed: only the site itself offers it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A language pack that is installed, offered or both. Dates are those of the packs, in UTC."""

    type: str
    """`core`, `plugin` or `theme`."""
    slug: str
    """Slug of the plugin or theme; `default` for WordPress itself."""
    language: str
    installed: str = ""
    """Like `2026-05-01 08:00:00`; empty if not installed."""
    offered: str = ""
    """Empty if nothing newer is offered."""
    package: str = ""
    link: str = ""
    """A file of the installed pack that is a link; empty if there is none or nothing is offered."""

    @property
    def item(self) -> str:
        """Its name in plans and reports: `de_DE core`, `de_DE plugin akismet`."""
        return f"{self.language} {self.type}" + ("" if self.type == "core" else f" {self.slug}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A part of WordPress that is installed with Composer, as in the project's files."""

    name: str
    """Like `wpackagist-plugin/akismet`."""
    part: str
    """`core`, `plugin` or `theme`."""
    slug: str
    """The name of its folder; `core` for WordPress itself."""
    version: str
    """The version in composer.lock."""
    through: str = ""
    """The package required in composer.json that brings it, like `roots/wordpress`; else empty."""
    installed: str = ""
    """The version that Composer installed; empty if it did not."""
    folder: str = ""
    constraint: str = ""
    """The version constraint in composer.json; empty if another package requires it."""
    dev: bool = False
    """Required for development only."""
    fixed: str = ""
    """Why its folder cannot be changed; set only if Composer is to update it."""
    allowed: str = ""
    """The newest version that composer.json allows, according to Composer, if newer than the current one."""
    latest: str = ""
    """The newest version available, if newer than the current one."""
    versions: tuple[str, ...] = ()
    """All available versions, for WordPress itself only."""

    @property
    def root(self) -> str:
        """The package named in composer.json."""
        return self.through or self.name

    @property
    def is_pinned(self) -> bool:
        """Whether composer.json requires one exact version."""
        return re.fullmatch(r"v?[0-9][0-9A-Za-z.+-]{0,79}(?<!\.[xX])", self.constraint) is not None
