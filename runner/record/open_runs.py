"""The condition for runs that have not ended."""

from __future__ import annotations

from runner.model import State
from runner.record.schema import runs

__all__ = ["IS_OPEN"]

IS_OPEN = runs.c.state.in_([state.value for state in State if state is not State.ENDED])
"""Lists the states, since databases use no index to find rows that are not in one."""
