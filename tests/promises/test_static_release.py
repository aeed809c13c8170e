"""A static site is online at every instant, whole, and what it was can be put back by one rename."""

from __future__ import annotations

import http.client
import os
import random
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from lab.shell import until
from runner.apply.files.trial import ReleaseTrial
from runner.execute import Command, Job, Lock, job_id, run_job
from runner.model import Outcome
from runner.steps.static import switch_script
from runner.steps.static.layout import Layout
from tests.crew import Crew, at_work, check_host_is_clean, ended, kill, read_until, work

SITE = "globex-docs"
DOCS = """\
name: Docs
steps:
  - static.release: {from: dist, adopt: true, keep: 3}
"""
PLAIN = "name: Plain\nsteps:\n  - static.release: dist\n"
FORCED = "name: Forced\nsteps:\n  - static.release: {from: dist, force: true}\n"
BUILT = """\
name: Built
steps:
  - static.build:
      run: cp -R in/. public && touch "public/$WORD.txt"
      folder: src/{site}
      env: {WORD: done}
  - static.release: {adopt: true}
  - probe.http: {}
"""


@dataclass
class Visitors:
    """Ask for a page without pause; remember every answer that is not a whole page."""

    address: str
    port: int
    asked: int = 0
    failed: list[str] = field(default_factory=list)
    seen: set[bytes] = field(default_factory=set)

    @contextmanager
    def coming(self, threads=3):
        stop = threading.Event()
        crowd = [threading.Thread(target=self._come, args=(stop,)) for _ in range(threads)]
        for one in crowd:
            one.start()
        try:
            yield self
        finally:
            stop.set()
            for one in crowd:
                one.join()

    def _come(self, stop):
        while not stop.is_set():
            try:
                link = http.client.HTTPConnection(self.address, self.port, timeout=5)
                link.request("GET", "/index.html")
                answer = link.getresponse()
                body = answer.read()
                link.close()
            except OSError as error:
                self.failed.append(repr(error))
                continue
            self.asked += 1
            self.seen.add(body)
            if answer.status != 200 or not body.rstrip().endswith(b"</html>"):
                self.failed.append(f"{answer.status} {body[-60:]!r}")


@pytest.fixture
def fleet_of_docs(fresh_fleet):
    return fresh_fleet


@pytest.fixture
def crew(fleet_of_docs, tmp_path):
    crew = Crew(fleet_of_docs, tmp_path / "crew", DOCS, PLAIN, FORCED, BUILT)
    fill(crew, 1)
    (path(crew) / "index.html").write_text(front(0))
    return crew


def front(number):
    return f"<html><p>Manuals for every instrument {number}</p></html>"


def fill(crew, number, *, files=12, size=4000, folder="dist"):
    """A site of so many files; the number is on its front page and in one other file."""
    dist = crew.folder / folder
    (dist / "a b").mkdir(parents=True, exist_ok=True)
    noise = random.Random(7)  # noqa: S311 - files that do not compress
    for count in range(files):
        (dist / f"a b/pägé {count}.html").write_bytes(noise.randbytes(size))
    (dist / "number.txt").write_text(str(number))
    (dist / "index.html").write_text(front(number))


def release(crew, playbook="docs"):
    with at_work(crew) as session:
        return work(session, playbook, SITE)


def online(crew):
    return path(crew).readlink().name


def path(crew):
    return crew.fleet.sites[SITE].path


def room(crew):
    return path(crew).with_name(f"{SITE}.releases")


def releases(crew):
    return sorted(one.name for one in room(crew).iterdir() if not one.name.startswith("."))


def step(crew, number=0):
    return crew.site(SITE)["steps"][number]


def visitors(crew):
    host = crew.fleet.hosts["web3"]
    return Visitors(host.address, crew.fleet.spec.site(SITE).port)


def content(folder):
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


