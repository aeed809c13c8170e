"""Every error that Sitecrew raises on purpose, each with its exit code and a hint for the person who sees it.

SitecrewError                     1  something unexpected
+-- UsageError                    2  the command or its input cannot be used
|   +-- ValidationError           2  a file says something that cannot be; carries every Problem found
|   +-- UnknownNameError          2  no such site, run, playbook, client, host
|   +-- SecretError               2  a secret reference leads nowhere
+-- HostError                        a host could not be worked with
|   +-- UnreachableError          4  no connection
|   |   +-- HostKeyError          4  unknown or changed host key
|   |   +-- LoginRefusedError     4  the host knows us not
|   |   +-- SshConfigError        4  ssh's configuration cannot be used for this host
|   |   +-- NoShellError          4  a login without a POSIX shell (sftp only, restricted)
|   |   +-- ProtocolError         4  the host's answers break the protocol, or pass a limit
|   +-- IdentityError             3  a site's path, address and database do not belong together
|   +-- JobRefusedError           3  the host would not start the job (no folder, no space, cut body)
|   +-- LostError                 6  the outcome of something begun is not known
+-- LockedError                  11  another run works on this site
+-- ProbeError                    3  a look from outside found the site unhealthy
+-- BackupError                   3  a snapshot is missing, incomplete or not what its manifest says
+-- LedgerError                   1  the ledger cannot be read or written
+-- DeliveryError                 3  a message could not be handed over
+-- EngineError                   1  the durable engine could not do its part
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

__all__ = [
    "BackupError",
    "ChangedOrderError",
    "DeliveryError",
    "EngineError",
    "ExitCode",
    "HostError",
    "HostKeyError",
    "IdentityError",
    "JobRefusedError",
    "LedgerError",
    "LockedError",
    "LoginRefusedError",
    "LostError",
    "NoShellError",
    "ProbeError",
    "Problem",
    "ProtocolError",
    "SecretError",
    "SitecrewError",
    "SshConfigError",
    "UnknownNameError",
    "UnreachableError",
    "UsageError",
    "ValidationError",
]


class ExitCode(IntEnum):
    """What the process says to scripts. Frozen: numbers are never reused."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    FAILED = 3
    UNREACHABLE = 4
    UNDONE = 5
    LOST = 6
    MISSED = 7
    LOCKED = 11
    PENDING = 20
    INTERRUPTED = 130


class SitecrewError(Exception):
    """The root. `hint` says what to do about it, best of all what to type."""

    exit_code = ExitCode.UNEXPECTED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def with_hint(self) -> str:
        """Message and hint in one line."""
        return f"{self}; {self.hint[0].lower()}{self.hint[1:]}" if self.hint else str(self)


class UsageError(SitecrewError):
    """The command line or an input file cannot be used as it is."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in an input file. Lines and columns count from 1; `path` is like ``steps[3].timeout``."""

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""
    source: str = ""
    """The line of text itself, for the caret."""


class ValidationError(UsageError):
    """Input files with every mistake that was found in them."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        count = len(problems)
        super().__init__(f"{count} mistake{'s' if count != 1 else ''} found")
        self.problems = problems


class UnknownNameError(UsageError):
    """Nothing of that name; the hint names what comes closest."""


class SecretError(UsageError):
    """A secret reference whose variable, file or command gives nothing."""


class HostError(SitecrewError):
    """A host could not be worked with."""

    exit_code = ExitCode.FAILED


class UnreachableError(HostError):
    """No connection to the host, hence nothing was begun on it."""

    exit_code = ExitCode.UNREACHABLE


class HostKeyError(UnreachableError):
    """The host's key is not the one on record, or there is none on record."""


class LoginRefusedError(UnreachableError):
    """The host refused key or password."""


class SshConfigError(UnreachableError):
    """Ssh's configuration cannot be read, or names what cannot be used. No connection was tried."""


class NoShellError(UnreachableError):
    """The account has no POSIX shell: sftp only, or restricted."""


class ProtocolError(UnreachableError):
    """The host's answers break the protocol or pass a limit; nothing was begun on it.

    Once a job has begun, the same is a LostError.
    """


class IdentityError(HostError):
    """What is in a site's folder is another site than the one at its address: nothing is done there."""


class JobRefusedError(HostError):
    """The host did not start the job, and nothing of it has run."""


class LostError(HostError):
    """Something was begun and its outcome is not known. Reconciled before anything else happens."""

    exit_code = ExitCode.LOST


class LockedError(SitecrewError):
    """Another run holds the site's lock."""

    exit_code = ExitCode.LOCKED


class ProbeError(SitecrewError):
    """A look from outside could not be taken, or found the site unhealthy."""

    exit_code = ExitCode.FAILED


class BackupError(SitecrewError):
    """A snapshot is missing, incomplete, or not what its manifest says."""

    exit_code = ExitCode.FAILED


class LedgerError(SitecrewError):
    """The ledger cannot be read or written."""


class ChangedOrderError(LedgerError):
    """A run's order is not the one that was recorded when it began. It says nothing of other runs."""


class DeliveryError(SitecrewError):
    """A message could not be handed over."""

    exit_code = ExitCode.FAILED


class EngineError(SitecrewError):
    """The durable engine could not do its part; how the work ended is unknown, not failed."""
