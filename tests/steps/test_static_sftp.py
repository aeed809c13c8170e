"""Hosts with only SFTP access: what works, and a clear message for everything else."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest

from lab.hosts import start_sshd
from lab.ownership import LAYOUTS, laid_out, owned
from runner.model import Outcome
from tests.crew import Crew, at_work, work

SITE = "globex-docs"
DOCS = "name: Docs\nsteps:\n  - static.release: {from: dist, adopt: true, keep: 2}\n"
FORCED = "name: Forced\nsteps:\n  - static.release: {from: dist, adopt: true, force: true}\n"
SYNC = "name: Sync\nsteps:\n  - files.sync: {from: dist, to: downloads, delete: true, exclude: [kept.txt]}\n"
OTHER = "name: Other\nsteps:\n  - shell: 'true'\n"
SERVERS = {"links": "internal-sftp", "no-links": "internal-sftp -P symlink,posix-rename"}


@pytest.fixture(params=SERVERS)
def crew(request, fresh_fleet, tmp_path):
    spec, name = fresh_fleet.spec, f"sshd-{request.param}"
    port = 2290
    start_sshd(
        fresh_fleet.processes,
        name,
        address=spec.address("web3"),
        port=port,
        user=spec.user("web3"),
        key=spec.root / "ssh/web3",
        more=(f"ForceCommand {SERVERS[request.param]}",),
    )
    crew = Crew(fresh_fleet, tmp_path / "crew", DOCS, FORCED, SYNC, OTHER)
    crew.move_host("web3", port, spec.address("web3"))
    (crew.fleet.sites[SITE].path / "index.html").write_text("<html>Manuals for every instrument</html>")
    (crew.folder / "dist/sub dir").mkdir(parents=True)
    (crew.folder / "dist/index.html").write_text(f"<html>Manuals for every instrument{2000 * chr(46)}</html>")
    (crew.folder / "dist/sub dir/ä.txt").write_text("one")
    (crew.folder / "dist/run").write_text("#!")
    (crew.folder / "dist/run").chmod(0o755)
    crew.links = request.param == "links"
    yield crew
    fresh_fleet.processes.stop(name)


def did(crew, playbook):
    with at_work(crew) as session:
        ending = work(session, playbook, SITE)
    return ending, crew.site(SITE)["steps"][0]


def content(folder: Path):
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_sftp_release_is_verified_and_gap_reported(crew):
    path = crew.fleet.sites[SITE].path
    room = path.with_name(f"{SITE}.releases")
    was = content(path)
    ending, step = did(crew, "docs")
    assert ending.outcome is Outcome.CHANGED, ending
    [change] = step["changes"]
    assert content(path) == content(crew.folder / "dist")
    assert content(room / change["from"]) == was
    assert "two renames: the site was offline for " in change["why"]
    assert path.is_symlink() == crew.links

    assert did(crew, "docs")[0].outcome is Outcome.OK, "the same content once more"

    for text in ("two", "three", "four"):
        (crew.folder / "dist/sub dir/ä.txt").write_text(text)
        ending, step = did(crew, "docs")
        assert ending.outcome is Outcome.CHANGED, ending
        assert ("two renames" in step["changes"][0]["why"]) != crew.links
        assert content(path) == content(crew.folder / "dist")
    assert (path / "run").stat().st_mode & 0o777 == 0o755
    assert len([one for one in room.iterdir() if one.is_dir()]) <= 3


def test_sftp_release_is_rolled_back_if_unhealthy(crew):
    path = crew.fleet.sites[SITE].path
    was = content(path)
    front = crew.folder / "dist/index.html"
    good = front.read_text()
    front.write_text(f"<html>Under construction{2000 * chr(46)}</html>")
    ending, step = did(crew, "docs")
    assert (ending.outcome, step["outcome"]) == (Outcome.UNDONE, "undone")
    assert content(path) == was
    front.write_text(good)
    assert did(crew, "docs")[0].outcome is Outcome.CHANGED
    good = content(path)
    front.rename(front.with_name("home.html"))
    assert did(crew, "docs")[0].outcome is Outcome.UNDONE
    assert content(path) == good


def test_sftp_release_that_shrinks_is_refused(crew):
    assert did(crew, "docs")[0].outcome is Outcome.CHANGED
    (crew.folder / "dist/run").unlink()
    ending, _ = did(crew, "docs")
    assert ending.outcome is Outcome.FAILED
    assert "the site would shrink from 3 files to 2 files" in ending.why


@pytest.mark.parametrize("crew", ["links"], indirect=True)
def test_sftp_sync_uploads_and_deletes_differences(crew):
    target = crew.fleet.sites[SITE].path / "downloads"
    assert did(crew, "sync")[0].outcome is Outcome.CHANGED
    assert content(target) == content(crew.folder / "dist")
    assert did(crew, "sync")[0].outcome is Outcome.OK
    for name in ("gone.txt", "kept.txt"):
        (target / name).write_text("x")
    (crew.folder / "dist/run").write_text("#!2")
    ending, step = did(crew, "sync")
    assert ending.outcome is Outcome.CHANGED, ending
    assert {(one["item"], one["why"]) for one in step["changes"]} == {("run", ""), ("gone.txt", "deleted")}
    assert content(target) == {**content(crew.folder / "dist"), "kept.txt": b"x"}


@pytest.mark.parametrize("crew", ["links"], indirect=True)
def test_other_steps_need_a_shell(crew):
    ending, _ = did(crew, "other")
    assert ending.outcome is Outcome.UNREACHABLE
    assert "allows only SFTP" in ending.why


@pytest.mark.parametrize("crew", ["links"], indirect=True)
@pytest.mark.parametrize("name", ["group", "group-of-others", "default-acl", "constants"])
def test_sftp_upload_keeps_group_of_the_folder(crew, name):
    """A file has the mode of its source; a folder has that of its parent or of the folder it replaces."""
    how = next(one for one in LAYOUTS if one.name == name)
    with laid_out(crew.fleet, SITE, how) as path:
        (path / "downloads/sub dir").mkdir(parents=True)
        for folder in ("downloads", "downloads/sub dir"):
            shutil.chown(path / folder, *owner_and_group(path))
            (path / folder).chmod(how.folders)
        before = owned(path)
        assert did(crew, "sync")[0].outcome is Outcome.CHANGED
        after = owned(path)
        assert {one.group for one in after.values()} == {before["."].group}
        assert {one.mode for name, one in after.items() if not one.content} == {how.folders}
        assert {name: one for name, one in after.items() if name in before} == before

        (crew.folder / "dist/index.html").chmod(0o640)
        assert did(crew, "forced")[0].outcome is Outcome.CHANGED
        released = owned(path.resolve())
        assert {one.group for one in released.values()} == {before["."].group}
        assert {one.mode for one in released.values() if not one.content} == {how.folders}
        assert httpx.get(crew.fleet.sites[SITE].url, timeout=20).status_code == 200


def owner_and_group(path):
    found = path.stat()
    return found.st_uid, found.st_gid


@pytest.mark.parametrize("crew", ["links"], indirect=True)
def test_sftp_sync_keeps_files_of_other_accounts(crew):
    target = crew.fleet.sites[SITE].path / "downloads"
    assert did(crew, "sync")[0].outcome is Outcome.CHANGED
    shutil.chown(target / "run", "root", "root")
    (crew.folder / "dist/run").write_text("#!2")
    ending, _ = did(crew, "sync")
    assert ending.outcome is Outcome.FAILED
    assert "run belongs to another account" in ending.why
    assert (target / "run").read_text() == "#!"
    assert (target / "run").stat().st_uid == 0
    assert not list(target.glob(".sitecrew-*"))