@pytest.mark.long
def test_no_request_fails_while_releases_are_switched(crew):
    assert release(crew).outcome is Outcome.CHANGED
    crowd = visitors(crew)
    with crowd.coming(), at_work(crew) as session:
        for number in range(2, 10):
            fill(crew, number)
            assert work(session, "docs", SITE).outcome is Outcome.CHANGED
    assert crowd.failed == []
    assert crowd.asked > 200
    assert len(crowd.seen) >= 8
    assert content(path(crew)) == content(crew.folder / "dist")
    check_host_is_clean(crew.fleet, "web3")


@pytest.mark.long
def test_no_request_fails_while_a_folder_becomes_a_link(crew):
    crowd = visitors(crew)
    before = content(path(crew))
    with crowd.coming():
        assert release(crew).outcome is Outcome.CHANGED
    assert crowd.failed == []
    [change] = step(crew)["changes"]
    assert change["from"].endswith("-adopted")
    assert content(room(crew) / change["from"]) == before
    assert change["to"] == online(crew)
    assert "gap" not in change["why"]


def test_a_folder_is_left_alone_unless_it_may_be_adopted(crew):
    ending = release(crew, "plain")
    assert ending.outcome is Outcome.FAILED
    assert "is a folder, not a link to a release; add `adopt: true`" in ending.why
    assert path(crew).is_dir()
    assert not path(crew).is_symlink()
    assert not room(crew).exists()


def test_what_is_online_already_makes_no_new_release(crew):
    release(crew)
    first = releases(crew)
    assert release(crew, "plain").outcome is Outcome.OK
    assert releases(crew) == first


def test_only_what_changed_is_sent_and_the_rest_is_linked_to(crew):
    release(crew)
    old = room(crew) / online(crew)
    fill(crew, 2)
    with at_work(crew) as session:
        work(session, "docs", SITE)
        told = []
        while not session.events.empty():
            told.append(session.events.get())
    [sending] = [event for event in told if event.event == "files.sending"]
    assert (sending.data["files"], sending.data["of"]) == (2, 14)
    assert (old / "a b/pägé 3.html").samefile(path(crew) / "a b/pägé 3.html")
    assert step(crew)["changes"][0]["why"].startswith("2 changed; ")


def test_a_release_that_shrank_by_a_third_is_refused_unless_it_is_meant(crew):
    release(crew)
    serving = online(crew)
    for count in range(5):
        (crew.folder / f"dist/a b/pägé {count}.html").unlink()
    ending = release(crew, "plain")
    assert ending.outcome is Outcome.FAILED
    assert "the site would shrink from 14 files to 9 files, by a third or more" in ending.why
    assert online(crew) == serving
    assert release(crew, "forced").outcome is Outcome.CHANGED
    assert not (path(crew) / "a b/pägé 0.html").exists()


def test_an_empty_folder_is_refused_always(crew):
    release(crew)
    for one in (crew.folder / "dist").rglob("*"):
        if one.is_file():
            one.unlink()
    ending = release(crew, "forced")
    assert (ending.outcome, "contains no files" in ending.why) == (Outcome.FAILED, True)


def test_a_link_that_leads_out_of_the_folder_is_refused(crew):
    (crew.folder / "dist/passwd").symlink_to("/etc/passwd")
    ending = release(crew)
    assert ending.outcome is Outcome.FAILED
    assert "passwd is a link that leads out of" in ending.why
    assert not path(crew).is_symlink()


def test_old_releases_go_but_never_one_that_serves(crew):
    release(crew)
    first = online(crew)
    extra = path(crew).with_name("preview")
    extra.symlink_to(f"{SITE}.releases/{first}")
    try:
        for number in range(2, 7):
            fill(crew, number)
            second = int(time.time())
            until(lambda second=second: int(time.time()) > second, "another second: names tell no less")
            release(crew)
        kept = releases(crew)
        assert online(crew) in kept
        assert first in kept, "another link leads to it"
        assert len(kept) == 4
        # switched back to the oldest: it is not among the newest, and it serves
        extra.unlink()
        switch(crew, first)
        fill(crew, 9)
        release(crew)
        assert first in releases(crew), "it was online until now"
    finally:
        extra.unlink(missing_ok=True)


