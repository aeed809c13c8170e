"""Automatic updates of WordPress are switched by what is held."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from runner.model import AutoUpdate
from runner.plan import AutoHold, choose_switches

HELD = AutoHold(kind="plugin", key="forms/forms.php", item="forms", why="held")
ON = AutoUpdate(kind="plugin", key="forms/forms.php", was="listed")


@dataclass(frozen=True)
class Row:
    id: int = 1
    kind: str = "plugin"
    key: str = "forms/forms.php"
    item: str = "forms"
    was: str = "listed"
    state: str = "off"


@pytest.mark.parametrize(
    ("holds", "on", "rows", "expected"),
    [
        ([HELD], [ON], [], {"off": 1}),
        ([HELD], [ON], [Row(state="asked")], {"off": 1}),
        ([HELD], [], [Row()], {}),
        ([HELD], [ON], [Row()], {"overruled": 1}),
        ([HELD], [AutoUpdate(kind="plugin", key="forms/forms.php", forced="a filter")], [], {"forced": 1}),
        ([], [], [Row()], {"back": 1}),
        ([], [ON], [Row(state="overruled")], {"back": 1}),
        ([], [ON], [], {}),
        ([HELD], [], [], {}),
    ],
)
def test_choose_switches_by_holds_and_state(holds, on, rows, expected):
    chosen = choose_switches(holds, on, rows)
    found = {name: len(getattr(chosen, name)) for name in ("off", "forced", "back", "overruled")}
    assert {name: count for name, count in found.items() if count} == expected
