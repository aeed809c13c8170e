"""Reasons in the facts of a site not to change an item. The first one that stops the change is used.

A run holds items for these reasons, `plan` shows them, and `doctor` reports them before anything is planned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from runner.model import CoreOffer, Extension, Finding, FindingKind, Severity, SiteFacts, Translation
from runner.steps.versions import compare
from runner.steps.wordpress.findings_offer import of_folder_name, of_needed_plugins, of_offer, of_package
from runner.untrusted import sentence

__all__ = [
    "NEEDED",
    "UNASKED",
    "of_core",
    "of_database",
    "of_extension",
    "of_folders",
    "of_odd",
    "of_pack",
    "of_site",
    "stops",
]

NEEDED = 16 << 20
"""Free bytes that any restore point needs."""
UNASKED = "no answer from wordpress.org"
_WHERE = {"plugins": "the plugins' folder", "themes": "the themes' folder", "upgrade": "wp-content/upgrade"}
_OWNER = "log in as the owner of the site's files"
_FOLDERS = {
    "plugins": ("plugins", "upgrade"),
    "themes": ("themes", "upgrade"),
    "core": ("root", "upgrade", "admin"),
    "languages": ("upgrade",),
}
_EVERYTHING = ("plugins", "themes", "upgrade", "root", "admin")

_blocks = partial(Finding, severity=Severity.BLOCKS)
_fails = partial(Finding, severity=Severity.FAILS)
_holds = partial(Finding, severity=Severity.HOLDS)


def stops(findings: Iterable[Finding]) -> Finding | None:
    """The first finding that stops the change of an item."""
    return next((one for one in findings if one.severity is not Severity.TELLS), None)


def of_site(facts: SiteFacts) -> Iterator[Finding]:
    """Findings that stop changes to any file of the site."""
    if facts.crippled:
        yield _blocks(
            kind=FindingKind.CRIPPLED,
            what=f"WordPress does not start with its plugins and theme: {facts.crippled}",
            remedy="repair the site first; until then its updates cannot be planned",
        )
    if facts.maintenance:
        yield _blocks(
            kind=FindingKind.MAINTENANCE,
            what="the site is already in maintenance mode (.maintenance)",
            remedy=f"if no update is running: rm {facts.root}.maintenance",
        )
    if not facts.file_mods_allowed:
        yield _holds(
            kind=FindingKind.FILE_MODS,
            what="the site forbids changes to its files (DISALLOW_FILE_MODS)",
            remedy="remove it from wp-config.php, or run no update steps on this site",
        )
    if facts.file_method != "direct":
        yield _holds(
            kind=FindingKind.FTP,
            what="WordPress cannot write its files as this login (it would ask for FTP credentials)",
            remedy=f"{_OWNER}, or set FS_METHOD to direct",
        )
    if facts.disk_free is not None and facts.disk_free < NEEDED:
        yield _fails(
            kind=FindingKind.FULL_DISK,
            what=f"only {facts.disk_free / 1e6:.0f} MB are free on its disk, too little for a restore point",
            remedy=f"free some disk space: df -h {facts.root_folder}",
        )


def of_folders(facts: SiteFacts, family: str = "") -> Iterator[Finding]:
    """Unwritable folders that an update of the family needs; without a family, all of them."""
    for name in _FOLDERS.get(family, _EVERYTHING):
        if name in facts.unwritable:
            yield _holds(
                kind=FindingKind.UNWRITABLE,
                what=f"this login cannot write to {_WHERE.get(name, 'the folder of WordPress')}",
                family={"root": "core", "admin": "core", "upgrade": ""}.get(name, name),
                remedy=_OWNER,
            )


def of_extension(facts: SiteFacts, entry: Extension, family: str) -> Iterator[Finding]:
    """Findings against the offered version of a plugin or theme."""
    yield from of_site(facts)
    yield from of_folders(facts, family)
    yield from of_offer(facts, entry, entry.slug)
    yield from _of_item(facts, entry)
    yield from of_package(entry, entry.slug)
    yield from of_folder_name(entry, family)
    yield from of_needed_plugins(facts, entry)
    room = NEEDED + 3 * 1024 * entry.size
    if facts.disk_free is not None and NEEDED <= facts.disk_free < room:
        free = f"{facts.disk_free / 1e6:.0f} MB are"
        yield _fails(
            kind=FindingKind.NO_ROOM,
            item=entry.slug,
            what=f"too little space for it: {room / 1e6:.0f} MB must be free on the disk, {free}",
            remedy=f"free some disk space: df -h {facts.root_folder}",
        )
    if entry.foreign:
        yield _holds(
            kind=FindingKind.FOREIGN,
            item=entry.slug,
            what="wordpress.org has an item of this name, but nothing shows that this one is from there: the "
            "update may replace it with other code (give it an `Update URI`, or name it in `update`)",
        )


def _of_item(facts: SiteFacts, entry: Extension) -> Iterator[Finding]:
    """Findings in its own folder, or on the site."""
    holds = partial(_holds, item=entry.slug)
    if entry.hidden:
        yield holds(
            kind=FindingKind.HIDDEN,
            what="the site hides this update from WordPress (by a plugin that blocks updates?)",
        )
    needed = entry.requires_wordpress
    if needed and compare(facts.wordpress, needed) < 0:
        yield holds(
            kind=FindingKind.OLD_WORDPRESS, what=f"needs WordPress {needed}; the site has {facts.wordpress}"
        )
    if entry.link:
        yield holds(
            kind=FindingKind.LINK,
            what=f"its folder is a link to {sentence(entry.link)}: update it there",
        )
    if entry.mount:
        yield holds(
            kind=FindingKind.MOUNT,
            what=f"another file system is mounted in it, at {sentence(entry.mount)}: "
            "unmount it for the update",
        )
    if entry.stubborn:
        yield _stubborn(entry.slug, entry.stubborn)
    elif not entry.writable:
        yield holds(
            kind=FindingKind.LOCKED_FOLDER, what="this login cannot write to its folder", remedy=_OWNER
        )
    if entry.ownership:
        yield holds(kind=FindingKind.OWNERSHIP, what=sentence(entry.ownership))
    if entry.file.endswith(".php") and "/" not in entry.file:
        yield holds(
            kind=FindingKind.SINGLE_FILE,
            what="it is a single file; WordPress would move it to a folder and deactivate it",
        )


def of_core(facts: SiteFacts, offer: CoreOffer) -> Iterator[Finding]:
    """Findings against a version of WordPress."""
    yield from of_site(facts)
    yield from of_folders(facts, "core")
    yield from of_offer(facts, offer, "core")
    if facts.core_ownership:
        yield _holds(kind=FindingKind.OWNERSHIP, item="core", what=sentence(facts.core_ownership))
    yield from of_package(offer, "core")
    if facts.core_stubborn:
        yield _stubborn("core", facts.core_stubborn)
    if facts.core_mount:
        mount = sentence(facts.core_mount)
        yield _holds(
            kind=FindingKind.MOUNT,
            item="core",
            what=f"another file system is mounted in WordPress's folders, at {mount}: "
            "unmount it for the update",
        )
    if facts.core_links and facts.core_fixed:
        yield _holds(
            kind=FindingKind.LINKS,
            item="core",
            what="links in wp-admin or wp-includes point outside these folders: remove them for the update",
        )


def of_pack(facts: SiteFacts, pack: Translation) -> Iterator[Finding]:
    """Findings against a translation."""
    yield from of_site(facts)
    yield from of_folders(facts, "languages")
    if not facts.languages_writable:
        yield _holds(
            kind=FindingKind.UNWRITABLE,
            family="languages",
            what="this login cannot write to the folder of translations",
            remedy=_OWNER,
        )
    if pack.link:
        yield _holds(
            kind=FindingKind.LINK,
            item=pack.item,
            what=f"its file {sentence(pack.link)} is a link: update the file that it points to",
        )
    if not pack.package:
        yield _holds(
            kind=FindingKind.NO_PACKAGE, item=pack.item, what="offered without a package to download"
        )


def _stubborn(item: str, stubborn: str) -> Finding:
    path, _, error = sentence(stubborn).rpartition(": ")
    immutable = error == "Operation not permitted"
    return _holds(
        kind=FindingKind.STUBBORN,
        item=item,
        what=f"{path} cannot be read or replaced: {error}",
        remedy="it may be immutable: check with lsattr, clear with `chattr -i` as root"
        if immutable
        else _OWNER,
    )


def of_database(facts: SiteFacts) -> Iterator[Finding]:
    """Findings against an upgrade of WordPress's tables."""
    if facts.database_oldest >= facts.database_wanted and set(facts.databases) != {facts.database_wanted}:
        yield _holds(
            kind=FindingKind.NEWER_DATABASE, item="database", what="the database is newer than WordPress"
        )
    yield from (one for one in of_site(facts) if one.kind is FindingKind.CRIPPLED)


def of_odd(facts: SiteFacts) -> Iterator[Finding]:
    """Findings for items with unusable names, which are never changed."""
    for rejected in facts.odd:
        family, _, why = rejected.partition(": ")
        yield _holds(kind=FindingKind.ODD, family=family, what=f"not managed: {why}")
