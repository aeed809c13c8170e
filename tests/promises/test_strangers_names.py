"""Promise: a stranger's name is data: never shell text, and never a path until it was checked."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from runner.model import Outcome
from tests.crew import Crew, at_work, work
from tests.swapping import swapping

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet
    from runner.apply.site import Ending

pytestmark = pytest.mark.fleet

SITE = "globex-docs"
SEND = "name: Send\nsteps:\n  - files.sync: {from: extra, to: downloads}\n"
CLEAN = "name: Clean\nsteps:\n  - files.sync: {from: extra, to: downloads, delete: true, exclude: [kept/]}\n"
END_WORDS = ("SITECREW_NAMES", "SITECREW_SUMS", "SITECREW_TOLD")


@pytest.fixture
def crew(fresh_fleet: Fleet, tmp_path: Path) -> Crew:
    crew = Crew(fresh_fleet, tmp_path / "crew", SEND, CLEAN)
    (crew.folder / "extra/a").mkdir(parents=True)
    (crew.folder / "extra/a/one.txt").write_text("one\n")
    (crew.folder / "extra/index.html").write_text("two\n")
    return crew


@pytest.fixture
def target(crew: Crew) -> Path:
    """The folder of the site that is kept the same, with a file that nobody sent."""
    found = crew.fleet.sites[SITE].path / "downloads"
    found.mkdir()
    own(found)
    put(found / "surplus.txt")
    return found


@pytest.fixture
def other(crew: Crew) -> Path:
    """The site of another client on the same host: the login may write there, too."""
    found = crew.fleet.sites[SITE].path.with_name("another-client")
    shutil.rmtree(found, ignore_errors=True)
    for name in ("index.html", "a/one.txt", "surplus.txt"):
        put(found / name, "theirs")
    return found


def own(path: Path) -> None:
    """Give it to the login of the host."""
    login = path.parent.stat()
    os.chown(path, login.st_uid, login.st_gid, follow_symlinks=False)


def put(path: Path, text: str = "x") -> None:
    for folder in reversed(path.parents):
        if not folder.exists():
            folder.mkdir()
            own(folder)
    path.write_text(text)
    own(path)


def did(crew: Crew, playbook: str) -> tuple[Ending, dict[str, Any]]:
    with at_work(crew) as session:
        ending = work(session, playbook, SITE)
    return ending, crew.site(SITE)["steps"][0]


def content(folder: Path) -> dict[str, str]:
    return {str(one.relative_to(folder)): one.read_text() for one in folder.rglob("*") if one.is_file()}


def test_names_that_look_like_shell_text_are_deleted_and_run_nothing(crew: Crew, target: Path) -> None:
    home = crew.fleet.spec.home("web3")
    odd = [
        *END_WORDS[:3],
        "Z;id>PWNED",
        "$(id>PWNED)",
        '";id>PWNED;"',
        "`id>PWNED`",
        "-rf",
        "*",
        "a'b\"c",
        "\\",
    ]
    odd += ["{0.__class__}", "{:>999999999}", "%s%n", "\u202egnp.exe", " leading and trailing "]
    for name in odd:
        put(target / name)
        put(target / "deep" / name / "x")
    ending, step = did(crew, "clean")
    assert ending.outcome is Outcome.CHANGED, ending
    assert content(target) == {"a/one.txt": "one\n", "index.html": "two\n"}
    assert {one.name for one in target.iterdir()} == {"a", "index.html"}
    assert not list(home.rglob("PWNED"))
    told = [one["item"] for one in step["changes"] if one["why"] == "deleted"]
    assert len(told) == 2 * len(odd) + 1
    assert not any("\u202e" in name for name in told)


@pytest.mark.parametrize(
    "name", [pytest.param("x\n../another-client/index.html", marks=pytest.mark.long), "x\x1b[2J", b"\xff"]
)
def test_a_name_that_no_path_may_have_is_refused_by_name_and_nothing_is_done(
    crew: Crew, target: Path, other: Path, name: str | bytes
) -> None:
    before = content(other)
    put(target / os.fsdecode(name))
    ending, _ = did(crew, "clean")
    assert ending.outcome is Outcome.FAILED
    assert "a file name on the host was refused: " in ending.why
    assert ending.why.isprintable()
    assert content(other) == before
    assert (target / "surplus.txt").exists()
    assert not (target / "index.html").exists()
    said = crew.say("plan", "clean", "-l", SITE)
    assert "refused" in said.out + said.err
    assert not any(sign in said.out + said.err for sign in "\x1b\x7f\r")


def test_a_refused_name_below_an_excluded_folder_is_left_alone(crew: Crew, target: Path) -> None:
    put(target / "kept" / "line\nfeed")
    ending, _ = did(crew, "clean")
    assert ending.outcome is Outcome.CHANGED, ending
    assert content(target) == {"a/one.txt": "one\n", "index.html": "two\n", "kept/line\nfeed": "x"}


@pytest.mark.long
def test_a_folder_swapped_for_a_link_in_a_loop_lets_no_file_into_another_site(
    crew: Crew, target: Path, other: Path
) -> None:
    before = content(other)
    put(target / "a/surplus.txt")
    for number in range(60):
        (crew.folder / f"extra/a/{number}.txt").write_text("ours")
    with swapping(target / "a", other) as count:
        for number in range(6):
            (crew.folder / "extra/a/one.txt").write_text(f"ours {number}")
            put(target / f"a{number}/surplus.txt")
            did(crew, "clean")
    assert count[0] > 100
    assert content(other) == before
    assert not list(other.rglob(".sitecrew*"))


def test_the_target_swapped_for_a_link_in_a_loop_lets_no_file_into_another_site(
    crew: Crew, target: Path, other: Path
) -> None:
    before = content(other)
    with swapping(target, other) as count:
        for number in range(6):
            (crew.folder / "extra/index.html").write_text(f"ours {number}")
            did(crew, "clean")
    assert count[0] > 100
    assert content(other) == before
    assert not list(other.rglob(".sitecrew*"))
