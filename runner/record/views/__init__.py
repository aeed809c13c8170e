"""Rows as they are read from the ledger: frozen, with aware instants in UTC; None means not recorded."""

from __future__ import annotations

from runner.record.views.care import (
    LEASE,
    BackupView,
    DeliveryState,
    DeliveryView,
    HoldView,
    LeaseView,
    Recipient,
    ReportView,
    WindowState,
    WindowView,
    worst,
)
from runner.record.views.evidence import (
    AutoUpdateView,
    HeldAutoUpdate,
    LookView,
    RestorePointView,
    SegmentView,
)
from runner.record.views.history import TOUCHED, Failure, History, LastLook, LookSummary, Measured, SiteRun
from runner.record.views.identity import ClientView, WebsiteView
from runner.record.views.instants import rfc3339
from runner.record.views.runs import (
    ActView,
    ChangeView,
    NewRun,
    OrderedSite,
    OrderedStep,
    RunSummary,
    RunView,
    SiteRow,
    SiteView,
    StepOutput,
    StepView,
    Undo,
)
from runner.record.views.schedules import NewSchedule, Schedules, ScheduleView, Settlement, WhyNot

__all__ = [
    "LEASE",
    "TOUCHED",
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
    "HoldView",
    "LastLook",
    "LeaseView",
    "LookSummary",
    "LookView",
    "Measured",
    "NewRun",
    "NewSchedule",
    "OrderedSite",
    "OrderedStep",
    "Recipient",
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
    "worst",
]