def switch(crew, name, expect=""):
    """What an undo does: a job with the site's lock."""
    layout = Layout.of(str(path(crew)))
    with at_work(crew) as session:
        host = session.workspace.inventory.hosts["web3"]
        text = switch_script(layout, name, "mark", expect=expect)
        job = Job(
            job_id(f"undo-{time.monotonic_ns()}", SITE, "1"),
            (Command("switch", text),),
            lock=Lock(site=layout.releases, owner="undo/docs"),
        )
        return run_job(session.hosts.pool, session.hosts.endpoint(host), job).commands["switch"]


def test_a_release_is_switched_back_within_two_seconds_and_no_request_fails(crew):
    release(crew)
    first, was = online(crew), content(path(crew))
    fill(crew, 2)
    release(crew)
    second = online(crew)
    crowd = visitors(crew)
    with crowd.coming():
        began = time.monotonic()
        done = switch(crew, first, expect=second)
        seconds = time.monotonic() - began
    assert done.ok, done.text
    assert f"mark from {second}\n\nmark to {first}" in done.text
    assert seconds < 2
    assert crowd.failed == []
    assert (online(crew), content(path(crew))) == (first, was)
    assert "moved" in switch(crew, second, expect=second).text, "it is not what is expected there"
    assert "no-release" in switch(crew, "20200101T000000Z-nothing").text


BROKEN = {
    "the text is gone": "<html><p>Under construction</p></html>",
    "the page is empty": "",
    "the page is gone": None,
}


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.long] if number else [], id=name.replace(" ", "-"))
        for number, (name, page) in enumerate(BROKEN.items())
    ],
)
def test_a_release_that_breaks_is_switched_back_within_two_seconds(crew, page):
    release(crew)
    good, was = online(crew), content(path(crew))
    fill(crew, 2)
    front = crew.folder / "dist/index.html"
    front.unlink() if page is None else front.write_text(page)
    crowd, switched = visitors(crew), []
    with crowd.coming(), watching(crew, switched):
        said = crew.say("run", "docs", "--json")
    assert said.code == 5, said
    (there, bad), (back, again) = switched[-2:]
    assert (bad != good, again) == (True, good)
    assert back - there < 2
    assert content(path(crew)) == was
    [change] = step(crew)["changes"]
    assert (change["outcome"], change["to"]) == ("undone", bad)
    phases = [look["phase"] for look in crew.site(SITE)["looks"]]
    assert sorted(set(phases)) == ["after", "before", "undo"]
    check_host_is_clean(crew.fleet, "web3")


def test_a_release_that_nobody_could_look_at_is_looked_at_before_it_is_told(crew, monkeypatch):
    release(crew)
    good = online(crew)
    spoil(crew)
    monkeypatch.setattr(ReleaseTrial, "wait", 1)
    monkeypatch.setattr(ReleaseTrial, "judge", lambda *_: None)
    ending = release(crew)
    assert (ending.outcome, online(crew)) == (Outcome.UNDONE, good), ending


@pytest.mark.long
@pytest.mark.parametrize("number", [7, *(pytest.param(one, marks=pytest.mark.long) for one in (6, 8))])
def test_a_controller_killed_amid_a_release_that_breaks_takes_it_back_without_a_wait(crew, number):
    release(crew)
    good = online(crew)
    spoil(crew)
    crew.say(str(number), "event", "run", "docs", module="tests.promises.dying")
    began = time.monotonic()
    said = crew.say("resume", "last", "--json")
    assert time.monotonic() - began < ReleaseTrial.wait / 3
    assert (said.code, online(crew)) == (5, good), said
    assert step(crew)["outcome"] == "undone"
    check_host_is_clean(crew.fleet, "web3")


