"""Changes that were rolled back: their version is certain only if it was read again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runner.apply.transaction.batch import not_kept
from runner.apply.transaction.trial import SiteBaseline, TrialResult
from runner.model import Action, Change, Extension, ItemKind, Outcome, SiteFacts, StepOutcome
from runner.verify import Inside, Signals

SEEN = Signals(at=datetime(2026, 11, 3, tzinfo=UTC), visitors=(), inside=Inside(why="no answer"))
FORMS, SLIDER = (
    Change(
        step="plugins", item=name, kind=ItemKind.PLUGIN, from_version="1.0", to_version="1.1",
        action=Action.CHANGE,
    )
    for name in ("forms", "slider")
)  # fmt: skip


def facts(**versions: str) -> SiteFacts:
    plugins = tuple(Extension(slug=slug, title=slug, version=version) for slug, version in versions.items())
    return SiteFacts(wordpress="7.0", php="8.3", home="", siteurl="", plugins=plugins)


@pytest.mark.parametrize(
    ("reread", "uncertain"),
    [
        (facts(forms="1.0", slider="1.0"), [False, False]),
        (facts(forms="1.1", slider="1.0"), [True, False]),
        (facts(slider="1.1"), [True, True]),
        (None, [True, True]),
    ],
)
@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNDONE])
def test_only_the_version_from_before_is_certain(
    reread: SiteFacts | None, uncertain: list[bool], outcome: Outcome
):
    trial = TrialResult(
        kept=False,
        healthy=reread is not None,
        why="answers 500",
        outcome=StepOutcome(step="plugins", outcome=Outcome.FAILED),
        state=SiteBaseline(facts(forms="1.0", slider="1.0"), SEEN),
        reread=reread,
    )
    found = not_kept((FORMS, SLIDER), outcome, trial)
    assert [found[item].uncertain for item in ("forms", "slider")] == uncertain
    assert {one.outcome for one in found.values()} == {outcome}
