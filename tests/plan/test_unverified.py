"""`policy.unverified` decides about changes that cannot be verified."""

from __future__ import annotations

import pytest

from runner.model import Action, Change, ItemKind, Outcome, Unverified
from runner.plan import unverified_outcomes


def change(to: str, kind: ItemKind = ItemKind.PLUGIN, was: str = "1.0") -> Change:
    return Change(step="s", item="forms", kind=kind, from_version=was, to_version=to, action=Action.CHANGE)


@pytest.mark.parametrize(
    ("policy", "one", "outcome"),
    [
        (None, change("1.1"), None),
        (None, change("2.0"), Outcome.HELD),
        (None, change("6.6", ItemKind.CORE, "6.5.5"), Outcome.HELD),
        (None, change("6.5.6", ItemKind.CORE, "6.5.5"), None),
        (None, change("2026-01-01 00:00:00", ItemKind.LANGUAGE, ""), None),
        (None, change("60000", ItemKind.DATABASE, "57155"), None),
        (Unverified.KEEP, change("2.0"), None),
        (Unverified.ASK, change("1.0.1"), Outcome.HELD),
        (Unverified.SKIP, change("1.0.1"), Outcome.SKIPPED),
        (Unverified.ASK, change("60000", ItemKind.DATABASE, "57155"), Outcome.HELD),
    ],
)
def test_policy_decides_about_unverifiable_changes(
    policy: Unverified | None, one: Change, outcome: Outcome | None
) -> None:
    found = unverified_outcomes([one], policy, why="a firewall", again="sitecrew run x --unverified")
    assert (found["forms"].outcome if found else None) == outcome
    assert all("a firewall" in told.why for told in found.values())
    assert all(("--unverified" in told.why) is (told.outcome is Outcome.HELD) for told in found.values())
