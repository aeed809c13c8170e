"""sitecrew.yaml: its shape, and the settings that it becomes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from runner.load import fields as f
from runner.load.fields import EMPTY_MAPPING, LISTED, NOTHING, D, Shape
from runner.load.inventory import HoldShape, UpdatesShape, holds_of
from runner.model import (
    Agency,
    Backups,
    Limits,
    Mail,
    MailSecurity,
    Parallel,
    Policy,
    Settings,
    Slower,
    Ssh,
    Tool,
    UndoDatabase,
    Unverified,
)

__all__ = ["SettingsFile", "settings_of"]

_AGENCY, _BACKUPS, _LIMITS, _PARALLEL, _POLICY, _SSH = (
    Agency(),
    Backups(),
    Limits(),
    Parallel(),
    Policy(),
    Ssh(),
)


class AgencyShape(Shape):
    """Who signs the reports."""

    name: Annotated[f.Line, D("Name of the agency.")] = _AGENCY.name
    logo: Annotated[f.Line | None, D("Picture file; a path from this file on.")] = None
    accent: Annotated[f.Colour, D("Colour of headings and links, #rrggbb.")] = _AGENCY.accent
    reply_to: Annotated[f.ReturnAddress | None, D("Where answers to reports go.")] = None


class MailShape(Shape):
    """The SMTP server that mail leaves by."""

    host: Annotated[f.MailServer, D("Name of the SMTP server.")]
    sender: Annotated[
        f.Sender, Field(alias="from", description="Address that mail comes from, bare or Name <address>.")
    ]
    port: Annotated[f.Port, D("Port of the SMTP server.")] = 587
    security: Annotated[MailSecurity, f.choice(MailSecurity), D("How the connection is protected.")] = (
        MailSecurity.STARTTLS
    )
    username: Annotated[f.Line | None, D("Account at the SMTP server.")] = None
    password: Annotated[f.Secret | None, D("Password of the account.")] = None
    ca_file: Annotated[
        f.Line | None, D("Certificates to trust besides the system's; a path from this file on.")
    ] = None


class BackupsShape(Shape):
    """Where snapshots are kept."""

    store: Annotated[f.Line, D("Folder; a path from this file on.")] = _BACKUPS.store


class UndoShape(Shape):
    """What an undo may do."""

    database: Annotated[UndoDatabase, f.choice(UndoDatabase), D("When the database may be put back too.")] = (
        _POLICY.undo_database
    )


class RingsShape(Shape):
    """When the next ring is begun."""

    failures: Annotated[f.Percent, D("Share of a ring's sites that may fail, like 10%.")] = (
        _POLICY.ring_failures
    )
    soak: Annotated[f.Duration, D("Wait between two rings.")] = _POLICY.ring_soak
    order: Annotated[
        tuple[f.Line, ...], LISTED, D("Selectors of the rings, where a run or a window names none.")
    ] = _POLICY.ring_order


class PolicyShape(Shape):
    """What the crew decided about updates."""

    updates: Annotated[UpdatesShape, EMPTY_MAPPING, D("What is held and what waits.")] = UpdatesShape()
    hold: Annotated[
        dict[f.Item, Annotated[HoldShape, EMPTY_MAPPING]],
        EMPTY_MAPPING,
        D("Items left as they are on every site."),
    ] = NOTHING
    security: Annotated[
        dict[f.Item, f.Line], EMPTY_MAPPING, D("By item, the version that closes a known hole.")
    ] = NOTHING
    undo: Annotated[UndoShape, EMPTY_MAPPING, D("What an undo may do.")] = UndoShape()
    rings: Annotated[RingsShape, EMPTY_MAPPING, D("When the next ring is begun.")] = RingsShape()
    unverified: Annotated[
        Unverified | None, f.choice(Unverified), D("What becomes of a change that nobody could check.")
    ] = None
    slower: Annotated[
        Slower, f.choice(Slower), D("What becomes of an update that makes pages clearly slower.")
    ] = _POLICY.slower
    insecure_packages: Annotated[
        tuple[f.Item, ...], LISTED, D("Items whose packages may come over http, by slug.")
    ] = ()
    vendors: Annotated[
        tuple[f.Address, ...], LISTED, D("Hosts of vendors whose packages may replace wordpress.org's.")
    ] = ()


class ToolShape(Shape):
    """A program that is brought to hosts that lack it."""

    file: Annotated[f.Line, D("The program; a path from this file on.")]
    sha512: Annotated[f.Checksum, D("Its SHA-512 in hexadecimal.")]


class ToolsShape(Shape):
    """Programs that are brought to hosts that lack them."""

    wp_cli: Annotated[ToolShape | None, D("wp-cli's phar.")] = None
    wordpress_org: Annotated[
        f.Url | None, D("A mirror that answers for api.wordpress.org and downloads.wordpress.org.")
    ] = None


class ParallelShape(Shape):
    """How much is done at once."""

    sites: Annotated[f.Some, D("Sites in work.")] = _PARALLEL.sites
    per_host: Annotated[f.Some, D("Sites in work on one host.")] = _PARALLEL.per_host
    logins_per_host: Annotated[f.Some, D("Logins in flight to one host.")] = _PARALLEL.logins_per_host


class LimitsShape(Shape):
    """How long is waited."""

    look: Annotated[f.Span, D("For one page.")] = _LIMITS.look
    step: Annotated[f.Span, D("For one step, unless its timeout says otherwise.")] = _LIMITS.step
    driver_silence: Annotated[f.Span, D("After which the host decides without the controller.")] = (
        _LIMITS.driver_silence
    )


class SshShape(Shape):
    """Files of the SSH client."""

    known_hosts: Annotated[f.Line, D("Keys of known hosts.")] = _SSH.known_hosts
    config: Annotated[f.Line, D("The SSH configuration.")] = _SSH.config


class SettingsFile(Shape):
    """How the crew works. Every key is optional."""

    agency: Annotated[AgencyShape, EMPTY_MAPPING, D("Who signs reports.")] = AgencyShape()
    mail: Annotated[MailShape | None, D("The SMTP server that mail leaves by.")] = None
    ledger: Annotated[f.Ledger, D("Database of all that happened.")] = "sqlite:///.sitecrew/ledger.db"
    backups: Annotated[BackupsShape, EMPTY_MAPPING, D("Where snapshots are kept.")] = BackupsShape()
    policy: Annotated[PolicyShape, EMPTY_MAPPING, D("What was decided about updates.")] = PolicyShape()
    tools: Annotated[ToolsShape, EMPTY_MAPPING, D("Programs for hosts.")] = ToolsShape()
    parallel: Annotated[ParallelShape, EMPTY_MAPPING, D("How much is done at once.")] = ParallelShape()
    limits: Annotated[LimitsShape, EMPTY_MAPPING, D("How long is waited.")] = LimitsShape()
    ssh: Annotated[SshShape, EMPTY_MAPPING, D("Files of the SSH client.")] = SshShape()


def settings_of(shape: SettingsFile) -> Settings:
    """The settings. Paths are absolute already: each file's start at that file."""
    tool = shape.tools.wp_cli
    return Settings(
        agency=Agency(**dict(shape.agency)),
        mail=Mail(**dict(shape.mail)) if shape.mail else None,
        ledger=shape.ledger,
        backups=Backups(**dict(shape.backups)),
        policy=Policy(
            updates=shape.policy.updates.updates(),
            hold=holds_of(shape.policy.hold),
            security=shape.policy.security,
            undo_database=shape.policy.undo.database,
            unverified=shape.policy.unverified,
            slower=shape.policy.slower,
            ring_failures=shape.policy.rings.failures,
            ring_soak=shape.policy.rings.soak,
            ring_order=shape.policy.rings.order,
            insecure_packages=frozenset(shape.policy.insecure_packages),
            vendors=frozenset(shape.policy.vendors),
        ),
        parallel=Parallel(**dict(shape.parallel)),
        limits=Limits(**dict(shape.limits)),
        ssh=Ssh(**dict(shape.ssh)),
        wp_cli=Tool(file=tool.file, sha512=tool.sha512.lower()) if tool else None,
        wordpress_org=shape.tools.wordpress_org or "",
    )
