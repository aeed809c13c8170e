"""The inventory: the shape of its files, and the conversion to the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import ConfigDict, Field, model_validator

from runner.load import fields as f
from runner.load.access import AccessShape
from runner.load.fields import EMPTY_LIST, EMPTY_MAPPING, LISTED, NOTHING, D, Shape
from runner.load.host_options import HostOptions, HostShape, host_of
from runner.load.start_environment import StartArgument, StartValue, StartVariable
from runner.load.values import Wrong
from runner.model import (
    Calendar,
    CatchUp,
    Client,
    Contact,
    DateRange,
    Hold,
    Host,
    Inventory,
    ManagedBy,
    Overlap,
    Rest,
    Site,
    SiteKind,
    UpdateRules,
    Updates,
    Window,
    WindowDay,
)

__all__ = ["HoldShape", "InventoryFile", "UpdatesShape", "holds_of", "inventory_of"]


class ContactShape(Shape):
    """A person who receives reports."""

    name: Annotated[f.Line, D("Name of the person.")]
    email: Annotated[f.Email, D("Email address of the person.")]


class RulesShape(Shape):
    """Rules for updates by level: hold, at-once or {after: 7d}."""

    major: Annotated[f.RuleWord | None, D("Rule for major versions.")] = None
    minor: Annotated[f.RuleWord | None, D("Rule for minor versions.")] = None
    patch: Annotated[f.RuleWord | None, D("Rule for patch versions.")] = None
    security: Annotated[f.RuleWord | None, D("Rule for security updates of any level.")] = None

    def rules(self) -> UpdateRules:
        """Convert to the model."""
        return UpdateRules(major=self.major, minor=self.minor, patch=self.patch, security=self.security)


class UpdatesShape(RulesShape):
    """Rules for all items by level, and rules for single items by slug."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, RulesShape] = Field(init=False)
    extras: ClassVar[type[Shape]] = RulesShape

    def updates(self) -> Updates:
        """Convert to the model."""
        items = self.__pydantic_extra__ or {}
        return Updates(all=self.rules(), items={item: rules.rules() for item, rules in items.items()})


class HoldShape(Shape):
    """A hold on an item: it is not updated."""

    until: Annotated[f.Day | None, D("Last day of the hold; by default it has no end.")] = None
    why: Annotated[f.Line, D("Reason, shown in plans and reports.")] = ""


class SiteShape(Shape):
    """A website."""

    url: Annotated[f.SiteUrl, D("URL of the home page.")]
    host: Annotated[f.Line, D("Name of its host.")]
    path: Annotated[f.SitePath, D("Absolute path of the document root on the host.")]
    was: Annotated[f.FormerName, D("Previous name; the history is kept.")] = ""
    kind: Annotated[SiteKind, f.choice(SiteKind), D("Type of the site.")] = SiteKind.WORDPRESS
    tags: Annotated[tuple[f.Tag, ...], LISTED, D("Tags for selectors; the kind is added to them.")] = ()
    pages: Annotated[
        tuple[f.StatedPage, ...],
        LISTED,
        D("Pages to check before and after a change: paths, or {path, status, leads_to}."),
    ] = ()
    rest: Annotated[Rest, f.choice(Rest), D("Whether the REST interface is public.")] = Rest.OPEN
    expect: Annotated[f.Line | None, D("Text that each of the pages must contain.")] = None
    purge: Annotated[f.Line, D("Command that empties caches, run on the host in path after each change.")] = (
        ""
    )
    managed_by: Annotated[
        ManagedBy | None, f.choice(ManagedBy), D("What updates the code; by default detected from its files.")
    ] = None
    private: Annotated[f.Boolean, D("Whether its host name may resolve to a private address.")] = False
    address: Annotated[
        f.SiteUrl | None, D("URL that WordPress uses, if it differs from url: behind a proxy, or headless.")
    ] = None
    access: Annotated[AccessShape | None, D("Credentials for health checks.")] = None
    env: Annotated[
        dict[StartVariable, StartValue],
        EMPTY_MAPPING,
        D("Environment variables to start WordPress with: values or references to secrets."),
    ] = NOTHING
    wp_args: Annotated[
        tuple[StartArgument, ...],
        LISTED,
        D("Arguments for every wp-cli command: --url=ADDRESS, --require=/PATH, --skip-packages."),
    ] = ()
    updates: Annotated[UpdatesShape, EMPTY_MAPPING, D("Rules like policy.updates, for this site.")] = (
        UpdatesShape()
    )
    hold: Annotated[
        dict[f.Item, Annotated[HoldShape, EMPTY_MAPPING]], EMPTY_MAPPING, D("Items not to update.")
    ] = NOTHING


