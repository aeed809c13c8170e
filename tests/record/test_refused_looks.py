"""A refused look says nothing about a site's health; a look from the site's own host does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.model import Period, Seen
from runner.record import LookView

if TYPE_CHECKING:
    from datetime import datetime

    from runner.record import Ledger

NOVEMBER = Period.parse("2026-11").instants("Europe/Berlin")


@pytest.mark.parametrize("own", [[], [True], [False]], ids=["no own look", "healthy", "unhealthy"])
@pytest.mark.parametrize("status", [401, 503])
def test_last_look_at_site_that_refuses_requests(
    ledger: Ledger, start: datetime, own: list[bool], status: int
) -> None:
    ledger.looks.record(
        LookView(
            site="shop",
            at=start,
            phase="after",
            signal="page",
            url="/",
            healthy=None,
            status=status,
            seen=Seen.REFUSED,
        )
    )
    for healthy in own:
        ledger.looks.record(
            LookView(
                site="shop",
                at=start,
                phase="after",
                signal="inside",
                url="/",
                healthy=healthy,
                status=200,
                seen=Seen.SEEN,
            )
        )
    (look,) = ledger.reports.history(["shop"], *NOVEMBER).last_looks
    assert look.healthy is (own[0] if own else None)
