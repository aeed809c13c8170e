"""What the facts say about an item: it can be changed, or a sentence why not. Policy decides after this."""

from __future__ import annotations

from collections.abc import Iterable

from runner.model import Action, Change, CoreOffer, Extension, ItemKind, SiteFacts, Step
from runner.steps.versions import compare
from runner.untrusted import sentence

__all__ = ["change", "impediment", "managed", "network_note", "obstacle", "unknown"]

_UNASKED = "wordpress.org could not be asked, so newer versions are not known"
_CLI = "the command line of its host"
_WHERE = {"plugins": "the plugins' folder", "themes": "the themes' folder", "upgrade": "wp-content/upgrade"}


def change(
    step: Step, entry: Extension, kind: ItemKind, action: Action, why: str = "", *, managed: str = ""
) -> Change:
    """The change of a plugin or a theme to the version that is offered."""
    return Change(
        step=step.id,
        item=entry.slug,
        kind=kind,
        from_version=entry.version,
        to_version=entry.offered or "",
        action=action,
        why=why,
        title=entry.title,
        file=entry.file,
        package=entry.package or "",
        active=entry.active,
        managed=managed,
        note=entry.dispute,
        decided=entry.decided,
    )


def unknown(step: Step, item: str, kind: ItemKind, why: str = _UNASKED) -> Change:
    """It is not known what is to be done: never the same as nothing."""
    return Change(
        step=step.id, item=item, kind=kind, from_version="", to_version="", action=Action.UNKNOWN, why=why
    )


def network_note(step: Step, facts: SiteFacts, kind: ItemKind) -> tuple[Change, ...]:
    """That the inventory's address is one of a network's sites, or none, where a step is for all of them."""
    if not facts.sub_site:
        return ()
    many = facts.network_size
    where = f"is the sub-site {facts.sub_site} of a network of {many}"
    if facts.sub_site == "unknown":
        where = f"is none of the {many} sites of the network here"
    why = f"`url` {where}: what this step changes, it changes for all {many} sites"
    return (
        Change(
            step=step.id,
            item="network",
            kind=kind,
            from_version="",
            to_version="",
            action=Action.SKIP,
            why=why,
        ),
    )


def managed(facts: SiteFacts, composer: str, version: str, *, in_release: bool, checkout: str = "") -> str:
    """Who else looks after the files of an item, and how it gets the version there; empty where nobody does.

    `composer` is the package that brought it, `in_release` says that its folder is part of a release, and
    `checkout` names the system of version control whose checkout it is.
    """
    if composer:
        lock = f"{facts.project.rstrip('/')}/composer.lock"
        return f"managed by Composer ({lock}); there: composer require {composer}:{version}"
    if checkout:
        return f"a checkout of {checkout}, which an update would replace; update it there"
    if in_release:
        return f"part of the release {facts.release}: the next deployment replaces it; update it there"
    return ""


def impediment(facts: SiteFacts, offer: Extension | CoreOffer, folder: str) -> str:
    """Why the offered version cannot be had as things are; empty when it can.

    `folder` is the one of `SiteFacts.unwritable` that its files go to.
    """
    extension = _of_extension(facts, offer) if isinstance(offer, Extension) else ()
    reasons = (*_of_site(facts, folder), *_of_offer(facts, offer), *extension, _of_package(offer))
    return next((why for applies, why in reasons if applies), "")


def obstacle(facts: SiteFacts) -> str:
    """Why no file of the site can be changed as things are; empty when they can."""
    return next((why for applies, why in _of_site(facts, "") if applies), "")


def _of_site(facts: SiteFacts, folder: str) -> Iterable[tuple[object, str]]:
    yield facts.crippled, f"the site is not healthy as it is: {facts.crippled}"
    yield not facts.file_mods_allowed, "the site forbids changes to its files (DISALLOW_FILE_MODS)"
    yield facts.maintenance, "somebody else has the site in maintenance (.maintenance)"
    ftp = "WordPress cannot write its files as this login (it would ask for FTP credentials)"
    yield facts.file_method != "direct", ftp
    for name in (folder, "upgrade"):
        where = _WHERE.get(name, "the folder of WordPress")
        yield name in facts.unwritable, f"this login may not write to {where}"


def _of_offer(facts: SiteFacts, offer: Extension | CoreOffer) -> Iterable[tuple[object, str]]:
    yield offer.untrusted, offer.untrusted
    needed = offer.requires_php
    for found, where in ((facts.web_php, "the site"), (facts.php, _CLI if facts.web_php else "the site")):
        yield needed and found and compare(found, needed) < 0, f"needs PHP {needed}; {where} has {found}"
    server = offer.requires_mysql if isinstance(offer, CoreOffer) else ""
    older = server and facts.mysql and compare(facts.mysql, server) < 0
    yield older, f"needs MySQL {server}; the site has {facts.mysql}"
    owned = facts.core_ownership if isinstance(offer, CoreOffer) else ""
    yield owned, sentence(owned)


def _of_package(offer: Extension | CoreOffer) -> tuple[bool, str]:
    if offer.decided:
        return not offer.package, "wordpress.org gives no package for it"
    return not offer.package, "announced without a package to download: the licence is missing or has run out"


def _of_extension(facts: SiteFacts, entry: Extension) -> Iterable[tuple[object, str]]:
    hides = "something on the site hides this update from WordPress (a plugin that manages or blocks updates)"
    yield entry.hidden, hides
    needed = entry.requires_wordpress
    older = needed and compare(facts.wordpress, needed) < 0
    yield older, f"needs WordPress {needed}; the site has {facts.wordpress}"
    yield entry.link, f"its folder is a link to {sentence(entry.link)}: update it where that is looked after"
    mounted = f"another file system is mounted in it, at {sentence(entry.mount)}: unmount it for the update"
    yield entry.mount, mounted
    yield not entry.writable, "this login may not write to its folder"
    yield entry.ownership, sentence(entry.ownership)
    single = entry.file.endswith(".php") and "/" not in entry.file
    yield single, "it is a single file; WordPress would move it to a folder and leave it inactive"
