"""A step whose changes are transactions: tried together, looked at, kept or taken back."""

from __future__ import annotations
