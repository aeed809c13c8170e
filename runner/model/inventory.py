"""Who is looked after: clients, their sites, the hosts these live on, and when work may be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from enum import StrEnum

from runner.model.access import Access
from runner.model.policy import Hold, Updates
from runner.model.secret import SecretRef

__all__ = [
    "CatchUp",
    "Client",
    "Contact",
    "DateRange",
    "Host",
    "Inventory",
    "ManagedBy",
    "Overlap",
    "Rest",
    "Site",
    "SiteKind",
    "StatedPage",
    "Window",
    "WindowDay",
]


class SiteKind(StrEnum):
    """What a site is made of; decides which steps apply to it."""

    WORDPRESS = "wordpress"
    STATIC = "static"


class ManagedBy(StrEnum):
    """Who puts the code of WordPress, its plugins and themes where it is."""

    WORDPRESS = "wordpress"
    DEPLOYMENT = "deployment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine reached by SSH. `address` may be a name from ~/.ssh/config; what is None is left to it."""

    name: str
    address: str
    port: int | None = None
    user: str | None = None
    identity_file: str | None = None
    """Absolute path of the private key."""
    passphrase: SecretRef | None = None
    password: SecretRef | None = None
    gateway: str | None = None
    """Name of the inventory's host, or `user@address:port`, through which this one is reached."""
    become: str | None = None
    """How another user's rights are had: `sudo`, or None."""
    become_password: SecretRef | None = None
    php: str | None = None
    """Path of the command-line PHP on the host."""
    wp: str | None = None
    """Path of wp-cli on the host."""
    brings: str = ""
    """SHA-512 of the wp-cli that is brought there where it has none; empty where none is."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A person of the client who receives reports."""

    name: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A customer of the agency."""

    id: str
    name: str
    was: str = ""
    """The id that it had before."""
    timezone: str = "UTC"
    """IANA name."""
    language: str = "en"
    contacts: tuple[Contact, ...] = ()
    updates: Updates = field(default_factory=Updates)
    """These win over `policy.updates`."""
    hold: Mapping[str, Hold] = field(default_factory=dict)
    """For all of the client's sites."""


@dataclass(frozen=True, slots=True)
class StatedPage:
    """How a page is meant to be, where that is not 200 and its own text."""

    status: int | None = None
    leads_to: str = ""
    """An address, or a path of the site."""


class Rest(StrEnum):
    """Whether a site's REST interface is meant to answer strangers."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A website. Its name is unique in the inventory."""

    name: str
    client: str
    host: str
    url: str
    path: str
    """Absolute path of the document root on the host."""
    was: str = ""
    """The name that it had before."""
    kind: SiteKind = SiteKind.WORDPRESS
    tags: frozenset[str] = frozenset()
    pages: tuple[str, ...] = ("/",)
    """Paths looked at before and after a change."""
    stated: Mapping[str, StatedPage] = field(default_factory=dict)
    """Of `pages`, those of which the inventory says how they are."""
    rest: Rest = Rest.OPEN
    expect: str | None = None
    """A text that visitors must read on each of `pages`."""
    purge: str = ""
    """A command that empties caches which are not known by themselves, run on the host in `path`."""
    managed_by: ManagedBy | None = None
    """None: as its files show."""
    private: bool = False
    """Its name may lead to an address of a private network."""
    address: str | None = None
    """What its WordPress calls itself, where that is not `url`: behind a proxy, or headless."""
    access: Access | None = None
    """What lets our looks in; None where everybody may see it."""
    env: Mapping[str, str | SecretRef] = field(default_factory=dict)
    """What its configuration needs in the environment wherever WordPress is started."""
    wp_args: tuple[str, ...] = ()
    """Arguments of each wp-cli there."""
    updates: Updates = field(default_factory=Updates)
    """These win over the client's."""
    hold: Mapping[str, Hold] = field(default_factory=dict)

    @property
    def own_address(self) -> str:
        """What its WordPress calls itself."""
        return self.address or self.url

    @property
    def started_as(self) -> str:
        """The address that its WordPress is started with."""
        given = (one.removeprefix("--url=") for one in self.wp_args if one.startswith("--url="))
        return next(given, self.own_address)


class CatchUp(StrEnum):
    """What becomes of a due window that nobody was there to start."""

    LATEST = "latest"
    NONE = "none"


class Overlap(StrEnum):
    """What becomes of a window that is due while the one before still runs."""

    SKIP = "skip"
    QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class WindowDay:
    """A day rule: a weekday (0 = Monday; with `nth` of the month), a day of the month, or every day."""

    weekday: int | None = None
    nth: int | None = None
    """1 to 5 from the start of the month, -1 for the last, None for every week."""
    monthday: int | None = None


@dataclass(frozen=True, slots=True)
class DateRange:
    """Whole days, both ends included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A recurring span in which a playbook may change sites."""

    name: str
    playbook: str
    days: tuple[WindowDay, ...]
    """It opens on each day that one of them matches."""
    at: time
    """Local wall time of the start."""
    lasts: timedelta = timedelta(hours=2)
    timezone: str | None = None
    """IANA name; None means each client's own."""
    sites: tuple[str, ...] = ("all",)
    """Selectors."""
    rings: tuple[str, ...] = ()
    """Selectors, worked through in order; empty means one ring of all."""
    blackouts: tuple[DateRange, ...] = ()
    catch_up: CatchUp = CatchUp.LATEST
    deadline: timedelta = timedelta(hours=1)
    """No start later than this after the due instant."""
    overlap: Overlap = Overlap.SKIP
    jitter: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Everything in inventory.yaml, keyed by name, in the order of the file."""

    hosts: Mapping[str, Host]
    clients: Mapping[str, Client]
    sites: Mapping[str, Site]
    windows: Mapping[str, Window] = field(default_factory=dict)
