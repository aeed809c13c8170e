"""The ledger: one object that offers every write and every question."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from runner.record.acts import ActBook
from runner.record.autoupdates import AutoUpdateBook
from runner.record.clients import ClientBook
from runner.record.engine import file_of, open_engine
from runner.record.evidence import EvidenceBook
from runner.record.history import HistoryQueries
from runner.record.holds import HoldBook
from runner.record.leases import LeaseBook
from runner.record.operators import Operator, operator_here
from runner.record.outbox import OutboxBook
from runner.record.queries import RunQueries
from runner.record.runs import RunBook
from runner.record.sites import SiteBook
from runner.record.websites import WebsiteBook
from runner.record.windows import WindowBook

__all__ = ["Ledger"]


class Ledger(
    WebsiteBook,
    RunBook,
    SiteBook,
    EvidenceBook,
    HoldBook,
    AutoUpdateBook,
    WindowBook,
    OutboxBook,
    LeaseBook,
    ActBook,
    ClientBook,
    RunQueries,
    HistoryQueries,
):
    """What was ordered, what happened and what became of it.

    Any thread and any number of processes may use the same ledger. Every write is one transaction that has
    reached the disk when the method returns; those that say a site begins or ends, a host has forgotten or a
    process lives reach it with the next other one, since a resumed run finds them out again.

    Every method raises LedgerError when the ledger cannot be read or written: that is never a verdict about
    a site.
    """

    @classmethod
    def open(cls, url: str, *, read_only: bool = False, operator: Operator | None = None) -> Self:
        """Open `sqlite:///PATH`; a missing one is created (folder 0700, file 0600), an old one is upgraded.

        Args:
            url: where it is.
            read_only: create, upgrade and write nothing.
            operator: who acts through it; the login of this process unless given.

        Raises:
            LedgerError: it cannot be opened, is no ledger, or was written by a newer Sitecrew.
        """
        file = file_of(url)
        engine = open_engine(file, read_only=read_only)
        return cls(engine, file, read_only=read_only, operator=operator or operator_here())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
