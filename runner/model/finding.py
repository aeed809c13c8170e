"""What stands in the way of a site's changes, or is worth knowing: the same for doctor, plan and run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "FindingKind", "Severity", "View"]


class Severity(StrEnum):
    """What a run does because of it, from worst to best."""

    BLOCKS = "blocks"
    """Nothing of the site is changed: it is `failed`."""
    FAILS = "fails"
    """What it is about is not changed, and is `failed`."""
    HOLDS = "holds"
    """What it is about is not changed, and is `held`."""
    TELLS = "tells"
    """It is in nothing's way."""


class FindingKind(StrEnum):
    """Everything that can be found."""

    UNREAD = "unread"
    UNPROVEN = "unproven"
    CRIPPLED = "crippled"
    MAINTENANCE = "maintenance"
    UNASKED = "unasked"
    FULL_DISK = "full-disk"
    UNHEALTHY = "unhealthy"
    FILE_MODS = "file-mods"
    FTP = "ftp"
    UNWRITABLE = "unwritable"
    UNTRUSTED = "untrusted"
    OLD_PHP = "old-php"
    OLD_DATABASE = "old-database"
    NEWER_DATABASE = "newer-database"
    OLD_WORDPRESS = "old-wordpress"
    OWNERSHIP = "ownership"
    HIDDEN = "hidden"
    LINK = "link"
    LINKS = "links"
    MOUNT = "mount"
    LOCKED_FOLDER = "locked-folder"
    STUBBORN = "stubborn"
    OTHER_FOLDER = "other-folder"
    NEEDS_PLUGIN = "needs-plugin"
    BLOCKED = "blocked"
    NO_ROOM = "no-room"
    SINGLE_FILE = "single-file"
    FOREIGN = "foreign"
    NO_PACKAGE = "no-package"
    ODD = "odd"
    UNVERIFIED = "unverified"
    REFUSED = "refused"
    USUAL = "usual"
    DEPLOYED = "deployed"
    CHECKOUT = "checkout"
    AUTO_UPDATE = "auto-update"
    DISPUTE = "dispute"
    UNCONFIRMED = "unconfirmed"
    OTHER_PHP = "other-php"
    EDITED = "edited"
    WAITS = "waits"
    STALE_DROP_IN = "stale-drop-in"
    LINKED = "linked"
    CLOSED = "closed"
    ABOVE = "above"
    OTHER_EXTENSIONS = "other-extensions"
    CACHE_APART = "cache-apart"
    OLD_CODE = "old-code"
    LITTLE_ROOM = "little-room"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found on a site."""

    kind: FindingKind
    severity: Severity
    what: str
    """A sentence, the same everywhere."""
    item: str = ""
    """The plugin, theme or translation that it is about, `core` for WordPress; empty for the whole site."""
    family: str = ""
    """Of a site's finding: `plugins`, `themes` or `core` where it is about these only."""
    means: str = ""
    """What follows from it, where `what` does not say so."""
    remedy: str = ""
    """What to do about it, or the line to type."""
    lines: tuple[str, ...] = ()
    """What to write into the inventory, as YAML."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a look from outside, and from the site's own host where nobody is let in, says of a site."""

    findings: tuple[str, ...] = ()
    """What is wrong and not usual, each with its page."""
    remedy: str = ""
    """What to do about these."""
    refusals: tuple[str, ...] = ()
    """What was refused to us, each with its page."""
    refusal: str = ""
    """Who keeps us out, and what would let us in."""
    inside: bool = False
    """Nobody is let in, and the first page was seen on the site's own host."""
    unverified: str = ""
    """Why nobody could see the site; empty where somebody could."""
    usual: str = ""
    """What looks unhealthy about its pages and is as usual."""
    usual_rest: str = ""
    """The same of the root of REST."""
    usual_behind: str = ""
    """The same of what is neither."""
    pages_line: str = ""
    """The line for the inventory that states what is usual."""
