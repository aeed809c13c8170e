"""What is written down of a trial can be read again by a later process."""

from __future__ import annotations

from datetime import UTC, datetime

from runner.apply.transaction.trial import TrialRecord
from runner.load import freeze, thaw_as
from runner.verify import Inside, Signals


def test_a_trial_that_was_written_down_is_read_as_it_was() -> None:
    seen = Signals(at=datetime.now(UTC), visitors=(), inside=Inside(why="nobody answers"))
    kept = TrialRecord("tag", ("shop",), seen)
    assert thaw_as(TrialRecord, freeze(kept)) == kept
