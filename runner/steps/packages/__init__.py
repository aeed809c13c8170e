"""`system.packages`: upgrades with apt or dnf to planned versions, verified by reading the packages again."""

from __future__ import annotations

from runner.steps.packages.facts import parse_system
from runner.steps.packages.kind import Packages, PackagesOptions
from runner.steps.packages.shell import (
    Sections,
    boot_script,
    change_script,
    facts_script,
    reboot_script,
    reread_script,
)
from runner.steps.packages.verdict import Aftermath, arguments, judge, plan_line, untouched, with_reboot

__all__ = [
    "Aftermath",
    "Packages",
    "PackagesOptions",
    "Sections",
    "arguments",
    "boot_script",
    "change_script",
    "facts_script",
    "judge",
    "parse_system",
    "plan_line",
    "reboot_script",
    "reread_script",
    "untouched",
    "with_reboot",
]
