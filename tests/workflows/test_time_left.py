"""Windows start only sites that end before the close, and those that were missed come first."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from runner.apply import site as site_module
from runner.apply.site import Ending, work_on
from runner.load import thaw
from runner.model import Basis, Outcome
from runner.workflows.run import Works
from tests.workflows.scheduling import SchedulerProcess, at, scheduler, write

NIGHT = '  night: {playbook: hello, day: daily, at: "02:00", lasts: 1h}\n'
FIRST = at("2027-01-05 02:00")
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture
def folder(tmp_path: Path, ledger_setting: str) -> Path:
    (tmp_path / "sitecrew.yaml").write_text(ledger_setting)
    folder = write(tmp_path, NIGHT)
    text = (folder / "inventory.yaml").read_text()
    sites = "".join(
        f", {name}: {{url: 'http://127.0.0.1:9', host: web1, path: /srv/{name}, kind: static}}"
        for name in ("second", "third")
    )
    (folder / "inventory.yaml").write_text(text.replace("kind: static}}}", f"kind: static}}{sites}}}}}"))
    return folder


def finish(one: SchedulerProcess, run: str, minutes: dict[str, float], missed: tuple[str, ...] = ()) -> None:
    """End a run in which each site took so many minutes."""
    begins = one.session.now()
    for name, length in minutes.items():
        one.ledger.sites.started(run, name, begins)
        one.ledger.sites.finished(run, name, Outcome.OK, "", begins + length * MINUTE)
    for name in missed:
        one.ledger.sites.finished(run, name, Outcome.MISSED, "no time", begins)
    one.ledger.runs.finished(run, Outcome.OK, begins + 30 * MINUTE)
    one.works.in_hand.discard(run)


def order(one: SchedulerProcess, run: str):
    return thaw(one.ledger.runs.order_text(run))


def test_estimates_come_from_the_site_else_from_others(folder: Path):
    with scheduler(folder) as one:
        (run,) = one.tick(FIRST)
        found = order(one, run)
        assert (found.opens, found.closes) == (FIRST, FIRST + 60 * MINUTE)
        assert {one.basis for one in found.estimates.values()} == {Basis.DEFAULT}
        assert {one.seconds for one in found.estimates.values()} == {630}
        finish(one, run, {"c0-site": 5, "second": 20}, missed=("third",))
        (run,) = one.tick(FIRST + DAY)
        found = order(one, run)
    bases = {name: (each.basis, each.seconds) for name, each in found.estimates.items()}
    assert bases == {
        "c0-site": (Basis.SITE, 330),
        "second": (Basis.SITE, 1230),
        "third": (Basis.PLAYBOOK, 1230),
    }


def test_missed_sites_are_first_in_the_next_window(folder: Path):
    with scheduler(folder) as one:
        (run,) = one.tick(FIRST)
        assert order(one, run).rings == (("c0-site", "second", "third"),)
        finish(one, run, {"c0-site": 5, "second": 5}, missed=("third",))
        (run,) = one.tick(FIRST + DAY)
        assert order(one, run).rings == (("third", "c0-site", "second"),)
        finish(one, run, {"c0-site": 5, "second": 5, "third": 5})
        (run,) = one.tick(FIRST + 2 * DAY)
        assert order(one, run).rings == (("c0-site", "second", "third"),)


def test_late_start_leaves_too_little_time(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(site_module, "_run_site", lambda *_: Ending(Outcome.OK))
    with scheduler(folder) as one:
        (run,) = one.tick(FIRST)
        finish(one, run, {"c0-site": 5, "second": 20, "third": 40})
        (run,) = one.tick(FIRST + DAY + 45 * MINUTE)
        found = order(one, run)
        ends = {site.name: work_on(one.session, found, site, 1) for site in found.sites}
    assert {name: (end.outcome, end.why) for name, end in ends.items()} == {
        "c0-site": ("ok", ""),
        "second": ("missed", "needs about 21 min, the window closes in 15 min"),
        "third": ("missed", "needs about 41 min, the window closes in 15 min"),
    }


def test_jitter_is_not_time_that_is_left(folder: Path):
    text = (folder / "inventory.yaml").read_text()
    (folder / "inventory.yaml").write_text(text.replace("lasts: 1h", "lasts: 20m, jitter: 19m"))
    with scheduler(folder) as one:
        one.tick(FIRST - MINUTE)
        (run,) = one.tick(FIRST + 19 * MINUTE)
        found = order(one, run)
    lasts = found.closes - found.opens
    assert timedelta(minutes=1) <= lasts < timedelta(minutes=20)
    assert {each.seconds for each in found.estimates.values()} == {lasts.total_seconds() / 2 + 30}


@pytest.mark.parametrize(("minutes", "closes"), [(30, FIRST + 60 * MINUTE), (60, None)])
def test_resumed_run_starts_all_sites_and_ends_with_an_open_window(
    folder: Path, minutes: int, closes: object
):
    with scheduler(folder) as one:
        (run,) = one.tick(FIRST)
        one.session.now = lambda: FIRST + minutes * MINUTE  # type: ignore[method-assign]
        works = Works.__new__(Works)
        works._session, works._late, works._orders = one.session, True, {}
        found = works._order(run)
    assert found.closes == closes
    assert {each.seconds for each in found.estimates.values()} == {0}
    assert {each.reserve for each in found.estimates.values()} == {30}
