"""Apply the plan of one site in a run, step by step."""

from __future__ import annotations
