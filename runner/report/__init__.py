"""Client reports: their content, built from the ledger, and the documents rendered from it.

Only `build_report` reads the ledger. Rendering is imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.report.build import assemble, build_report
from runner.report.data import NextWindow, ReportData, Status
from runner.report.windows import DueWindows

if TYPE_CHECKING:
    from runner.report.files import Logo, read_logo, write
    from runner.report.render import render_html, render_text, spoken, subject

__all__ = [
    "DueWindows",
    "Logo",
    "NextWindow",
    "ReportData",
    "Status",
    "assemble",
    "build_report",
    "read_logo",
    "render_html",
    "render_text",
    "spoken",
    "subject",
    "write",
]


def __getattr__(name: str) -> Any:
    if name in {"Logo", "read_logo", "write"}:
        from runner.report import files

        return getattr(files, name)
    if name in {"render_html", "render_text", "spoken", "subject"}:
        from runner.report import render

        return getattr(render, name)
    raise AttributeError(name)