def spoil(crew):
    """The next release has lost its front page's text."""
    fill(crew, 2)
    (crew.folder / "dist/index.html").write_text(BROKEN["the text is gone"])


def test_undo_by_hand_switches_back_and_can_itself_be_undone(crew):
    release(crew)
    first = online(crew)
    fill(crew, 2)
    assert crew.say("run", "docs", "-l", SITE).code == 0
    second, run = online(crew), crew.show()["run"]
    asked = crew.say("undo", run)
    assert f"{second} -> {first}" in asked.out + asked.err
    assert online(crew) == second, "it was only asked"
    said = crew.say("undo", run, "-y")
    assert (said.code, online(crew)) == (0, first), said
    [change] = step(crew)["changes"]
    assert (change["outcome"], change["from"], change["to"]) == ("undone", second, first)
    again = crew.say("undo", run, "-y")
    assert again.code == 2
    assert "is already online" in again.out + again.err
    assert crew.say("undo", "last", "-y").code == 0
    assert online(crew) == second
    fill(crew, 3)
    release(crew)
    moved = crew.say("undo", run, "-y")
    assert moved.code == 2
    assert f"--force restores {first} anyway" in moved.out + moved.err
    assert crew.say("undo", run, "-y", "--force").code == 0
    assert online(crew) == first
    check_host_is_clean(crew.fleet, "web3")


@pytest.mark.long
def test_an_undo_that_makes_the_site_worse_is_itself_taken_back(crew):
    release(crew)
    first = online(crew)
    fill(crew, 2)
    assert crew.say("run", "docs", "-l", SITE).code == 0
    second = online(crew)
    (path(crew).parent / Layout.of(str(path(crew))).room / first / "index.html").write_text("")
    said = crew.say("undo", "last", "-y")
    assert (said.code, online(crew)) == (3, second), said
    [change] = step(crew)["changes"]
    assert (change["outcome"], change["why"][:16]) == ("failed", "left as it was: ")


@pytest.mark.long
def test_a_release_is_not_compared_with_what_was_broken_before(crew):
    (crew.fleet.sites[SITE].path / "index.html").write_text("")
    assert release(crew).outcome is Outcome.CHANGED


@contextmanager
def watching(crew, switched):
    """Notes when the link leads elsewhere, and where to."""
    stop = threading.Event()

    def watch():
        last = online(crew)
        while not stop.wait(0.005):
            now = online(crew)
            if now != last:
                switched.append((time.monotonic(), now))
                last = now

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


def test_a_release_whose_files_are_spoilt_on_the_way_is_never_online(crew, monkeypatch):
    release(crew)
    serving = online(crew)
    fill(crew, 2)
    from runner.apply.files import upload as stage

    real = stage.gather

    def spoil(ctx, step, options):
        made = real(ctx, step, options)
        (room(crew) / f".{made.name}.part/number.txt").write_text("7")
        return made

    monkeypatch.setattr(stage, "gather", spoil)
    ending = release(crew)
    assert ending.outcome is Outcome.FAILED
    assert "the files on the host are not those of the release; nothing was put online" in ending.why
    assert online(crew) == serving
    monkeypatch.undo()
    assert release(crew).outcome is Outcome.CHANGED


@pytest.mark.long
def test_a_controller_killed_while_it_sends_leaves_the_site_as_it_was_and_resumes(crew):
    release(crew)
    serving, was = online(crew), content(path(crew))
    fill(crew, 2, files=60, size=1_500_000)
    process = crew.start("run", "docs", "--json")
    read_until(process, "files.sending")
    until(lambda: parts(crew) > 3, "some files to arrive", seconds=20)
    kill(process)
    assert (online(crew), content(path(crew))) == (serving, was)
    assert parts(crew) < 62
    said = ended(crew.start("resume", "last", "--json"))
    assert said.code == 0, said
    [sending] = [event for event in said.events if event["event"] == "files.sending"]
    assert sending["files"] < 60, "what had arrived was sent again"
    assert content(path(crew)) == content(crew.folder / "dist")
    assert not [one for one in room(crew).iterdir() if one.name.endswith(".part")]
    assert len(releases(crew)) == 3
    check_host_is_clean(crew.fleet, "web3")


