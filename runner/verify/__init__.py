"""Health checks: request a site's pages and judge them against the baseline and the settings."""

from __future__ import annotations

from runner.verify.access import NO_KEYS, keys
from runner.verify.baseline import Baseline, Usual
from runner.verify.causes import REST
from runner.verify.compare import compare, shut_since, stale
from runner.verify.http import Sight, look
from runner.verify.inside import Inside, worse_inside
from runner.verify.judge import Expectation, judge
from runner.verify.observe import examine, observe, settle, until_known
from runner.verify.pace import could_be, slowest
from runner.verify.samples import sample
from runner.verify.signals import Signals
from runner.web import Answer, Certificate, certificate

__all__ = [
    "NO_KEYS",
    "REST",
    "Answer",
    "Baseline",
    "Certificate",
    "Expectation",
    "Inside",
    "Sight",
    "Signals",
    "Usual",
    "certificate",
    "compare",
    "could_be",
    "examine",
    "judge",
    "keys",
    "look",
    "observe",
    "sample",
    "settle",
    "shut_since",
    "slowest",
    "stale",
    "until_known",
    "worse_inside",
]
