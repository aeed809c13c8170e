from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.demo.chapters import CHAPTERS, Chapter, Expected, chapter
from lab.demo.result import Change, Visits, changes, deviations, summary
from lab.demo.screen import waiting
from lab.demo.user import User
from lab.demo.workspace import Workspace
from lab.shell import LabError
from lab.spec import FleetSpec
from runner.load import load_workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
GOOD = Visits(40, 0)
CHAPTER = Chapter(
    news=(),
    expected=(Expected("acme-shop", "gallery", "undone"), Expected("acme-shop", "seo", "held")),
)


def change(item: str, outcome: str, *, site: str = "acme-shop", why: str = "") -> Change:
    return Change(site, item, item.title(), "1.0", "1.1", outcome, why, 3)


DONE = (
    change("gallery", "undone", why="/: is empty"),
    change("seo", "held", why="major"),
    change("forms", "changed"),
)


def test_a_run_as_announced_has_no_deviations() -> None:
    assert deviations(CHAPTER, DONE, GOOD) == ()


@pytest.mark.parametrize(
    ("done", "visits", "expected"),
    [
        (DONE[1:], GOOD, "expected: acme-shop: gallery is undone"),
        (
            (*DONE, change("forms", "failed", why="no zip")),
            GOOD,
            "not expected: Forms 1.0 -> 1.1 on acme-shop is failed (no zip)",
        ),
        (
            (*DONE, change("forms", "undone", site="acme-blog")),
            GOOD,
            "not expected: Forms 1.0 -> 1.1 on acme-blog is undone",
        ),
        (DONE, Visits(40, 1, ("http://a: status 503",)), "1 of 40 requests of visitors failed"),
        (DONE, Visits(0, 0), "0 of 0 requests of visitors failed"),
    ],
)
def test_each_deviation_is_named(done: tuple[Change, ...], visits: Visits, expected: str) -> None:
    assert deviations(CHAPTER, done, visits)[0] == expected


def test_a_quiet_chapter_forbids_changes() -> None:
    quiet = Chapter(news=(), expected=(), quiet=True)
    assert deviations(quiet, [change("seo", "held")], GOOD) == ()
    assert deviations(quiet, [change("forms", "changed")], GOOD) == (
        "not expected: Forms 1.0 -> 1.1 on acme-shop is changed",
    )


def test_the_summary_lists_updates_rollbacks_holds_and_visitors() -> None:
    assert list(summary(DONE, Visits(1234, 0), 4)) == [
        "  updated      1 item on 1 site",
        "  rolled back  Gallery 1.0 -> 1.1 on acme-shop",
        "               /: is empty",
        "               found in 3 trials, held until there is a newer version",
        "  held         Seo 1.0 -> 1.1 on acme-shop",
        "               major",
        "  visitors     1,234 requests to 4 sites during the run, 0 failed",
    ]


def test_long_reasons_are_wrapped() -> None:
    lines = list(summary([change("gallery", "undone", why="word " * 60)], GOOD, 4))
    assert max(map(len, lines)) <= 80
    assert " ".join(lines).split().count("word") == 60


def test_changes_are_read_from_runs() -> None:
    item = {
        "item": "core",
        "title": "WordPress",
        "from": "6.5.5",
        "to": "6.5.6",
        "outcome": "changed",
        "why": "",
    }
    step: Mapping[str, Any] = {"trials": None, "changes": [item]}
    run = {"sites": [{"site": "acme-shop", "steps": [step]}]}
    assert (
        list(changes([run, run]))
        == [Change("acme-shop", "core", "WordPress", "6.5.5", "6.5.6", "changed", "", 0)] * 2
    )


def test_the_last_chapter_is_repeated() -> None:
    assert [chapter(number) for number in range(len(CHAPTERS) + 2)] == [*CHAPTERS, CHAPTERS[-1], CHAPTERS[-1]]


def test_expected_items_belong_to_sites_of_the_demo() -> None:
    names = {site.name for site in FleetSpec().sites}
    assert {one.site for part in CHAPTERS for one in part.expected} <= names


def test_the_demos_inventory_describes_its_fleet() -> None:
    spec = FleetSpec()
    loaded = load_workspace(ROOT).inventory
    assert {name: (str(host.address), host.port, host.user) for name, host in loaded.hosts.items()} == {
        host.name: (spec.address(host.name), spec.ssh_port, spec.user(host.name)) for host in spec.hosts
    }


def workspace(folder: Path, inventory: str) -> Workspace:
    (folder / "inventory.yaml").write_text(inventory)
    return Workspace(folder, User.current())


def test_the_demo_refuses_hosts_of_its_user(tmp_path: Path) -> None:
    own = workspace(tmp_path, "hosts: {web1: {address: 127.0.10.1}, shop: {address: shop.example}}")
    with pytest.raises(LabError, match="hosts that are not the demo's: shop\n"):
        own.require_demo("127.0.10")


def test_the_demo_accepts_its_own_hosts(tmp_path: Path) -> None:
    workspace(tmp_path, "hosts: {web1: {address: 127.0.10.1}}").require_demo("127.0.10")


def test_with_sudo_the_caller_is_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_UID", "65534")
    found = User.current()
    assert (found.uid, found.by_sudo) == ((65534, True) if os.geteuid() == 0 else (os.geteuid(), False))


def test_waiting_prints_what_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    with waiting() as note:
        note("install the sites")
    assert capsys.readouterr().out == "  install the sites\n"
