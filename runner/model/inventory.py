"""Clients, their sites, the hosts of these, and maintenance windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from runner.model.access import Access
from runner.model.policy import Approve, Hold, Updates
from runner.model.secret import SecretRef

__all__ = [
    "Calendar",
    "CatchUp",
    "Client",
    "ClosedPeriod",
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
    "TimeRange",
    "Window",
    "WindowDay",
]


class SiteKind(StrEnum):
    """The type of a site; decides which steps apply to it."""

    WORDPRESS = "wordpress"
    STATIC = "static"


class ManagedBy(StrEnum):
    """What installs the code of WordPress, its plugins and themes."""

    WORDPRESS = "wordpress"
    DEPLOYMENT = "deployment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine reached by SSH. `address` may be a name from ~/.ssh/config, which supplies what is None."""

    name: str
    address: str
    port: int | None = None
    user: str | None = None
    identity_file: str | None = None
    """Absolute path of the private key."""
    passphrase: SecretRef | None = None
    password: SecretRef | None = None
    gateway: str | None = None
    """The jump host: name of a host in the inventory, or `user@address:port`."""
    become: str | None = None
    """How to become root: `sudo`, or None."""
    become_password: SecretRef | None = None
    php: str | None = None
    """Path of the command-line PHP on the host."""
    wp: str | None = None
    """Path of wp-cli on the host."""
    group: str = ""
    """Its group; empty for none. The options of the group are already those of the host."""
    brings: str = ""
    """SHA-512 of the wp-cli to upload if the host has none; empty if none is configured."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A person at the client who receives reports."""

    name: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A customer of the agency."""

    id: str
    name: str
    was: str = ""
    """Its previous id."""
    timezone: str = "UTC"
    """IANA name."""
    language: str = "en"
    contacts: tuple[Contact, ...] = ()
    updates: Updates = field(default_factory=Updates)
    """Take precedence over `policy.updates`."""
    hold: Mapping[str, Hold] = field(default_factory=dict)
    """Holds on all of the client's sites."""
    announce: timedelta | None = None
    """How long before its start a window is announced; zero: never. None: as the window says."""


@dataclass(frozen=True, slots=True)
class StatedPage:
    """The intended state of a page that is not simply status 200."""

    status: int | None = None
    leads_to: str = ""
    """Redirect target: a URL or a path of the site."""


class Rest(StrEnum):
    """Whether a site's REST interface is meant to be public."""

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
    group: str = ""
    """The group of its host; empty for none."""
    was: str = ""
    """Its previous name."""
    kind: SiteKind = SiteKind.WORDPRESS
    tags: frozenset[str] = frozenset()
    pages: tuple[str, ...] = ("/",)
    """Paths checked before and after a change."""
    stated: Mapping[str, StatedPage] = field(default_factory=dict)
    """Those of `pages` whose intended state is given in the inventory."""
    rest: Rest = Rest.OPEN
    expect: str | None = None
    """A text that each of `pages` must contain."""
    purge: str = ""
    """A command, run on the host in `path`, that empties caches Sitecrew does not know."""
    managed_by: ManagedBy | None = None
    """None: detected from its files."""
    private: bool = False
    """Its host name may resolve to an address of a private network."""
    address: str | None = None
    """The address that its WordPress uses, if that is not `url`: behind a proxy, or headless."""
    access: Access | None = None
    """Credentials for health checks; None if the site is public."""
    env: Mapping[str, str | SecretRef] = field(default_factory=dict)
    """Environment variables that WordPress is started with."""
    wp_args: tuple[str, ...] = ()
    """Arguments added to every wp-cli command of the site."""
    updates: Updates = field(default_factory=Updates)
    """Take precedence over the client's."""
    hold: Mapping[str, Hold] = field(default_factory=dict)

    @property
    def own_address(self) -> str:
        """The address that its WordPress uses."""
        return self.address or self.url

    @property
    def started_as(self) -> str:
        """The address that its WordPress is started with."""
        given = (one.removeprefix("--url=") for one in self.wp_args if one.startswith("--url="))
        return next(given, self.own_address)


class CatchUp(StrEnum):
    """What to do about a window that was missed because the scheduler was not running."""

    LATEST = "latest"
    NONE = "none"


class Overlap(StrEnum):
    """What to do about a window that is due while the previous one is still running."""

    SKIP = "skip"
    QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class WindowDay:
    """A day rule: a weekday (0 = Monday), the `nth` of a month, a day of the month, a date, or every day."""

    weekday: int | None = None
    nth: int | None = None
    """1 to 5 from the start of the month, -1 for the last, None for every week."""
    monthday: int | None = None
    on: date | None = None


@dataclass(frozen=True, slots=True)
class DateRange:
    """Whole days, both ends included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The time from `starts` to `ends`, exclusive. Without a UTC offset, both are local times."""

    starts: datetime
    ends: datetime


ClosedPeriod = DateRange | TimeRange
"""A period in which nothing is started; days and local times are those of the window or the client."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The closed periods of an iCalendar file. Calendars with the same digest are equal."""

    digest: str
    """SHA-256 of the periods."""
    periods: tuple[ClosedPeriod, ...] = field(default=(), compare=False, repr=False)
    """Sorted, without overlaps, for each kind of period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A recurring time in which a playbook runs."""

    name: str
    playbook: str
    days: tuple[WindowDay, ...]
    """It opens on every day that matches one of these."""
    at: time
    """Local time of the start."""
    lasts: timedelta = timedelta(hours=2)
    timezone: str | None = None
    """IANA name; None for each client's own."""
    sites: tuple[str, ...] = ("all",)
    """Selectors."""
    rings: tuple[str, ...] = ()
    """Selectors of the rings in order; empty for one ring of all sites."""
    blackouts: tuple[ClosedPeriod, ...] = ()
    calendars: tuple[Calendar, ...] = ()
    """Further blackouts, from iCalendar files."""
    catch_up: CatchUp = CatchUp.LATEST
    deadline: timedelta = timedelta(hours=1)
    """The latest start, counted from the due time."""
    overlap: Overlap = Overlap.SKIP
    jitter: timedelta = timedelta(0)
    announce: timedelta | None = None
    """How long before its start it is announced to clients; zero: never. None: as the policy says."""
    approve: Approve | None = None
    """Which sites wait for approval; None for `policy.approve`."""
    plan_ahead: timedelta = timedelta(hours=24)
    """How long before the start a plan that needs approval is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Hosts, clients, sites and windows, keyed by name, in the order of the files."""

    hosts: Mapping[str, Host]
    clients: Mapping[str, Client]
    sites: Mapping[str, Site]
    windows: Mapping[str, Window] = field(default_factory=dict)
