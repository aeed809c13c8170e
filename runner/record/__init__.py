"""The ledger: everything that happened. `Ledger` is imported on first use, as SQLAlchemy loads slowly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.record.views import (
    LEASE,
    ActView,
    AutoUpdateView,
    BackupView,
    ChangeView,
    ClientView,
    DeliveryState,
    DeliveryView,
    Failure,
    HeldAutoUpdate,
    History,
    HoldByHand,
    HoldView,
    LastLook,
    LeaseView,
    LookSummary,
    LookView,
    Measured,
    NewRun,
    NewSchedule,
    OrderedSite,
    OrderedStep,
    PauseView,
    Recipient,
    ReportSummary,
    ReportView,
    RestorePointView,
    RunSummary,
    RunView,
    Schedules,
    ScheduleView,
    SegmentView,
    Settlement,
    SiteRow,
    SiteRun,
    SiteView,
    StepOutput,
    StepView,
    Undo,
    WebsiteView,
    WhyNot,
    WindowState,
    WindowView,
    rfc3339,
)

if TYPE_CHECKING:
    from runner.record.ledger import Ledger

__all__ = [
    "LEASE",
    "ActView",
    "AutoUpdateView",
    "BackupView",
    "ChangeView",
    "ClientView",
    "DeliveryState",
    "DeliveryView",
    "Failure",
    "HeldAutoUpdate",
    "History",
    "HoldByHand",
    "HoldView",
    "LastLook",
    "LeaseView",
    "Ledger",
    "LookSummary",
    "LookView",
    "Measured",
    "NewRun",
    "NewSchedule",
    "OrderedSite",
    "OrderedStep",
    "PauseView",
    "Recipient",
    "ReportSummary",
    "ReportView",
    "RestorePointView",
    "RunSummary",
    "RunView",
    "ScheduleView",
    "Schedules",
    "SegmentView",
    "Settlement",
    "SiteRow",
    "SiteRun",
    "SiteView",
    "StepOutput",
    "StepView",
    "Undo",
    "WebsiteView",
    "WhyNot",
    "WindowState",
    "WindowView",
    "rfc3339",
]


def __getattr__(name: str) -> Any:
    if name == "Ledger":
        from runner.record.ledger import Ledger

        return Ledger
    raise AttributeError(name)
