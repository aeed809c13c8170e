"""Findings about a site that block changes or are worth knowing; shared by doctor, plan and run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["CheckLevel", "Finding", "FindingKind", "Severity", "View"]


class CheckLevel(StrEnum):
    """How much a result of `doctor` matters."""

    OK = "ok"
    WARNING = "warning"
    """A run would succeed, but something is to be done or would be held."""
    PROBLEM = "problem"
    """It would make a run fail."""


class Severity(StrEnum):
    """How a finding affects a run, from worst to best."""

    BLOCKS = "blocks"
    """Nothing on the site is changed; the site is `failed`."""
    FAILS = "fails"
    """The affected items are not changed and are `failed`."""
    HOLDS = "holds"
    """The affected items are not changed and are `held`."""
    TELLS = "tells"
    """For information; nothing is affected."""


class FindingKind(StrEnum):
    """The kinds of findings."""

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
    """One finding about a site."""

    kind: FindingKind
    severity: Severity
    what: str
    """A sentence, the same in every command."""
    item: str = ""
    """The plugin, theme or translation concerned, `core` for WordPress; empty for the whole site."""
    family: str = ""
    """For a finding about the site: `plugins`, `themes` or `core` if it concerns only these."""
    means: str = ""
    """The consequence, if `what` does not make it clear."""
    remedy: str = ""
    """What to do, or the command to type."""
    lines: tuple[str, ...] = ()
    """YAML lines to add to the inventory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The result of a health check for a plan, from the controller or, if it is refused, from the host."""

    findings: tuple[str, ...] = ()
    """Problems that are not usual for the site, each with its page."""
    remedy: str = ""
    """What to do about them."""
    refusals: tuple[str, ...] = ()
    """Requests that were refused, each with its page."""
    refusal: str = ""
    """What refuses the requests, and how to allow them."""
    inside: bool = False
    """Requests from the controller are refused; the first page was checked on the site's own host."""
    unverified: str = ""
    """Why the site could not be checked; empty if it could."""
    usual: str = ""
    """Problems of its pages that are usual for the site."""
    usual_rest: str = ""
    """The same for the root of the REST interface."""
    usual_behind: str = ""
    """The same for other addresses."""
    pages_line: str = ""
    """The inventory line that declares the usual state."""
