"""inventory.yaml: its shape, and the nouns that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from runner.load import fields as f
from runner.load.access import AccessShape
from runner.load.fields import EMPTY_LIST, EMPTY_MAPPING, LISTED, NOTHING, D, Shape
from runner.load.start import StartArgument, StartValue, StartVariable
from runner.model import (
    CatchUp,
    Client,
    Contact,
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
)

__all__ = ["HoldShape", "InventoryFile", "UpdatesShape", "holds_of", "inventory_of"]


class HostShape(Shape):
    """A machine reached by SSH. What is not said here is left to the SSH configuration."""

    address: Annotated[f.Address, D("A name, an IP address, or a name of ~/.ssh/config.")]
    port: Annotated[f.Port | None, D("Port of the SSH server.")] = None
    user: Annotated[f.Account | None, D("Account to log in as.")] = None
    identity_file: Annotated[f.Line | None, D("Private key; a path from the workspace on.")] = None
    passphrase: Annotated[f.Secret | None, D("Passphrase of the private key.")] = None
    password: Annotated[f.Secret | None, D("Password of the account.")] = None
    gateway: Annotated[f.Line | None, D("Host of this inventory, or user@address:port, to go through.")] = (
        None
    )
    become: Annotated[f.Become | None, D("How steps with `become: true` get root's rights: sudo.")] = None
    become_password: Annotated[f.Secret | None, D("What sudo asks for.")] = None
    php: Annotated[f.RemotePath | None, D("Command-line PHP on the host.")] = None
    wp: Annotated[f.RemotePath | None, D("wp-cli on the host.")] = None


class ContactShape(Shape):
    """A person who receives reports."""

    name: Annotated[f.Line, D("Name of the person.")]
    email: Annotated[f.Email, D("Address of the person.")]


class RulesShape(Shape):
    """What becomes of updates of an item, by how large they are: hold, at-once or {after: 7d}."""

    major: Annotated[f.RuleWord | None, D("Rule for major versions.")] = None
    minor: Annotated[f.RuleWord | None, D("Rule for minor versions.")] = None
    patch: Annotated[f.RuleWord | None, D("Rule for patches.")] = None
    security: Annotated[f.RuleWord | None, D("Rule for versions that close a hole, of any size.")] = None

    def rules(self) -> UpdateRules:
        """The rules as the model has them."""
        return UpdateRules(major=self.major, minor=self.minor, patch=self.patch, security=self.security)


class UpdatesShape(RulesShape):
    """Rules for every item by level, and beside them rules of single items by name."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, RulesShape] = Field(init=False)
    extras: ClassVar[type[Shape]] = RulesShape

    def updates(self) -> Updates:
        """The rules as the model has them."""
        items = self.__pydantic_extra__ or {}
        return Updates(all=self.rules(), items={item: rules.rules() for item, rules in items.items()})


class HoldShape(Shape):
    """An item that is left as it is."""

    until: Annotated[f.Day | None, D("Last day of the hold; without it until somebody lifts it.")] = None
    why: Annotated[f.Line, D("Reason, for the plan and the report.")] = ""


class SiteShape(Shape):
    """A website."""

    url: Annotated[f.SiteUrl, D("Address of the home page.")]
    host: Annotated[f.Line, D("Host that it lives on.")]
    path: Annotated[f.SitePath, D("Absolute path of the document root on the host.")]
    was: Annotated[f.FormerName, D("Name before it was renamed; its history goes with it.")] = ""
    kind: Annotated[SiteKind, f.choice(SiteKind), D("What it is made of.")] = SiteKind.WORDPRESS
    tags: Annotated[tuple[f.Tag, ...], LISTED, D("Words to select it by; its kind is one of them.")] = ()
    pages: Annotated[
        tuple[f.StatedPage, ...],
        LISTED,
        D("Pages looked at around a change: paths, or {path, status, leads_to} to say what is right."),
    ] = ()
    rest: Annotated[Rest, f.choice(Rest), D("Whether REST answers strangers.")] = Rest.OPEN
    expect: Annotated[f.Line | None, D("A text that visitors must read on each of pages.")] = None
    purge: Annotated[
        f.Line, D("Command that empties its caches, run on the host in path after each change.")
    ] = ""
    managed_by: Annotated[
        ManagedBy | None, f.choice(ManagedBy), D("Who updates the code; without it, as its files show.")
    ] = None
    private: Annotated[f.Boolean, D("Whether its name may lead to a private address.")] = False
    address: Annotated[
        f.SiteUrl | None, D("What WordPress calls itself, where that is not url: a proxy, a headless front.")
    ] = None
    access: Annotated[AccessShape | None, D("What lets looks at it in.")] = None
    env: Annotated[
        dict[StartVariable, StartValue],
        EMPTY_MAPPING,
        D("Variables that its configuration needs where WordPress is started; values or secrets."),
    ] = NOTHING
    wp_args: Annotated[
        tuple[StartArgument, ...],
        LISTED,
        D("Arguments of each wp-cli there: --url=ADDRESS, --require=/PATH, --skip-packages."),
    ] = ()
    updates: Annotated[UpdatesShape, EMPTY_MAPPING, D("Rules as policy.updates, for this site.")] = (
        UpdatesShape()
    )
    hold: Annotated[
        dict[f.Item, Annotated[HoldShape, EMPTY_MAPPING]], EMPTY_MAPPING, D("Items left as they are.")
    ] = NOTHING


