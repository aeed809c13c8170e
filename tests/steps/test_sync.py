"""`files.sync` on a real host."""

from __future__ import annotations

import os
import shutil

import pytest

from runner.model import Outcome
from tests.crew import Crew, at_work, check_host_is_clean, work

SITE = "globex-docs"
SYNC = "name: Sync\nsteps:\n  - files.sync: {from: extra, to: downloads, exclude: [kept.txt, drafts/]}\n"
CLEAN = (
    "name: Clean\nsteps:\n"
    "  - files.sync: {from: extra, to: downloads, delete: true, exclude: [kept.txt, drafts/]}\n"
)


@pytest.fixture
def crew(fresh_fleet, tmp_path):
    crew = Crew(fresh_fleet, tmp_path / "crew", SYNC, CLEAN)
    (crew.folder / "extra/a b/c").mkdir(parents=True)
    (crew.folder / "extra/a b/c/it's ü $HOME.txt").write_text("one\n")
    (crew.folder / "extra/run").write_text("#!")
    (crew.folder / "extra/run").chmod(0o775)
    (crew.folder / "extra/same").symlink_to("run")
    (crew.folder / "extra/kept.txt").write_text("never sent")
    return crew


def did(crew, playbook="sync"):
    with at_work(crew) as session:
        ending = work(session, playbook, SITE)
    return ending, crew.site(SITE)["steps"][0]


def target(crew):
    return crew.fleet.sites[SITE].path / "downloads"


def put(crew, name, text):
    """Create a file owned by the host's user."""
    path = target(crew) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    owner = crew.fleet.sites[SITE].path.stat()
    for one in (path, path.parent, target(crew)):
        os.chown(one, owner.st_uid, owner.st_gid)
    return path


def content(folder):
    return {str(one.relative_to(folder)): one.read_text() for one in folder.rglob("*") if one.is_file()}


WANTED = {"a b/c/it's ü $HOME.txt": "one\n", "run": "#!", "same": "#!"}


def test_differences_are_uploaded_once_and_listed(crew):
    ending, step = did(crew)
    assert ending.outcome is Outcome.CHANGED, ending
    assert content(target(crew)) == WANTED
    assert (target(crew) / "run").stat().st_mode & 0o777 == 0o775
    assert [(one["item"], one["why"]) for one in step["changes"]] == [
        (name, "new") for name in sorted(WANTED)
    ]
    assert did(crew)[0].outcome is Outcome.OK

    (crew.folder / "extra/run").write_text("#!2")
    (target(crew) / "run").chmod(0o700)
    ending, step = did(crew)
    assert [one["item"] for one in step["changes"]] == ["run", "same"]
    assert (target(crew) / "run").read_text() == "#!2"
    check_host_is_clean(crew.fleet, "web3")
    assert not list(target(crew).glob(".sitecrew*"))


def test_delete_removes_all_but_excluded_files(crew):
    for name in ("kept.txt", "drafts/x", "gone/deep/x", "gone.txt"):
        put(crew, name, "x")
    owner = target(crew).stat()
    os.chown(target(crew) / "gone", owner.st_uid, owner.st_gid)
    did(crew)
    assert (target(crew) / "gone.txt").exists()
    ending, step = did(crew, "clean")
    assert ending.outcome is Outcome.CHANGED, ending
    assert [(one["item"], one["why"]) for one in step["changes"]] == [
        ("gone.txt", "deleted"),
        ("gone/deep/x", "deleted"),
    ]
    assert content(target(crew)) == {**WANTED, "kept.txt": "x", "drafts/x": "x"}
    assert not (target(crew) / "gone").exists()


def test_link_out_of_the_site_is_not_followed(crew):
    home = crew.fleet.spec.home("web3")
    put(crew, "run", "old")
    (target(crew) / "a b").symlink_to(home)
    ending, _ = did(crew)
    assert ending.outcome is Outcome.FAILED
    assert "a b is a link that leads out of the site; nothing was changed" in ending.why
    assert content(target(crew))["run"] == "old"
    assert not (home / "c").exists()

    shutil.rmtree(target(crew))
    target(crew).symlink_to(home)
    ending, _ = did(crew)
    assert "leads out of the site's path" in ending.why
    target(crew).unlink()


def test_file_instead_of_folder_fails_before_changes(crew):
    put(crew, "a b", "a file")
    put(crew, "run", "old")
    ending, _ = did(crew)
    assert ending.outcome is Outcome.FAILED
    assert "a b is a file on the host but a folder on the controller" in ending.why
    assert content(target(crew)) == {"a b": "a file", "run": "old"}


def test_file_replaces_link_and_keeps_its_target(crew):
    elsewhere = put(crew, "elsewhere.txt", "mine")
    (target(crew) / "run").symlink_to("elsewhere.txt")
    assert did(crew)[0].outcome is Outcome.CHANGED
    assert not (target(crew) / "run").is_symlink()
    assert elsewhere.read_text() == "mine"


def test_delete_with_empty_source_is_refused(crew):
    put(crew, "mine.txt", "x")
    shutil.rmtree(crew.folder / "extra")
    (crew.folder / "extra").mkdir()
    ending, _ = did(crew, "clean")
    assert "has no files, and `delete` would delete everything" in ending.why
    assert content(target(crew)) == {"mine.txt": "x"}


def test_plan_lists_files_and_changes_nothing(crew):
    put(crew, "run", "old")
    put(crew, "gone.txt", "x")
    result = crew.say("plan", "clean", "-l", SITE, "--json")
    assert result.code == 0, result
    [site] = result.json["sites"]
    assert [(one["item"], one["action"], one["why"].split(",")[0]) for one in site["changes"]] == [
        ("a b/c/it's ü $HOME.txt", "change", "new"),
        ("same", "change", "new"),
        ("run", "change", "2 bytes"),
        ("gone.txt", "change", "is not in `from`"),
    ]
    assert content(target(crew)) == {"run": "old", "gone.txt": "x"}


@pytest.mark.parametrize("mode", [0o640, 0o664, 0o600])
def test_replaced_file_keeps_mode_except_executable_bits(crew, mode):
    did(crew)
    for name in ("run", "same"):
        (target(crew) / name).chmod(mode)
    (crew.folder / "extra/same").unlink()
    (crew.folder / "extra/same").write_text("#!2")
    assert did(crew)[0].outcome is Outcome.CHANGED
    modes = {name: (target(crew) / name).stat().st_mode & 0o777 for name in ("run", "same")}
    assert modes == {"run": mode | (mode & 0o444) >> 2, "same": mode}
    assert did(crew)[0].outcome is Outcome.OK
