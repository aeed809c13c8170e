"""The facts of a site, read in one start of WordPress."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from runner.model.items import Extension, Package, Translation

__all__ = [
    "Addresses",
    "AutoUpdate",
    "CoreOffer",
    "Extension",
    "LogMark",
    "Package",
    "SiteFacts",
    "SubSite",
    "Translation",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """The addresses of a site in its database and its configuration."""

    stored: tuple[str, ...] = ()
    """From the database: `home`, `siteurl` and the addresses of a network's sites."""
    constants: tuple[str, ...] = ()
    """`WP_HOME` and `WP_SITEURL` from the configuration."""
    follows: bool = False
    """The constants are built from the host name of the request, so they prove nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubSite:
    """A site of a network that is not archived, spam or deleted."""

    id: int
    url: str
    """Its `siteurl`."""
    database_version: int = 0
    home: str = ""
    """URL of its front page."""


@dataclass(frozen=True, slots=True)
class LogMark:
    """The size of a log file at one moment. Inode and size are 0 if it did not exist."""

    path: str
    inode: int
    size: int


@dataclass(frozen=True, slots=True)
class CoreOffer:
    """A version of WordPress that wordpress.org offers to this site."""

    version: str
    package: str
    requires_php: str = ""
    requires_mysql: str = ""
    decided: bool = False
    """This and the next two as in `Extension`."""
    dispute: str = ""
    untrusted: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoUpdate:
    """Something that WordPress updates automatically."""

    kind: str
    """`core`, `plugin`, `theme`, or `translation` for all translations."""
    key: str
    """WordPress's name for it: a plugin's main file, a theme's folder, `minor` or `major` for core; empty for
    translations."""
    was: str = ""
    """Current value of WordPress's option: `listed`, `enabled` or `unset`; empty if there is no option."""
    forced: str = ""
    """What enforces it regardless of the option; empty if the option decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """The facts of a WordPress site at one moment.

    `core_checked`, `plugins_checked` and `themes_checked` distinguish "nothing newer" from "check failed".
    """

    wordpress: str
    php: str
    home: str
    siteurl: str
    web_php: str = ""
    """PHP version of the web server, if it reports one; `php` is that of the command line."""
    multisite: bool = False
    locale: str = "en_US"
    plugins: tuple[Extension, ...] = ()
    themes: tuple[Extension, ...] = ()
    core_offers: tuple[CoreOffer, ...] = ()
    translations: tuple[Translation, ...] = ()
    """Installed packs with their offers, and offered packs that are not installed."""
    languages_writable: bool = True
    """Whether the login may write to the folder of translations."""
    network: tuple[SubSite, ...] = ()
    """The network's sites including the main one; empty if there is no network."""
    network_size: int = 0
    """Number of sites in the network; larger than `len(network)` if there are too many to read them all."""
    database_host: str = ""
    """`DB_HOST`; with `database_name` and `database_prefix`, the database that the facts were read from."""
    database_name: str = ""
    database_prefix: str = ""
    stored: tuple[str, ...] = ()
    """`home` and `siteurl` as stored in the database, before constants and plugins change them."""
    constants: tuple[str, ...] = ()
    """`WP_HOME` and `WP_SITEURL` from the configuration."""
    unproven: str = ""
    """Why it is not proven that path, address and database belong together; empty if it is."""
    sub_site: str = ""
    """Which site of the network the inventory's address is: empty for the main site, `unknown` for none, else
    the siteurl of a sub-site."""
    core_checked: bool = False
    plugins_checked: bool = False
    themes_checked: bool = False
    database_version: int = 0
    """The version of the database."""
    database_wanted: int = 0
    """The version of the database that the code requires."""
    file_mods_allowed: bool = True
    file_method: str = "direct"
    """How WordPress writes files; anything but `direct` needs FTP credentials."""
    unwritable: tuple[str, ...] = ()
    """Those of the folders root, admin, plugins, themes and upgrade that the login cannot write to."""
    disk_free: int | None = None
    """Bytes; None if unknown."""
    logs: tuple[LogMark, ...] = ()
    """Files that its PHP may log errors to, readable to the login; some may not exist yet."""
    maintenance: bool = False
    """A .maintenance file is in effect (younger than ten minutes): visitors get status 503."""
    mysql: str = ""
    """Version of the database server as WordPress sees it; empty for one that WordPress does not check."""
    core_mount: str = ""
    """Relative path of a mount point in `wp-admin` or `wp-includes`; like `core_links`, set only if updates
    were asked for."""
    core_links: int = 0
    """Number of links in these two folders that point outside."""
    auto_updates: tuple[AutoUpdate, ...] = ()
    """What WordPress updates automatically."""
    caches: tuple[str, ...] = ()
    """Page and object caches that can be emptied from the command line."""
    core_stubborn: str = ""
    """Like `stubborn` of an extension, for WordPress's own folders and files."""
    blocked: tuple[str, ...] = ()
    """Servers of wordpress.org that the site's configuration blocks."""
    caches_apart: tuple[str, ...] = ()
    """Caches that cannot be emptied from the command line, each with the reason."""
    code_age: int | None = None
    """Seconds for which the web server's PHP may run code that was replaced on disk. -1: until a restart;
    None: unknown."""
    cli_lacks: tuple[str, ...] = ()
    """PHP extensions loaded by the web server but missing on the command line."""
    core_fixed: str = ""
    """Why WordPress's folders cannot be replaced by renames; empty if they can."""
    core_ownership: str = ""
    """Why new files cannot get the owner, group and ACL of WordPress's files; empty if they can."""
    project: str = ""
    """Folder of a composer.lock that names packages for WordPress; empty if there is none."""
    core_composer: str = ""
    """The Composer package that installed WordPress itself."""
    packages: tuple[Package, ...] = ()
    """The parts of WordPress installed with Composer."""
    vendor: str = ""
    """Folder of the project's other packages."""
    project_fixed: str = ""
    """Which part of the project the login cannot write to; set only if Composer is to update it."""
    project_in_release: bool = False
    composer_asked: bool = False
    """Composer was asked for newer versions."""
    composer_hold: str = ""
    """Why Composer cannot update anything at present; empty if it can."""
    composer_problem: str = ""
    """Why Composer's update check failed."""
    commit_problem: str = ""
    """Why the project's files cannot be committed; set only if Composer was asked."""
    checkout: str = ""
    """Folder of the site, its content or its project that is a checkout; empty if none is."""
    linked: tuple[str, ...] = ()
    """Relative links near the top of its folder that point outside; set only if updates were asked for."""
    release: str = ""
    """The release that WordPress runs from, if deployments create a folder for each."""
    core_in_release: bool = False
    root: str = ""
    """Absolute folder of WordPress, with a trailing slash."""
    content: str = ""
    languages_folder: str = ""
    plugins_folder: str = ""
    themes_folder: str = ""
    crippled: str = ""
    """Why the site was read without its plugins and themes; empty if it starts normally."""
    unconfirmed: str = ""
    """Why the site's offers could not be compared with wordpress.org."""
    odd: tuple[str, ...] = ()
    """Items with names that cannot be used, a sentence each; they are left alone."""

    @property
    def folder(self) -> str:
        """Folder of WordPress below the site's address, like `wp/`; empty if it is the address itself."""
        home, own = (f"{urlsplit(url).path.rstrip('/')}/" for url in (self.home, self.siteurl))
        return own.removeprefix(home) if own.startswith(home) else ""

    @property
    def root_folder(self) -> str:
        """`root` without the trailing slash."""
        return self.root.rstrip("/") or "/"

    @property
    def content_folder(self) -> str:
        """Folder of plugins, themes and uploads."""
        return self.content or f"{self.root}wp-content"

    @property
    def databases(self) -> tuple[int, ...]:
        """The database versions of all sites of the network, or of the single site."""
        return tuple(site.database_version for site in self.network) or (self.database_version,)

    @property
    def database_oldest(self) -> int:
        """The oldest database version in the network."""
        return min(self.databases)
