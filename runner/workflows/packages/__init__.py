"""The packages of a host: once a run, for all of its sites."""

from __future__ import annotations
