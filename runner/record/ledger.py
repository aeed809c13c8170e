"""The ledger: one object per subject, such as `ledger.runs` or `ledger.backups`."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from runner.model import LedgerAddress
from runner.record.acts import Acts
from runner.record.announcements import Announcements
from runner.record.approvals import Approvals
from runner.record.autoupdates import AutoUpdates
from runner.record.backups import Backups
from runner.record.clients import Clients
from runner.record.connection import open_database
from runner.record.deliveries import Deliveries
from runner.record.durations import Durations
from runner.record.holds import Holds, Sightings
from runner.record.jobs import Jobs
from runner.record.leases import Leases
from runner.record.looks import Looks
from runner.record.notices import Notices
from runner.record.operators import Operator, operator_here
from runner.record.pauses import Pauses
from runner.record.prune import Pruning
from runner.record.reports import Reports
from runner.record.restore_points import RestorePoints
from runner.record.runs import Runs
from runner.record.sites import Sites
from runner.record.steps import Steps
from runner.record.store import Store
from runner.record.websites import Websites
from runner.record.windows import Windows

__all__ = ["Ledger"]


class Ledger:
    """Everything that was planned, done and sent.

    Any number of threads and processes may use the same ledger. Every write is one transaction that is on
    disk when the method returns. Four kinds of writes reach the disk with the next synced one, because a
    resumed run finds them out again: a site's start, a site's end, an acknowledged job and a renewed lease.

    Every method raises LedgerError when the ledger cannot be read or written. That error says nothing about
    a site.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.runs = Runs(store)
        self.sites = Sites(store)
        self.steps = Steps(store)
        self.durations = Durations(store)
        self.jobs = Jobs(store)
        self.looks = Looks(store)
        self.restore_points = RestorePoints(store)
        self.backups = Backups(store)
        self.sightings = Sightings(store)
        self.holds = Holds(store)
        self.auto_updates = AutoUpdates(store)
        self.windows = Windows(store)
        self.pauses = Pauses(store)
        self.approvals = Approvals(store)
        self.reports = Reports(store)
        self.deliveries = Deliveries(store)
        self.notices = Notices(store)
        self.pruning = Pruning(store)
        self.announcements = Announcements(store)
        self.leases = Leases(store)
        self.acts = Acts(store)
        self.websites = Websites(store)
        self.clients = Clients(store)

    @classmethod
    def open(
        cls, address: LedgerAddress | str, *, read_only: bool = False, operator: Operator | None = None
    ) -> Self:
        """Open a ledger. Create a missing one (SQLite: folder 0700, file 0600) and upgrade an old one.

        Args:
            address: where the ledger is, or its URL.
            read_only: create, upgrade and write nothing.
            operator: who acts; by default the login of this process.

        Raises:
            LedgerError: it cannot be opened, is not a ledger, or was written by a newer Sitecrew.
            SecretError: the password cannot be read.
        """
        if isinstance(address, str):
            address = LedgerAddress(address)
        database = open_database(address, read_only=read_only)
        return cls(Store(database, read_only=read_only, operator=operator or operator_here()))

    @property
    def operator(self) -> Operator:
        """Who acts through this ledger."""
        return self.store.operator

    @property
    def read_only(self) -> bool:
        """Whether the ledger was opened read-only."""
        return self.store.read_only

    def size(self) -> int:
        """Return the bytes that the ledger takes on the disk."""
        return self.store.database.size()

    def compact(self) -> None:
        """Rewrite the ledger without gaps. Others wait meanwhile."""
        self.store.database.compact()

    def close(self) -> None:
        """Close all connections."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
