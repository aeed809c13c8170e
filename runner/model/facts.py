"""What was read from a site, in one boot of WordPress."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

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
    """What a site's database and its configuration call it."""

    stored: tuple[str, ...] = ()
    """In the database: `home`, `siteurl`, those of a network's sites."""
    constants: tuple[str, ...] = ()
    """`WP_HOME` and `WP_SITEURL` of the configuration."""
    follows: bool = False
    """The constants are made from the host name of the request: they say whatever is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """A plugin or a theme as it is on disk, and the version offered for it."""

    slug: str
    title: str
    version: str
    file: str = ""
    active: bool = False
    """Active here, in the network or one of its sites, or as an active theme's parent."""
    network: bool = False
    """Active in the whole network."""
    sub_sites: tuple[int, ...] = ()
    """Numbers of up to twelve sites of the network, without the main one, where it is active by itself."""
    elsewhere: bool = False
    """It is active on such sites only: where WordPress is started as the site itself, its code is silent."""
    unlisted: bool = False
    """wordpress.org did not name it when the site last asked."""
    offered: str | None = None
    """The newer version, None when the latest is installed or when nobody could be asked."""
    package: str | None = None
    """Where it comes from, without keys; empty when the vendor gives none (a licence that ran out)."""
    requires_php: str = ""
    requires_wordpress: str = ""
    requires_plugins: tuple[str, ...] = ()
    """Folders of the plugins that the offered version needs."""
    folder: str = ""
    """Where it lies on the host; for a plugin that is a single file, the folder of all plugins."""
    link: str = ""
    """Where its folder leads, where that is a link."""
    composer: str = ""
    """The package of Composer that brought it, like `wpackagist-plugin/akismet`."""
    in_release: bool = False
    """Its folder belongs to a release that the next deployment replaces."""
    checkout: str = ""
    """The system of version control, like `git`, that its folder is a checkout of."""
    links: int = 0
    """Links in its folder that lead out of it; known, like `mount`, where a newer version was asked for."""
    mount: str = ""
    """Folder in it, relative, where another file system is mounted; empty where none is."""
    size: int = 0
    """Kilobytes of its folder; known, like `stubborn`, where a newer version was asked for."""
    stubborn: str = ""
    """The first file in it that cannot be read or replaced, with the system's error; empty where all can."""
    waits: str = ""
    """The command of wp-cli that upgrades its own tables, where its code says that these wait."""
    drop_in: str = ""
    """Its file in wp-content, such as `object-cache.php`, where that is of another version than it brings."""
    published: str = ""
    """The newest version on wordpress.org, where that is older than the one installed."""
    closed: str = ""
    """Why wordpress.org no longer offers it; empty where it does, or was not asked."""
    edited: tuple[str, ...] = ()
    """Files in it that are not what wordpress.org published of this version: what was done to each."""
    writable: bool = True
    ownership: str = ""
    """Why new files could not have owner, group and ACL of its files; empty where they can."""
    door: bool = False
    """It cannot be exchanged by a rename: visitors are shut out while it is."""
    hidden: bool = False
    """The offer is known, but something on the site hides it from WordPress."""
    update_uri: str = ""
    """Where its header says that its updates come from, without keys; empty where it says nothing."""
    released: str = ""
    """When wordpress.org was last told about the offered version, in UTC, like `2026-10-01 09:00:00`; empty
    where that was not asked or is not known."""
    foreign: bool = False
    """wordpress.org offers it, but nothing here says that it came from there (no readme, no `Update URI`)."""
    readme: bool = True
    """Whether there is a readme, as everything from wordpress.org has one."""
    decided: bool = False
    """Version and package of the offer are wordpress.org's, asked by the controller."""
    dispute: str = ""
    """Where the site and wordpress.org, asked by the controller, do not say the same."""
    untrusted: str = ""
    """Why the offered version is not to be installed: nobody but the site knows of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A pack of translated texts: installed, offered, or both. Dates are the packs' own, in UTC."""

    type: str
    """`core`, `plugin` or `theme`."""
    slug: str
    """Of the plugin or theme; `default` for WordPress itself."""
    language: str
    installed: str = ""
    """Like `2026-05-01 08:00:00`; empty where it is not installed."""
    offered: str = ""
    """Empty where nothing newer is offered."""
    package: str = ""
    link: str = ""
    """A file of the installed pack that is a link; empty where none is, or nothing is offered."""

    @property
    def item(self) -> str:
        """How plans and reports call it: `de_DE core`, `de_DE plugin akismet`."""
        return f"{self.language} {self.type}" + ("" if self.type == "core" else f" {self.slug}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubSite:
    """A site of a network that is neither archived, spam nor deleted."""

    id: int
    url: str
    """Its `siteurl`."""
    database_version: int = 0
    home: str = ""
    """Address of its front page."""


@dataclass(frozen=True, slots=True)
class LogMark:
    """How long a log was. A file that did not exist has inode and size 0."""

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
    """As for an extension, with the two below."""
    dispute: str = ""
    untrusted: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoUpdate:
    """Something that WordPress updates by itself, without anybody asking."""

    kind: str
    """`core`, `plugin`, `theme`, or `translation` for all translations together."""
    key: str
    """What WordPress names it by: a plugin's main file, a theme's folder, of itself `minor` or `major`; empty
    for translations."""
    was: str = ""
    """The value of WordPress's option: `listed`, `enabled`, `unset`; empty where there is none."""
    forced: str = ""
    """What asks for it whatever the site's settings say; empty where switching it off would do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A part of WordPress that Composer brings, as the project's files name it."""

    name: str
    """Like `wpackagist-plugin/akismet`."""
    part: str
    """`core`, `plugin` or `theme`."""
    slug: str
    """Its folder's name; `core` for WordPress itself."""
    version: str
    """As composer.lock has it."""
    through: str = ""
    """The package that composer.json requires in its place, like `roots/wordpress`; else empty."""
    installed: str = ""
    """As Composer installed it; empty where it did not."""
    folder: str = ""
    constraint: str = ""
    """What composer.json asks for; empty where another package requires it."""
    dev: bool = False
    """It is required for development only."""
    fixed: str = ""
    """Why its folder cannot be changed; known where Composer is to update it."""
    allowed: str = ""
    """The newest version that composer.json allows, where it is newer, as Composer says."""
    latest: str = ""
    """The newest version there is, where it is newer."""
    versions: tuple[str, ...] = ()
    """All that there are, of WordPress itself."""

    @property
    def root(self) -> str:
        """The package that composer.json names."""
        return self.through or self.name

    @property
    def is_pinned(self) -> bool:
        """Whether composer.json asks for one exact version."""
        return re.fullmatch(r"v?[0-9][0-9A-Za-z.+-]{0,79}(?<!\.[xX])", self.constraint) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """A WordPress site at one instant.

    `core_checked`, `plugins_checked`, `themes_checked` tell "nothing newer" from "could not ask".
    """

    wordpress: str
    php: str
    home: str
    siteurl: str
    web_php: str = ""
    """Version of the PHP that serves visitors, where the web server tells it; `php` is the command line's."""
    multisite: bool = False
    locale: str = "en_US"
    plugins: tuple[Extension, ...] = ()
    themes: tuple[Extension, ...] = ()
    core_offers: tuple[CoreOffer, ...] = ()
    translations: tuple[Translation, ...] = ()
    """What is installed, with what is offered; and what is offered besides."""
    languages_writable: bool = True
    """Whether this user may write to the folder of translations."""
    network: tuple[SubSite, ...] = ()
    """The network's sites, the main one among them; empty where there is no network."""
    network_size: int = 0
    """How many sites the network has: more than `network` where it is too large to be read in full."""
    database_host: str = ""
    """As `DB_HOST`, with `database_name` and the prefix of its tables: what it was read from."""
    database_name: str = ""
    database_prefix: str = ""
    stored: tuple[str, ...] = ()
    """`home` and `siteurl` as they are in the database, whatever constants and plugins make of them."""
    constants: tuple[str, ...] = ()
    """`WP_HOME` and `WP_SITEURL` of the configuration."""
    unproven: str = ""
    """Why it is not proven that path, address and database belong together; empty where it is."""
    sub_site: str = ""
    """What the inventory's address is in the network: empty for the main site, `unknown` for none of its
    sites, else the siteurl of a sub-site."""
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
    logs: tuple[LogMark, ...] = ()
    """Files where errors of its PHP may be found, readable to this user; some may not exist yet."""
    maintenance: bool = False
    """A .maintenance file that WordPress obeys (younger than ten minutes): visitors get 503."""
    mysql: str = ""
    """Version of the database server, as WordPress sees it; empty where it is none that WordPress judges."""
    core_mount: str = ""
    """Folder in `wp-admin` or `wp-includes`, relative to the root, where another file system is mounted.
    Known where updates were asked for, as is `core_links`."""
    core_links: int = 0
    """Links in these two folders that lead out of them."""
    auto_updates: tuple[AutoUpdate, ...] = ()
    """What WordPress updates by itself."""
    caches: tuple[str, ...] = ()
    """Caches of pages and objects that can be emptied by their own interfaces."""
    core_stubborn: str = ""
    """As `stubborn` of an extension, of WordPress's own folders and files."""
    blocked: tuple[str, ...] = ()
    """Servers of wordpress.org that the site's configuration keeps WordPress from."""
    caches_apart: tuple[str, ...] = ()
    """Caches that nothing on the command line can empty, each with the reason."""
    code_age: int | None = None
    """Seconds for which the web server's PHP may go on with code that was replaced on disk; -1: until it is
    restarted; None where its settings cannot be read."""
    cli_lacks: tuple[str, ...] = ()
    """Extensions that the web server's PHP loads and the command line's lacks."""
    core_fixed: str = ""
    """Why WordPress's folders cannot be exchanged by renames; empty where they can."""
    core_ownership: str = ""
    """Why new files could not have owner, group and ACL of WordPress's files; empty where they can."""
    project: str = ""
    """Folder of the composer.lock that names packages for WordPress; empty where there is none."""
    core_composer: str = ""
    """The package of Composer that brings WordPress itself."""
    packages: tuple[Package, ...] = ()
    """What Composer brings for WordPress."""
    vendor: str = ""
    """Folder of the project's other packages."""
    project_fixed: str = ""
    """What of the project this user may not write to; known where Composer is to update it."""
    project_in_release: bool = False
    composer_asked: bool = False
    """Composer was asked for newer versions."""
    composer_hold: str = ""
    """Why Composer cannot update anything as things are; empty where it can."""
    composer_problem: str = ""
    """Why Composer could not say what is newer."""
    commit_problem: str = ""
    """Why its files cannot be committed; known where Composer was asked."""
    checkout: str = ""
    """Folder of the whole site, its content or its project that is a checkout; empty where none is."""
    linked: tuple[str, ...] = ()
    """Links near the top of its folder, relative, that lead out of it; known where updates were asked for."""
    release: str = ""
    """The release that WordPress runs from, where a deployment makes a folder for each."""
    core_in_release: bool = False
    root: str = ""
    """Absolute folder of WordPress itself, with a slash at its end."""
    content: str = ""
    languages_folder: str = ""
    plugins_folder: str = ""
    themes_folder: str = ""
    crippled: str = ""
    """Why the site was read without its plugins and themes; empty when it boots as it is."""
    unconfirmed: str = ""
    """Why what the site offers could not be compared with what wordpress.org publishes."""
    odd: tuple[str, ...] = ()
    """Items that the site names in a way that cannot be used, a sentence each; they are left alone."""

    @property
    def folder(self) -> str:
        """Of WordPress below the site's address, like `wp/`; empty where it has none of its own."""
        home, own = (f"{urlsplit(url).path.rstrip('/')}/" for url in (self.home, self.siteurl))
        return own.removeprefix(home) if own.startswith(home) else ""

    @property
    def root_folder(self) -> str:
        """`root` without the slash at its end."""
        return self.root.rstrip("/") or "/"

    @property
    def content_folder(self) -> str:
        """Of plugins, themes and uploads."""
        return self.content or f"{self.root}wp-content"

    @property
    def databases(self) -> tuple[int, ...]:
        """The versions of the databases of all sites; of a single site, its own."""
        return tuple(site.database_version for site in self.network) or (self.database_version,)

    @property
    def database_oldest(self) -> int:
        """The version that is furthest behind in the network."""
        return min(self.databases)
