"""What is read from the ledger: frozen, instants aware and in UTC, None where nothing was recorded."""

from __future__ import annotations

from runner.record.views.care import (
    LEASE,
    BackupView,
    DeliveryState,
    DeliveryView,
    HoldView,
    LeaseView,
    ReportView,
    WindowState,
    WindowView,
)
from runner.record.views.history import TOUCHED, Failure, History, LastLook, LookSummary, Measured, SiteRun
from runner.record.views.runs import (
    ActView,
    AutoUpdateView,
    ChangeView,
    LookView,
    RestorePointView,
    RunSummary,
    RunView,
    SegmentView,
    SiteRow,
    SiteView,
    StepOutput,
    StepView,
    rfc3339,
)

__all__ = [
    "LEASE",
    "TOUCHED",
    "ActView",
    "AutoUpdateView",
    "BackupView",
    "ChangeView",
    "DeliveryState",
    "DeliveryView",
    "Failure",
    "History",
    "HoldView",
    "LastLook",
    "LeaseView",
    "LookSummary",
    "LookView",
    "Measured",
    "ReportView",
    "RestorePointView",
    "RunSummary",
    "RunView",
    "SegmentView",
    "SiteRow",
    "SiteRun",
    "SiteView",
    "StepOutput",
    "StepView",
    "WindowState",
    "WindowView",
    "rfc3339",
]