class ClientShape(Shape):
    """A customer of the agency."""

    name: Annotated[f.Line, D("Name as shown in reports.")]
    was: Annotated[f.FormerName, D("Previous id; the history is kept.")] = ""
    timezone: Annotated[f.Zone, D("IANA name of the client's time zone.")] = "UTC"
    language: Annotated[f.Language, D("Language of the reports.")] = "en"
    contacts: Annotated[tuple[ContactShape, ...], EMPTY_LIST, D("Recipients of the reports.")] = ()
    updates: Annotated[
        UpdatesShape, EMPTY_MAPPING, D("Rules like policy.updates, for this client's sites.")
    ] = UpdatesShape()
    hold: Annotated[
        dict[f.Item, Annotated[HoldShape, EMPTY_MAPPING]],
        EMPTY_MAPPING,
        D("Items not to update on any of the client's sites."),
    ] = NOTHING
    announce: Annotated[
        f.Ahead | None,
        D("How long before its start each window is announced to the contacts, like 3d, or never."),
    ] = None
    sites: Annotated[dict[f.Name, SiteShape], EMPTY_MAPPING, D("The client's sites.")] = NOTHING


class WindowShape(Shape):
    """A recurring time in which a playbook runs."""

    playbook: Annotated[f.Line, D("Playbook to run.")]
    day: Annotated[
        f.DayRules | None,
        D("daily, tuesday, second tuesday, last friday, a day of the month, or a list of them."),
    ] = None
    date: Annotated[f.Dates | None, D("One date, or a list of dates, instead of day.")] = None
    at: Annotated[f.TimeOfDay, D("Local time of the start.")]
    lasts: Annotated[
        f.Span, D("How long the window is open. What cannot end before its close is not started.")
    ] = timedelta(hours=2)
    timezone: Annotated[f.WindowZone, D("IANA name, or client for each client's own.")] = "client"
    sites: Annotated[tuple[f.Line, ...], LISTED, D("Selectors of the sites.")] = ("all",)
    rings: Annotated[tuple[f.Line, ...], LISTED, D("Selectors of the rings, in order.")] = ()
    blackouts: Annotated[
        tuple[f.Blackout, ...],
        LISTED,
        D("Days, ranges of days, and iCalendar files (.ics) in whose events nothing is started."),
    ] = ()
    catch_up: Annotated[CatchUp, f.choice(CatchUp), D("Whether to start a window late that was missed.")] = (
        CatchUp.LATEST
    )
    deadline: Annotated[f.Span, D("How late a window may be started.")] = timedelta(hours=1)
    overlap: Annotated[
        Overlap, f.choice(Overlap), D("What to do if the previous run of the window is still running.")
    ] = Overlap.SKIP
    jitter: Annotated[f.Duration, D("Starts of different clients are spread over this time.")] = timedelta(0)
    announce: Annotated[
        f.Ahead | None,
        D("How long before its start it is announced to the clients, like 3d, or never."),
    ] = None
    approve: Annotated[
        f.ApproveRule | None,
        D("Sites whose plan must be approved: all, majors, none, or selectors. Default: policy.approve."),
    ] = None
    plan_ahead: Annotated[
        f.Span, D("How long before the start a plan that needs approval is made and sent.")
    ] = timedelta(hours=24)

    @model_validator(mode="after")
    def _opens(self) -> Self:
        if self.day is None and self.date is None:
            raise Wrong("neither day nor date is given", "add `day: tuesday`, or `date: 2026-12-02` for once")
        if self.day is not None and self.date is not None:
            raise Wrong("day and date exclude each other", "delete one of them")
        return self


