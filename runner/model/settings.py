"""The settings of sitecrew.yaml and their defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from runner.model.crew import Crew
from runner.model.ledger import LedgerAddress
from runner.model.policy import Policy
from runner.model.retention import Retention
from runner.model.secret import SecretRef

__all__ = ["Agency", "Backups", "Limits", "Mail", "MailSecurity", "Parallel", "Settings", "Ssh", "Tool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """The agency as shown on reports."""

    name: str = "Your web care"
    logo: str | None = None
    accent: str = "#0b6b57"
    reply_to: str | None = None


class MailSecurity(StrEnum):
    """Encryption of the SMTP connection; both encrypted modes verify certificates."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """The SMTP server that sends reports."""

    host: str
    sender: str
    """`from` in the file: a bare address or `Name <address>`."""
    port: int = 587
    security: MailSecurity = MailSecurity.STARTTLS
    username: str | None = None
    password: SecretRef | None = None
    ca_file: str | None = None
    """CA certificates to trust in addition to the system's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backups:
    """Where backups are stored."""

    store: str = ".sitecrew/backups"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel:
    """Limits on parallel work."""

    sites: int = 50
    per_host: int = 2
    logins_per_host: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Timeouts."""

    look: timedelta = timedelta(seconds=8)
    step: timedelta = timedelta(minutes=15)
    driver_silence: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ssh:
    """Absolute paths of SSH files."""

    known_hosts: str = "~/.ssh/known_hosts"
    config: str = "~/.ssh/config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program to upload to hosts that do not have it."""

    file: str
    """Absolute path on the controller."""
    sha512: str
    """128 hexadecimal digits in lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The content of sitecrew.yaml. Paths are absolute once loaded."""

    agency: Agency = field(default_factory=Agency)
    mail: Mail | None = None
    crew: Crew = field(default_factory=Crew)
    ledger: LedgerAddress = field(default_factory=LedgerAddress)
    retention: Retention = field(default_factory=Retention)
    backups: Backups = field(default_factory=Backups)
    policy: Policy = field(default_factory=Policy)
    parallel: Parallel = field(default_factory=Parallel)
    limits: Limits = field(default_factory=Limits)
    ssh: Ssh = field(default_factory=Ssh)
    wp_cli: Tool | None = None
    wordpress_org: str = ""
    """A mirror of api.wordpress.org and downloads.wordpress.org; empty to use these directly."""
