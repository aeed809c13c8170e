"""The facts of a WordPress site, read in one boot.

A site whose plugins or theme kill PHP is read once more without them, in the same shell script, and marked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from runner.errors import HostError, IdentityError
from runner.model import (
    AutoUpdate,
    CoreOffer,
    Extension,
    Host,
    LogMark,
    Package,
    Site,
    SiteFacts,
    SubSite,
    Translation,
)
from runner.steps.base import Script
from runner.steps.wordpress import forms
from runner.steps.wordpress.disk import trees, versions
from runner.steps.wordpress.fatal import fatal_error
from runner.steps.wordpress.program_output import Rules, marked, shaped
from runner.steps.wordpress.shell import program, shell_source, site_script
from runner.untrusted import sentence

__all__ = ["facts_in", "facts_script", "hindered", "lacks_wp_cli", "parse_facts"]

_Kind = TypeVar("_Kind", Extension, CoreOffer, Translation, SubSite, LogMark, AutoUpdate, Package)

_FLOOD = "WordPress prints without end"
_PROBLEMS = {
    "no-folder": ("there is no such folder on the host", "correct `path` of the site"),
    "no-access": ("the login may not enter the site's folder", "log in as the owner of the site's files"),
    "no-php": ("no PHP for the command line was found on the host", "set `php: /path/to/php` of the host"),
    "no-config": ("the login may not read wp-config.php", "log in as the owner of the site's files"),
    "flood": (_FLOOD, "look for a loop in its plugins, its mu-plugins and drop-ins"),
    "no-wp": (
        "wp-cli was not found on the host",
        "set `wp: /path/to/wp` of the host, or let it be brought: `tools.wp_cli` in sitecrew.yaml",
    ),
}
_NO_SUCH_SITE = "Verify `--url=<url>` matches an existing site"
_OTHER_PHP = "set `php: /path/to/php` of the host; what there is: ls /usr/bin/php* /opt/*/*/usr/bin/php"
_NARROW = "the host gives PHP too little memory", "ask the provider; WordPress needs 256 MB"
_COMPLAINTS = (
    ('Class "Phar" not found', "PHP on the host lacks the phar extension that wp-cli needs", _OTHER_PHP),
    ("X-Powered-By: PHP", "the PHP found on the host is for web servers, not for a shell", _OTHER_PHP),
    ("Cannot allocate memory", *_NARROW),
    ("failed to map segment", *_NARROW),
    ("Out of memory", *_NARROW),
    (
        "YIKES",
        "the login is root, and wp-cli does not run as root",
        "log in as the owner of the site's files",
    ),
    ("wp-config.php' not found", "wp-config.php is missing", "install WordPress there, or correct `path`"),
    ("does not seem to be a WordPress", "there is no WordPress in the site's folder", "correct `path`"),
    (
        "Error establishing a database connection",
        "the database does not answer",
        "see whether it runs, and DB_HOST, DB_NAME, DB_USER in wp-config.php",
    ),
    (
        "Error reconnecting to the database",
        "the database does not answer",
        "see whether it runs, and DB_HOST, DB_NAME, DB_USER in wp-config.php",
    ),
    (
        "site you have requested is not installed",
        "WordPress is there but not installed",
        "finish its installation",
    ),
    *(
        (
            f'Class "{name}" not found',
            f"PHP on the command line lacks {name.lower()}, which the site's object cache needs",
            "install it for the command line too (ls /etc/php/*/cli/conf.d), or set `php` of the host",
        )
        for name in ("Redis", "Memcached", "Memcache")
    ),
    (
        "Call to undefined function mysql",
        "PHP has no MySQL extension",
        "set `php` of the host to another PHP",
    ),
)
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
"""Entries that a site may name of each kind."""
_ODD = 20
_DECIDED_HERE: Mapping[str, Any] = {"decided": False, "dispute": "", "untrusted": ""}
_OURS: Mapping[type, Mapping[str, Any]] = {
    Extension: {**_DECIDED_HERE, "published": "", "closed": "", "edited": ()},
    CoreOffer: _DECIDED_HERE,
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
"""Fields that only the controller fills, whatever a site prints."""
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
"""What each text that becomes part of a path, an address or a command must look like."""


def facts_script(
    site: Site,
    host: Host,
    mark: str,
    *,
    check_updates: bool,
    languages: Sequence[str] = (),
    dates: bool = False,
    composer: bool = False,
) -> Script:
    """What to run on the host. `check_updates`: WordPress asks its update servers anew, in the same boot.

    With `languages`, it also asks for translations of these, which the site need not have; with `dates`, when
    each offered version came out; with `composer`, what stands in the way of Composer. Changes nothing on the
    site but WordPress's own cache of the answers.
    """
    data = {
        "check": check_updates,
        "url": site.own_address,
        "locales": list(languages),
        "dates": dates,
        "composer": composer,
    }
    parts = (
        "sql",
        "addresses",
        "auto_updates",
        "caches",
        "ownership",
        "facts_deployment",
        "facts_composer",
        "facts_obstacles",
        "facts_items",
        "facts_translations",
        "facts_web_php",
    )
    run = program("facts", mark, data, '"$@" ', parts=parts)
    return site_script(site, host, mark, shell_source("disk") + shell_source("facts", program=run))


def facts_in(output: str, mark: str) -> tuple[SiteFacts | None, str]:
    """The facts in the output of `facts_script`, or why there are none."""
    try:
        return parse_facts(output, mark), ""
    except HostError as error:
        return None, str(error)


def parse_facts(output: str, mark: str) -> SiteFacts:
    """The facts in the output of `facts_script`.

    Raises:
        HostError: there are none; the message is a sentence that says why.
    """
    before, booted, after = output.partition(f"\n{mark} boot\n")
    disk, printed = (before, after) if booted else ("", output)
    first, _, second = printed.partition(f"\n{mark} again\n")
    if (facts := _read(first, mark)) is not None:
        return _as_on_disk(facts, disk)
    if (facts := _read(second, mark, crippled=_reason(first))) is not None:
        return _as_on_disk(facts, disk)
    raise _problem(output, printed, mark)


def hindered(output: str, mark: str = "") -> HostError | None:
    """Why a script of ours could not begin on a site: from its output, or without the mark its stderr."""
    match = re.search(rf"^{re.escape(mark)}problem ([a-z-]+)$", output, re.MULTILINE)
    message, hint = _PROBLEMS.get(match[1], ("", "")) if match else ("", "")
    return HostError(message, hint=hint) if message else None


def lacks_wp_cli(error: object) -> bool:
    """Whether this is what is said where wp-cli was not found."""
    return isinstance(error, HostError) and str(error) == _PROBLEMS["no-wp"][0]


def _reason(output: str) -> str:
    if re.search(r"^\w+ problem flood$", output, re.MULTILINE):
        return _FLOOD
    if fatal := fatal_error(output):
        return fatal
    for line in reversed(output.splitlines()):
        if line.startswith("Error: "):
            return sentence(line.removeprefix("Error: "))
    said = sentence(output, 120)
    return (
        f"WordPress ended without a word of why; it printed: {said}"
        if said
        else "WordPress ended without a word"
    )


def _read(text: str, mark: str, **more: str) -> SiteFacts | None:
    """The facts that were said first and can be understood.

    Raises:
        HostError: there are some, but what they say cannot be true.
    """
    refused = ""
    for data in marked(text, mark):
        try:
            return _facts({**data, **more})
        except forms.FormError as error:
            refused = refused or sentence(str(error))
        except ValueError:
            continue
    if refused:
        raise HostError(
            f"WordPress names what cannot be used: {refused}",
            hint="look at the site yourself: it may be hacked, or its configuration is odd",
        )
    return None


def _as_on_disk(facts: SiteFacts, disk: str) -> SiteFacts:
    """The facts with the versions that the files name; they were read before any PHP of the site ran."""
    cores, contents = trees(disk.split("\n"))
    known = {tree.version for tree in cores if tree.version}
    found = {family: tuple(versions(contents, family)) for family in ("plugins", "themes")}
    return replace(
        facts,
        wordpress=known.pop() if len(known) == 1 else facts.wordpress,
        plugins=tuple(_versioned(entry, found["plugins"], facts.plugins_folder) for entry in facts.plugins),
        themes=tuple(_versioned(entry, found["themes"], facts.themes_folder) for entry in facts.themes),
    )


def _versioned(entry: Extension, found: Sequence[tuple[str, str, str]], folder: str) -> Extension:
    """The item with its version on disk; where two content folders have it, that of the one in use."""
    mine = [(place, version) for place, file, version in found if file == entry.file]
    if len(mine) > 1:
        mine = [(place, version) for place, version in mine if f"{folder}/".count(f"/{place}/")]
    if len(mine) != 1 or mine[0][1] == entry.version:
        return entry
    try:
        version = forms.version(mine[0][1])
    except forms.FormError:
        return entry
    return replace(
        entry, version=version, dispute=f"WordPress says that it is {entry.version}, its file says {version}"
    )


def _problem(output: str, printed: str, mark: str) -> HostError:
    """Why there are no facts; `printed` is what WordPress said, without our own listing before it."""
    if hindrance := hindered(output, f"{mark} "):
        return hindrance
    if _NO_SUCH_SITE in printed:
        return IdentityError(
            "the network there has no site at the address that the inventory says: "
            "one of `path` and `url` is another site's",
            hint="correct it; where the network calls the site otherwise, write `address` beside `url`",
        )
    for words, message, hint in _COMPLAINTS:
        if words in printed:
            return HostError(message, hint=hint)
    reason = _reason(printed.replace(f"\n{mark} again\n", "\n"))
    return HostError(
        f"WordPress does not start, even without its plugins and themes: {reason}",
        hint="look at mu-plugins, drop-ins and the core files",
    )


def _facts(data: Mapping[str, Any]) -> SiteFacts:
    odd: list[str] = []
    made = {
        "plugins": _each(Extension, data, "plugins", odd),
        "themes": _each(Extension, data, "themes", odd),
        "core_offers": _each(CoreOffer, data, "core_offers", odd),
        "translations": _each(Translation, data, "translations", odd),
        "network": _each(SubSite, data, "network", odd),
        "logs": _each(LogMark, data, "logs", odd),
        "auto_updates": _each(AutoUpdate, data, "auto_updates", odd),
        "packages": _each(Package, data, "packages", odd),
    }
    return shaped(SiteFacts, data, _RULES[SiteFacts], **made, **_OURS[SiteFacts], odd=tuple(odd[:_ODD]))


def _each(kind: type[_Kind], data: Mapping[str, Any], name: str, odd: list[str]) -> tuple[_Kind, ...]:
    """The entries that can be used; of the others, `odd` gets a sentence each.

    Raises:
        ValueError: it is no list, or a longer one than any site has.
    """
    entries = data.get(name) or []
    if not isinstance(entries, list):
        raise ValueError(f"{name} is no list")  # noqa: TRY004 - as for all else that is wrong
    if len(entries) > _MOST[name]:
        raise ValueError(f"it names {len(entries)} {name}; the limit is {_MOST[name]}")
    found: dict[object, _Kind] = {}
    for entry in entries:
        try:
            made = shaped(kind, entry, _RULES[kind], **_OURS.get(kind, {}))
        except ValueError as error:
            if not isinstance(entry, dict) or not isinstance(error, forms.FormError):
                raise
            odd.append(f"{name}: {error}")
            continue
        found.setdefault(_name(made), made)
    return tuple(found.values())


def _name(entry: object) -> object:
    """By what two entries of one list are the same; the first one counts."""
    match entry:
        case Extension(slug=slug):
            return slug
        case Package(name=name):
            return name
        case Translation():
            return entry.item
    return entry
