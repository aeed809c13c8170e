"""Looks from outside: what a visitor gets, measured where no cache can flatter it."""

from __future__ import annotations

from runner.verify.http import look
from runner.verify.judge import Answer, Expectation, judge

__all__ = ["Answer", "Expectation", "judge", "look"]
