"""The errors that Sitecrew raises, each with an exit code and a hint for the user.

SitecrewError                     1  unexpected error
+-- UsageError                    2  invalid command line or input
|   +-- ValidationError           2  invalid input file; has every Problem found
|   +-- UnknownNameError          2  no such site, run, playbook, client or host
|   +-- SecretError               2  a secret could not be read
+-- HostError                     3  something failed on a host
|   +-- UnreachableError          4  cannot connect
|   |   +-- HostKeyError          4  unknown or changed host key
|   |   +-- LoginRefusedError     4  authentication failed
|   |   +-- SshConfigError        4  the SSH configuration cannot be used for this host
|   |   +-- NoShellError          4  no POSIX shell (SFTP only, or restricted)
|   |   +-- ProtocolError         4  the host's output breaks the protocol or exceeds a limit
|   +-- IdentityError             3  a site's path, address and database do not match
|   +-- JobRefusedError           3  the host did not start the job (no folder, no space, truncated input)
|   +-- LostError                 6  a job was started and its outcome is unknown
+-- LockedError                  11  another run has locked the site
+-- ProbeError                    3  a health check failed or could not be made
+-- BackupError                   3  a snapshot is missing, incomplete or differs from its manifest
+-- LedgerError                   1  the ledger cannot be read or written
|   +-- ChangedOrderError         1  a run's order was changed after it started
+-- DeliveryError                 3  a message could not be delivered
+-- EngineError                   1  the workflow engine failed
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
    """Exit codes of `sitecrew`. Scripts depend on them: numbers are never reused."""

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
    """Base class. `hint` says what to do, preferably the command to type."""

    exit_code = ExitCode.UNEXPECTED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def with_hint(self) -> str:
        """Message and hint on one line."""
        return f"{self}; {self.hint[0].lower()}{self.hint[1:]}" if self.hint else str(self)


class UsageError(SitecrewError):
    """The command line or an input file is invalid."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A mistake in an input file. Lines and columns count from 1; `path` looks like ``steps[3].timeout``."""

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""
    source: str = ""
    """The line of the file, printed above the caret."""


class ValidationError(UsageError):
    """Input files are invalid; `problems` has every mistake found."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        count = len(problems)
        super().__init__(f"{count} mistake{'s' if count != 1 else ''} found")
        self.problems = problems


class UnknownNameError(UsageError):
    """Nothing has this name; the hint suggests the closest match."""


class SecretError(UsageError):
    """A secret's variable, file or command is missing, fails or is empty."""


class HostError(SitecrewError):
    """Something failed on a host."""

    exit_code = ExitCode.FAILED


class UnreachableError(HostError):
    """Cannot connect to the host; nothing was started on it."""

    exit_code = ExitCode.UNREACHABLE


class HostKeyError(UnreachableError):
    """The host's key is unknown or has changed."""


class LoginRefusedError(UnreachableError):
    """The host rejected the key or password."""


class SshConfigError(UnreachableError):
    """The SSH configuration cannot be read or used for this host; no connection was tried."""


class NoShellError(UnreachableError):
    """The account has no POSIX shell: it is SFTP only or restricted."""


class ProtocolError(UnreachableError):
    """The host's output breaks the protocol or exceeds a limit; nothing was started on it.

    After a job has started, the same problem is a LostError.
    """


class IdentityError(HostError):
    """The site in the folder is not the site at the address; nothing is changed."""


class JobRefusedError(HostError):
    """The host did not start the job; no part of it has run."""


class LostError(HostError):
    """A job was started and its outcome is unknown. It is reconciled before anything else runs."""

    exit_code = ExitCode.LOST


class LockedError(SitecrewError):
    """Another run has locked the site."""

    exit_code = ExitCode.LOCKED


class ProbeError(SitecrewError):
    """A health check could not be made, or found the site unhealthy."""

    exit_code = ExitCode.FAILED


class BackupError(SitecrewError):
    """A snapshot is missing, incomplete or differs from its manifest."""

    exit_code = ExitCode.FAILED


class LedgerError(SitecrewError):
    """The ledger cannot be read or written."""


class ChangedOrderError(LedgerError):
    """A run's order differs from the one recorded when it started. Other runs are not affected."""


class DeliveryError(SitecrewError):
    """A message could not be delivered."""

    exit_code = ExitCode.FAILED


class EngineError(SitecrewError):
    """The workflow engine failed; how the work ended is unknown."""
