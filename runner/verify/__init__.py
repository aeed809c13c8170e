"""Looks from outside: what a visitor gets, measured where no cache can flatter it."""

from __future__ import annotations

from runner.verify.http import look
from runner.verify.judge import Answer, Expectation, judge
from runner.verify.signals import Signals, compare, observe

__all__ = ["Answer", "Expectation", "Signals", "compare", "judge", "look", "observe"]
