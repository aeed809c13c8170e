"""One site in a run: its plan is applied step by step."""

from __future__ import annotations