def parts(crew):
    return sum(1 for one in room(crew).glob(".*.part") for file in one.rglob("*") if file.is_file())


@pytest.mark.parametrize(
    "number", [9, *(pytest.param(one, marks=pytest.mark.long) for one in (2, 4, 5, 6, 7))]
)
def test_a_controller_killed_anywhere_leaves_one_whole_release(crew, number):
    release(crew)
    old = content(path(crew))
    fill(crew, 2)
    new = content(crew.folder / "dist")
    crowd = visitors(crew)
    with crowd.coming():
        crew.say(str(number), "event", "run", "docs", module="tests.promises.dying")
        assert content(path(crew)) in (old, new)
        said = crew.say("resume", "last", "--json")
    assert said.code == 0, said
    assert crowd.failed == []
    assert content(path(crew)) == new
    assert len(releases(crew)) == 3, "it was released once"
    assert step(crew)["outcome"] == "changed"
    check_host_is_clean(crew.fleet, "web3")


def test_a_build_here_is_released_and_its_secret_is_nowhere(crew):
    fill(crew, 3, folder=f"src/{SITE}/in")
    (crew.folder / f"src/{SITE}/public").mkdir()
    ending = release(crew, "built")
    assert ending.outcome is Outcome.CHANGED, ending
    assert (path(crew) / "done.txt").exists()
    assert [one["outcome"] for one in crew.site(SITE)["steps"]] == ["ok", "changed", "ok"]


def test_again_after_a_failure_of_the_host_nothing_is_lost(crew):
    """The folder of the link may not be written to: a sentence, and nothing is changed."""
    parent = path(crew).parent
    os.chown(parent, 0, 0)
    try:
        ending = release(crew)
    finally:
        os.chown(parent, path(crew).stat().st_uid, path(crew).stat().st_gid)
    assert ending.outcome is Outcome.FAILED
    assert "this login cannot write to" in ending.why
    assert release(crew).outcome is Outcome.CHANGED


def test_a_full_disk_refuses_a_release_and_is_not_left_full(crew):
    release(crew)
    serving, kept = online(crew), room(crew).with_name("kept")
    room(crew).rename(kept)
    room(crew).mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", room(crew)], check=True)
    try:
        subprocess.run(["cp", "-a", f"{kept}/.", room(crew)], check=True)
        (crew.folder / "dist/large").write_bytes(random.randbytes(5_000_000))  # noqa: S311
        ending = release(crew)
        assert ending.outcome is Outcome.FAILED
        assert "the upload failed on the host: tar: " in ending.why
        assert online(crew) == serving
        assert not [one for one in room(crew).iterdir() if one.name.endswith(".part")]
    finally:
        subprocess.run(["umount", room(crew)], check=True)
        room(crew).rmdir()
        kept.rename(room(crew))


@pytest.mark.long
def test_sending_has_the_time_limit_of_the_step_and_goes_on_next_time(crew):
    release(crew)
    serving = online(crew)
    fill(crew, 2, files=60, size=2_000_000)
    crew.playbook("docs", DOCS + "    timeout: 1s\n")
    ending = release(crew)
    assert ending.outcome is Outcome.FAILED
    assert "the upload took longer than its time limit of 1 s" in ending.why
    assert online(crew) == serving
    crew.playbook("docs", DOCS)
    assert release(crew).outcome is Outcome.CHANGED
    assert content(path(crew)) == content(crew.folder / "dist")
