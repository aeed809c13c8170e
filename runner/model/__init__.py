"""The nouns: frozen dataclasses and enums. No input or output, nothing of third parties."""

from __future__ import annotations

from runner.model.access import Access, NamedSecret
from runner.model.facts import AutoUpdate, CoreOffer, Extension, LogMark, SiteFacts, SubSite, Translation
from runner.model.inventory import (
    CatchUp,
    Client,
    Contact,
    DateRange,
    Host,
    Inventory,
    ManagedBy,
    Overlap,
    ReportEvery,
    ReportRhythm,
    Site,
    SiteKind,
    StatedPage,
    Support,
    Window,
    WindowDay,
)
from runner.model.locked import LockedPlan, LockedSite
from runner.model.look import Look, PageLook, Seen
from runner.model.outcome import ChangeOutcome, Outcome, State, StepOutcome, exit_code, worst
from runner.model.period import Period
from runner.model.plan import Action, Change, ItemKind, Plan, SitePlan
from runner.model.playbook import OnFailure, Playbook, Step
from runner.model.policy import Hold, Level, Policy, Rule, Slower, UndoDatabase, UpdateRules, Updates
from runner.model.published import Asked, Offers, Release, Sums
from runner.model.run import Order, RunEvent, UndoOrder
from runner.model.secret import SecretRef, SecretSource
from runner.model.settings import (
    Agency,
    Backups,
    Limits,
    Mail,
    MailSecurity,
    Parallel,
    Settings,
    Ssh,
    Tool,
)
from runner.model.system import SystemFacts, SystemPackage

__all__ = [
    "Access",
    "Action",
    "Agency",
    "Asked",
    "AutoUpdate",
    "Backups",
    "CatchUp",
    "Change",
    "ChangeOutcome",
    "Client",
    "Contact",
    "CoreOffer",
    "DateRange",
    "Extension",
    "Hold",
    "Host",
    "Inventory",
    "ItemKind",
    "Level",
    "Limits",
    "LockedPlan",
    "LockedSite",
    "LogMark",
    "Look",
    "Mail",
    "MailSecurity",
    "ManagedBy",
    "NamedSecret",
    "Offers",
    "OnFailure",
    "Order",
    "Outcome",
    "Overlap",
    "PageLook",
    "Parallel",
    "Period",
    "Plan",
    "Playbook",
    "Policy",
    "Release",
    "ReportEvery",
    "ReportRhythm",
    "Rule",
    "RunEvent",
    "SecretRef",
    "SecretSource",
    "Seen",
    "Settings",
    "Site",
    "SiteFacts",
    "SiteKind",
    "SitePlan",
    "Slower",
    "Ssh",
    "State",
    "StatedPage",
    "Step",
    "StepOutcome",
    "SubSite",
    "Sums",
    "Support",
    "SystemFacts",
    "SystemPackage",
    "Tool",
    "Translation",
    "UndoDatabase",
    "UndoOrder",
    "UpdateRules",
    "Updates",
    "Window",
    "WindowDay",
    "exit_code",
    "worst",
]