class InventoryFile(Shape):
    """Hosts, clients with their sites, and maintenance windows."""

    defaults: Annotated[HostOptions, EMPTY_MAPPING, D("Options of all hosts.")] = HostOptions()
    groups: Annotated[
        dict[f.Name, Annotated[HostOptions, EMPTY_MAPPING]],
        EMPTY_MAPPING,
        D("Groups of hosts by name, with options of their hosts."),
    ] = NOTHING
    hosts: Annotated[dict[f.Name, HostShape], EMPTY_MAPPING, D("Hosts by name.")] = NOTHING
    clients: Annotated[dict[f.Name, ClientShape], EMPTY_MAPPING, D("Clients by id.")] = NOTHING
    windows: Annotated[dict[f.Name, WindowShape], EMPTY_MAPPING, D("Windows by name.")] = NOTHING


def inventory_of(
    files: Sequence[InventoryFile], base: Path, calendars: Mapping[str, Calendar] | None = None
) -> Inventory:
    """Convert to the model. Relative paths in the files start at `base`, the workspace.

    `calendars` has the content of the iCalendar files by their path in the files.
    """
    clients = [client for file in files for client in file.clients.items()]
    groups = {name: group for file in files for name, group in file.groups.items()}
    defaults = {key: value for file in files for key, value in file.defaults.given().items()}
    hosts = {
        name: host_of(name, host, groups, defaults, base)
        for file in files
        for name, host in file.hosts.items()
    }
    return Inventory(
        hosts=hosts,
        clients={id_: _client(id_, client) for id_, client in clients},
        sites={
            name: _site(name, id_, site, hosts)
            for id_, client in clients
            for name, site in client.sites.items()
        },
        windows={
            name: _window(name, window, calendars or {})
            for file in files
            for name, window in file.windows.items()
        },
    )


def local_path(path: str, base: Path) -> str:
    """Make a path on the controller absolute; `~` is the user's home."""
    return str(base / Path(path).expanduser())


def holds_of(shapes: Mapping[str, HoldShape]) -> dict[str, Hold]:
    """Convert holds by item to the model."""
    return {item: Hold(shape.why, shape.until) for item, shape in shapes.items()}


def _client(id_: str, shape: ClientShape) -> Client:
    return Client(
        id=id_,
        name=shape.name,
        was=shape.was,
        timezone=shape.timezone,
        language=shape.language,
        contacts=tuple(Contact(contact.name, contact.email) for contact in shape.contacts),
        updates=shape.updates.updates(),
        hold=holds_of(shape.hold),
        announce=shape.announce,
    )


def _site(name: str, client: str, shape: SiteShape, hosts: Mapping[str, Host]) -> Site:
    return Site(
        name=name,
        client=client,
        host=shape.host,
        group=hosts[shape.host].group,
        url=shape.url,
        path=shape.path,
        was=shape.was,
        kind=shape.kind,
        tags=frozenset(shape.tags) | {shape.kind.value},
        pages=tuple(dict.fromkeys(path for path, _ in shape.pages)) or ("/",),
        stated={path: stated for path, stated in shape.pages if stated is not None},
        rest=shape.rest,
        expect=shape.expect,
        purge=shape.purge,
        managed_by=shape.managed_by,
        private=shape.private,
        address=shape.address,
        access=shape.access.access() if shape.access else None,
        env=dict(shape.env),
        wp_args=shape.wp_args,
        updates=shape.updates.updates(),
        hold=holds_of(shape.hold),
    )


def _window(name: str, shape: WindowShape, calendars: Mapping[str, Calendar]) -> Window:
    changed = {
        "timezone": None if shape.timezone == "client" else shape.timezone,
        "sites": shape.sites or ("all",),
        "blackouts": tuple(each for each in shape.blackouts if isinstance(each, DateRange)),
        "calendars": tuple(
            calendars[each]
            for each in dict.fromkeys(shape.blackouts)
            if isinstance(each, str) and each in calendars
        ),
    }
    kept = {key: value for key, value in dict(shape).items() if key not in {"day", "date"}}
    days = shape.day or tuple(WindowDay(on=each) for each in shape.date or ())
    return Window(name=name, days=days, **{**kept, **changed})
