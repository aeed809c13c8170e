"""Looks from outside: what a visitor gets, measured where no cache can flatter it."""

from __future__ import annotations

from runner.verify.access import NO_KEYS, keys
from runner.verify.http import Sight, look
from runner.verify.judge import Expectation, judge
from runner.verify.signals import Signals, compare, examine, observe
from runner.web import Answer, Certificate, certificate

__all__ = [
    "NO_KEYS",
    "Answer",
    "Certificate",
    "Expectation",
    "Sight",
    "Signals",
    "certificate",
    "compare",
    "examine",
    "judge",
    "keys",
    "look",
    "observe",
]
