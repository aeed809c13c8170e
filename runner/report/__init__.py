"""Ledger to documents: what a client is told about a period, and how it looks."""

from __future__ import annotations

from runner.report.build import assemble
from runner.report.data import NextWindow, ReportData, Status
from runner.report.render import render_html, render_text, subject

__all__ = ["NextWindow", "ReportData", "Status", "assemble", "render_html", "render_text", "subject"]
