"""sitecrew.yaml: its shape, and the conversion to the model."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import Field

from runner.load import fields as f
from runner.load.crew import CrewShape, crew_of
from runner.load.fields import EMPTY_MAPPING, LISTED, NOTHING, D, Shape
from runner.load.inventory import HoldShape, UpdatesShape, holds_of
from runner.load.secrets import resolve
from runner.model import (
    Agency,
    Backups,
    LedgerAddress,
    Limits,
    Mail,
    MailSecurity,
    Parallel,
    Policy,
    Retention,
    Settings,
    Slower,
    Ssh,
    Tool,
    UndoDatabase,
    Unverified,
)

__all__ = ["SettingsFile", "settings_of"]

_AGENCY, _BACKUPS, _LIMITS, _PARALLEL, _POLICY, _RETENTION, _SSH = (
    Agency(),
    Backups(),
    Limits(),
    Parallel(),
    Policy(),
    Retention(),
    Ssh(),
)


class AgencyShape(Shape):
    """The agency as shown on reports."""

    name: Annotated[f.Line, D("Name of the agency.")] = _AGENCY.name
    logo: Annotated[f.Line | None, D("Image file, relative to this file.")] = None
    accent: Annotated[f.Color, D("Color of headings and links, #rrggbb.")] = _AGENCY.accent
    reply_to: Annotated[f.ReturnAddress | None, D("Address for replies to reports.")] = None


class MailShape(Shape):
    """The SMTP server that sends mail."""

    host: Annotated[f.MailServer, D("Name of the SMTP server.")]
    sender: Annotated[f.Sender, Field(alias="from", description="Sender address, or Name <address>.")]
    port: Annotated[f.Port, D("Port of the SMTP server.")] = 587
    security: Annotated[MailSecurity, f.choice(MailSecurity), D("Encryption of the connection.")] = (
        MailSecurity.STARTTLS
    )
    username: Annotated[f.Line | None, D("User name at the SMTP server.")] = None
    password: Annotated[f.Secret | None, D("Password at the SMTP server.")] = None
    ca_file: Annotated[
        f.Line | None,
        D("File of CA certificates to trust in addition to the system's, relative to this file."),
    ] = None


class BackupsShape(Shape):
    """Where backups are stored."""

    store: Annotated[f.Line, D("Folder, relative to this file.")] = _BACKUPS.store


class RetentionShape(Shape):
    """How long records stay in the ledger."""

    looks: Annotated[f.FromOneDay, D("Looks of health checks; then a summary of five minutes.")] = (
        _RETENTION.looks
    )
    details: Annotated[f.From30Days, D("Output, plans, facts and jobs of runs; sent mails.")] = (
        _RETENTION.details
    )
    summaries: Annotated[f.From30Days, D("Summaries of looks; first offers of superseded versions.")] = (
        _RETENTION.summaries
    )
    history: Annotated[f.From400Days, D("Runs and their changes, openings of windows, reports.")] = (
        _RETENTION.history
    )


class UndoShape(Shape):
    """What a rollback or undo may restore."""

    database: Annotated[UndoDatabase, f.choice(UndoDatabase), D("When the database is restored too.")] = (
        _POLICY.undo_database
    )


class RingsShape(Shape):
    """Which rings there are, and when the next one starts."""

    failures: Annotated[f.Percent, D("Share of a ring's sites that may fail, like 10%.")] = (
        _POLICY.ring_failures
    )
    soak: Annotated[f.Duration, D("Time to wait after each ring.")] = _POLICY.ring_soak
    order: Annotated[
        tuple[f.Line, ...], LISTED, D("Selectors of the rings, for runs and windows without their own.")
    ] = _POLICY.ring_order


class PolicyShape(Shape):
    """The update policy."""

    updates: Annotated[UpdatesShape, EMPTY_MAPPING, D("Which updates are held or delayed.")] = UpdatesShape()
    hold: Annotated[
        dict[f.Item, Annotated[HoldShape, EMPTY_MAPPING]],
        EMPTY_MAPPING,
        D("Items not to update on any site."),
    ] = NOTHING
    security: Annotated[
        dict[f.Item, f.Line], EMPTY_MAPPING, D("By item, the version that fixes a known vulnerability.")
    ] = NOTHING
    undo: Annotated[
        UndoShape, EMPTY_MAPPING, D("What may be restored when a change is rolled back or undone.")
    ] = UndoShape()
    rings: Annotated[RingsShape, EMPTY_MAPPING, D("Which rings there are, and when the next one starts.")] = (
        RingsShape()
    )
    unverified: Annotated[
        Unverified | None, f.choice(Unverified), D("What to do with changes that cannot be verified.")
    ] = None
    slower: Annotated[
        Slower, f.choice(Slower), D("What to do with an update that makes pages clearly slower.")
    ] = _POLICY.slower
    announce: Annotated[
        f.Ahead | None,
        D("How long before its start each window is announced to the clients, like 3d, or never."),
    ] = None
    insecure_packages: Annotated[
        tuple[f.Item, ...], LISTED, D("Slugs of items whose packages may be downloaded over http.")
    ] = ()
    vendors: Annotated[
        tuple[f.Address, ...],
        LISTED,
        D("Download hosts of vendors whose packages may replace those of wordpress.org."),
    ] = ()
    approve: Annotated[
        f.ApproveRule | None,
        D("Sites that wait for approval, for windows without their own: all, majors, none, or selectors."),
    ] = None


class ToolShape(Shape):
    """A program to upload to hosts that do not have it."""

    file: Annotated[f.Line, D("The program file, relative to this file.")]
    sha512: Annotated[f.Checksum, D("Its SHA-512 in hexadecimal.")]


class ToolsShape(Shape):
    """Programs to upload to hosts, and servers to use for updates."""

    wp_cli: Annotated[ToolShape | None, D("The phar file of wp-cli, for hosts without one.")] = None
    wordpress_org: Annotated[
        f.Url | None, D("URL of a mirror of api.wordpress.org and downloads.wordpress.org.")
    ] = None


class ParallelShape(Shape):
    """Limits on parallel work."""

    sites: Annotated[f.Some, D("Sites at the same time.")] = _PARALLEL.sites
    per_host: Annotated[f.Some, D("Sites at the same time on one host.")] = _PARALLEL.per_host
    logins_per_host: Annotated[f.Some, D("Logins to one host at the same time.")] = _PARALLEL.logins_per_host


class LimitsShape(Shape):
    """Timeouts."""

    look: Annotated[f.Span, D("Timeout of one page.")] = _LIMITS.look
    step: Annotated[f.Span, D("Timeout of one step, unless it has its own.")] = _LIMITS.step
    driver_silence: Annotated[f.Span, D("Time without contact after which the host decides by itself.")] = (
        _LIMITS.driver_silence
    )


class SshShape(Shape):
    """Files used for SSH."""

    known_hosts: Annotated[f.Line, D("File of known host keys.")] = _SSH.known_hosts
    config: Annotated[f.Line, D("SSH configuration file.")] = _SSH.config


class SettingsFile(Shape):
    """The settings of an agency. Every key is optional."""

    agency: Annotated[AgencyShape, EMPTY_MAPPING, D("The agency as shown on reports.")] = AgencyShape()
    mail: Annotated[MailShape | None, D("The SMTP server that sends mail.")] = None
    crew: Annotated[CrewShape, EMPTY_MAPPING, D("Who is notified of failures, and how.")] = CrewShape()
    ledger: Annotated[f.Ledger, D("Database of everything that was done.")] = Settings().ledger
    retention: Annotated[RetentionShape, EMPTY_MAPPING, D("How long records stay in the ledger.")] = (
        RetentionShape()
    )
    backups: Annotated[BackupsShape, EMPTY_MAPPING, D("Where backups are stored.")] = BackupsShape()
    policy: Annotated[PolicyShape, EMPTY_MAPPING, D("The update policy.")] = PolicyShape()
    tools: Annotated[ToolsShape, EMPTY_MAPPING, D("Programs for hosts, and a mirror.")] = ToolsShape()
    parallel: Annotated[ParallelShape, EMPTY_MAPPING, D("Limits on parallel work.")] = ParallelShape()
    limits: Annotated[LimitsShape, EMPTY_MAPPING, D("Timeouts.")] = LimitsShape()
    ssh: Annotated[SshShape, EMPTY_MAPPING, D("Files used for SSH.")] = SshShape()


def settings_of(shape: SettingsFile, folder: Path) -> Settings:
    """Convert to the model. Paths are already absolute; commands of secrets run in `folder`."""
    tool = shape.tools.wp_cli
    return Settings(
        agency=Agency(**dict(shape.agency)),
        mail=Mail(**dict(shape.mail)) if shape.mail else None,
        crew=crew_of(shape.crew),
        ledger=_with_password(shape.ledger, folder),
        retention=Retention(**dict(shape.retention)),
        backups=Backups(**dict(shape.backups)),
        policy=Policy(
            updates=shape.policy.updates.updates(),
            hold=holds_of(shape.policy.hold),
            security=shape.policy.security,
            undo_database=shape.policy.undo.database,
            unverified=shape.policy.unverified,
            slower=shape.policy.slower,
            announce=shape.policy.announce or timedelta(0),
            ring_failures=shape.policy.rings.failures,
            ring_soak=shape.policy.rings.soak,
            ring_order=shape.policy.rings.order,
            insecure_packages=frozenset(shape.policy.insecure_packages),
            vendors=frozenset(shape.policy.vendors),
            approve=shape.policy.approve or _POLICY.approve,
        ),
        parallel=Parallel(**dict(shape.parallel)),
        limits=Limits(**dict(shape.limits)),
        ssh=Ssh(**dict(shape.ssh)),
        wp_cli=Tool(file=tool.file, sha512=tool.sha512.lower()) if tool else None,
        wordpress_org=shape.tools.wordpress_org or "",
    )


def _with_password(ledger: LedgerAddress, folder: Path) -> LedgerAddress:
    if ledger.password is None:
        return ledger
    return replace(ledger, read_password=partial(resolve, ledger.password, base=folder))
