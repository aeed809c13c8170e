"""Trials in the ledger can be read by a later process."""

from __future__ import annotations

from datetime import UTC, datetime

from runner.apply.transaction.trial import TrialRecord
from runner.load import freeze, thaw_as
from runner.verify import Inside, Signals


def test_trial_record_survives_storage() -> None:
    seen = Signals(at=datetime.now(UTC), visitors=(), inside=Inside(why="no answer"))
    kept = TrialRecord("tag", ("shop",), seen)
    assert thaw_as(TrialRecord, freeze(kept)) == kept
