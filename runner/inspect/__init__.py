"""Read hosts and sites without changing them: facts, previews, plans, doctor."""

from __future__ import annotations
