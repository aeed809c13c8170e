"""Steps whose changes are transactions: applied together, checked, then kept or rolled back."""

from __future__ import annotations
