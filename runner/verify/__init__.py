"""Health checks: request a site's pages and judge them against the baseline and the settings."""

from __future__ import annotations

from runner.verify.access import NO_HEADERS, access_headers
from runner.verify.baseline import Baseline, Usual
from runner.verify.causes import REST
from runner.verify.compare import compare, newly_refused, stale
from runner.verify.http import PageCheck, Timing, look
from runner.verify.inside import Inside, worse_inside
from runner.verify.judge import Expectation, judge
from runner.verify.observe import examine, observe, settle, until_known
from runner.verify.samples import sample
from runner.verify.signals import Signals
from runner.verify.slowdown import may_be_slower, slowest
from runner.web import Answer, Certificate, certificate

__all__ = [
    "NO_HEADERS",
    "REST",
    "Answer",
    "Baseline",
    "Certificate",
    "Expectation",
    "Inside",
    "PageCheck",
    "Signals",
    "Timing",
    "Usual",
    "access_headers",
    "certificate",
    "compare",
    "examine",
    "judge",
    "look",
    "may_be_slower",
    "newly_refused",
    "observe",
    "sample",
    "settle",
    "slowest",
    "stale",
    "until_known",
    "worse_inside",
]