class ClientShape(Shape):
    """A customer of the agency."""

    name: Annotated[f.Line, D("Name as it stands in reports.")]
    was: Annotated[f.FormerName, D("Id before it was renamed; its history goes with it.")] = ""
    timezone: Annotated[f.Zone, D("IANA name of the zone that the client lives in.")] = "UTC"
    language: Annotated[f.Language, D("Language of the reports.")] = "en"
    contacts: Annotated[tuple[ContactShape, ...], EMPTY_LIST, D("Who receives reports.")] = ()
    updates: Annotated[
        UpdatesShape, EMPTY_MAPPING, D("Rules as policy.updates, for this client's sites.")
    ] = UpdatesShape()
    hold: Annotated[
        dict[f.Item, Annotated[HoldShape, EMPTY_MAPPING]],
        EMPTY_MAPPING,
        D("Items left as they are on all of the client's sites."),
    ] = NOTHING
    sites: Annotated[dict[f.Name, SiteShape], EMPTY_MAPPING, D("The client's sites.")] = NOTHING


class WindowShape(Shape):
    """A recurring span in which a playbook may change sites."""

    playbook: Annotated[f.Line, D("Playbook that is run.")]
    day: Annotated[
        f.DayRules, D("daily, tuesday, second tuesday, last friday, a day of the month, or a list of them.")
    ]
    at: Annotated[f.TimeOfDay, D("Local wall time of the start.")]
    lasts: Annotated[f.Span, D("No site is begun later.")] = timedelta(hours=2)
    timezone: Annotated[f.WindowZone, D("IANA name, or client for each client's own.")] = "client"
    sites: Annotated[tuple[f.Line, ...], LISTED, D("Selectors of the sites.")] = ("all",)
    rings: Annotated[tuple[f.Line, ...], LISTED, D("Selectors, worked through in order.")] = ()
    blackouts: Annotated[
        tuple[f.Days, ...], LISTED, D("Days, or spans of days, on which nothing is begun.")
    ] = ()
    catch_up: Annotated[
        CatchUp, f.choice(CatchUp), D("What becomes of a start that nobody was there for.")
    ] = CatchUp.LATEST
    deadline: Annotated[f.Span, D("No start later than this after it was due.")] = timedelta(hours=1)
    overlap: Annotated[
        Overlap, f.choice(Overlap), D("What becomes of a start while the run before still works.")
    ] = Overlap.SKIP
    jitter: Annotated[f.Duration, D("Starts are spread over this time.")] = timedelta(0)


class InventoryFile(Shape):
    """Who is looked after: hosts, clients with their sites, and windows."""

    hosts: Annotated[dict[f.Name, HostShape], EMPTY_MAPPING, D("Machines by name.")] = NOTHING
    clients: Annotated[dict[f.Name, ClientShape], EMPTY_MAPPING, D("Customers by id.")] = NOTHING
    windows: Annotated[dict[f.Name, WindowShape], EMPTY_MAPPING, D("Windows by name.")] = NOTHING


def inventory_of(shape: InventoryFile, base: Path) -> Inventory:
    """The model. `base` is the workspace: relative paths of the file start there."""
    clients = shape.clients.items()
    return Inventory(
        hosts={name: _host(name, host, base) for name, host in shape.hosts.items()},
        clients={id_: _client(id_, client) for id_, client in clients},
        sites={
            name: _site(name, id_, site) for id_, client in clients for name, site in client.sites.items()
        },
        windows={name: _window(name, window) for name, window in shape.windows.items()},
    )


def local_path(path: str, base: Path) -> str:
    """A path on this machine as absolute text; `~` is the user's home."""
    return str(base / Path(path).expanduser())


def holds_of(shapes: Mapping[str, HoldShape]) -> dict[str, Hold]:
    """Holds by item, as the model has them."""
    return {item: Hold(shape.why, shape.until) for item, shape in shapes.items()}


def _host(name: str, shape: HostShape, base: Path) -> Host:
    identity = local_path(shape.identity_file, base) if shape.identity_file else None
    return Host(name=name, **{**dict(shape), "identity_file": identity})


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
    )


def _site(name: str, client: str, shape: SiteShape) -> Site:
    return Site(
        name=name,
        client=client,
        host=shape.host,
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


def _window(name: str, shape: WindowShape) -> Window:
    timezone = None if shape.timezone == "client" else shape.timezone
    changed = {"timezone": timezone, "sites": shape.sites or ("all",)}
    kept = {key: value for key, value in dict(shape).items() if key != "day"}
    return Window(name=name, days=shape.day, **{**kept, **changed})
