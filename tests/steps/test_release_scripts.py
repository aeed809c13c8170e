"""Shell scripts of releases, run in dash, bash and busybox."""

from __future__ import annotations

import io
import os
import posixpath
import shlex
import shutil
import tarfile
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.apply.files.archive import tar_of
from runner.errors import UsageError
from runner.inspect.sources import read_folder
from runner.model import Host, Outcome, Site, SiteKind, SitePlan, Step
from runner.steps import Context, Result
from runner.steps.static import ReleaseOptions, StaticRelease, switch_script
from runner.steps.static.gather import gather_script, look_script, parse_look, take_script
from runner.steps.static.layout import Layout, ReleaseOrder
from runner.steps.static.names import NameRefusedError, name_problem
from runner.steps.static.refusal import name_of, refusal
from runner.steps.static.tree import (
    SHELL,
    Difference,
    File,
    differ,
    excluded,
    listing,
    parse_listing,
    parse_sums,
    sums,
)
from tests.swapping import swapping

MARK = "m4rk"


@pytest.fixture
def site(tmp_path):
    return Site(
        name="docs",
        client="c",
        host="h",
        url="http://x.example",
        path=str(tmp_path / "it's /current"),
        kind=SiteKind.STATIC,
    )


@pytest.fixture
def dist(tmp_path):
    folder = tmp_path / "dist"
    (folder / "a b/c").mkdir(parents=True)
    (folder / "a b/c/it's ü $HOME `x`.txt").write_text("one")
    (folder / "-n").write_text("dash")
    (folder / "index.html").write_text("<html>")
    (folder / "run").write_text("#!")
    (folder / "run").chmod(0o700)
    return folder


AT = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


class Releaser:
    """Runs a release like the real step, without a network."""

    def __init__(self, shell, site, **options):
        self.shell, self.site, self.options = shell, site, options
        self.layout = Layout.of(site.path)
        Path(self.layout.parent).mkdir(exist_ok=True)

    def look(self, name=""):
        done = self.shell(look_script(self.layout, MARK, name=name))
        return parse_look(done.stdout, MARK)

    def release(self, dist, at=AT, during=nullcontext, **more):
        options = ReleaseOptions(source=str(dist), **{**self.options, **more})
        tree = read_folder(dist, readable=True)
        name = name_of(at, tree)
        standing = self.look(name)
        assert refusal(options, self.layout, standing, tree) == ""
        before, send = gather_script(self.layout, name, tree, standing)
        out = io.BytesIO()
        part, list_ = self.layout.incoming(name), self.layout.sums(name)
        tar_of(
            dist,
            tree,
            (*send.new, *send.changed),
            out,
            called=lambda one: f"{part}/{one}",
            more={list_: sums(tree)},
        )
        done = self.shell(before)
        assert done.returncode == 0, done
        done = self.shell(take_script(self.layout), stdin=out.getvalue())
        assert done.returncode == 0, done
        self.sent = (*send.new, *send.changed)
        order = ReleaseOrder(
            name=name, files=len(tree), standing=standing, difference=differ(standing.serving, tree)
        )
        with during():
            return self.job(options, order)

    def job(self, options, order):
        step = Step(id="static.release", kind="static.release", options=options)
        context = Context(
            site=self.site,
            host=Host(name="h", address="h"),
            plan=SitePlan(site="docs", client="c"),
            mark=MARK,
            prepared=order,
        )
        kind = StaticRelease()
        done = self.shell(kind.script(step, context).text)
        output = (done.stdout + done.stderr).decode()
        return kind.understand(step, Result(status=done.returncode, seconds=0.1, output=output), context)

    def online(self):
        return str(Path(self.layout.path).readlink())


def content(folder):
    return {
        str(one.relative_to(folder)): one.read_bytes() for one in Path(folder).rglob("*") if one.is_file()
    }


def test_release_and_switch_back(shell, site, dist):
    releaser = Releaser(shell, site)
    first = releaser.release(dist)
    assert first.outcome is Outcome.CHANGED, first
    assert content(site.path) == content(dist)
    assert releaser.online() == f"releases/{first.changes[0].to_version}"
    assert (Path(site.path) / "run").stat().st_mode & 0o777 == 0o755

    (dist / "index.html").write_text("<html>2")
    second = releaser.release(dist, AT.replace(minute=1))
    assert second.outcome is Outcome.CHANGED, second
    assert releaser.sent == ("index.html",)
    assert second.changes[0].from_version == first.changes[0].to_version
    assert content(site.path) == content(dist)

    done = shell(switch_script(releaser.layout, first.changes[0].to_version, MARK))
    assert done.returncode == 0, done
    assert (Path(site.path) / "index.html").read_text() == "<html>"
    assert not os.path.lexists(f"{site.path}.next")


def test_existing_folder_is_adopted(shell, site, dist):
    releaser = Releaser(shell, site, adopt=True)
    shutil.copytree(dist, site.path)
    (Path(site.path) / "empty").mkdir()
    outcome = releaser.release(dist)
    assert outcome.outcome is Outcome.CHANGED, outcome
    [change] = outcome.changes
    assert change.from_version == "20261123T070000Z-adopted"
    assert (Path(releaser.layout.releases) / change.from_version / "empty").is_dir()
    assert content(site.path) == content(dist)


def test_release_with_extra_or_missing_file_is_refused(shell, site, dist):
    releaser = Releaser(shell, site)
    releaser.release(dist)
    was = releaser.online()
    for spoil in (lambda part: (part / "more").write_text("x"), lambda part: (part / "index.html").unlink()):
        (dist / "index.html").write_text(f"<html>{spoil}")
        tree = read_folder(dist, readable=True)
        name = name_of(AT.replace(minute=2), tree)
        standing = releaser.look(name)
        before, _ = gather_script(releaser.layout, name, tree, standing)
        assert shell(before).returncode == 0
        part = Path(releaser.layout.releases) / releaser.layout.incoming(name)
        (part / "index.html").write_text((dist / "index.html").read_text())
        (Path(releaser.layout.releases) / releaser.layout.sums(name)).write_bytes(sums(tree))
        spoil(part)
        order = ReleaseOrder(name=name, files=len(tree), standing=standing, difference=Difference())
        outcome = releaser.job(ReleaseOptions(source="x"), order)
        assert (outcome.outcome, "not those of the release" in outcome.why) == (Outcome.FAILED, True)
        assert releaser.online() == was


def test_link_changed_during_release_is_kept(shell, site, dist):
    releaser = Releaser(shell, site)
    first = releaser.release(dist)
    (dist / "index.html").write_text("<html>2")
    releaser.release(dist, AT.replace(minute=1))
    stale = replace(releaser.look(), target="releases/other")
    name = first.changes[0].to_version
    order = ReleaseOrder(name=name, files=4, standing=stale, difference=Difference())
    was = releaser.online()
    outcome = releaser.job(ReleaseOptions(source="x"), order)
    assert outcome.why == f"the site was changed during the release: its path now leads to {was}"
    assert releaser.online() == was


def test_release_of_the_same_name_keeps_the_one_online(shell, site, dist):
    releaser = Releaser(shell, site)
    name = releaser.release(dist).changes[0].to_version
    (Path(site.path) / "index.html").write_text("changed by hand")
    tree = read_folder(dist, readable=True)
    before, _ = gather_script(releaser.layout, name, tree, releaser.look(name))
    assert shell(before).returncode == 0
    assert (Path(site.path) / "index.html").read_text() == "changed by hand"
    part = Path(releaser.layout.releases) / releaser.layout.incoming(name)
    (part / "index.html").write_text((dist / "index.html").read_text())
    order = ReleaseOrder(name=name, files=len(tree), standing=releaser.look(), difference=Difference())
    outcome = releaser.job(ReleaseOptions(source="x"), order)
    assert "already exists with different files" in outcome.why
    assert len(list(Path(site.path).iterdir())) == 4


@pytest.mark.parametrize("name", [b"line\nfeed", b"back\\slash", b"\xff"])
def test_unlistable_file_name_is_refused(dist, name):
    Path(os.fsdecode(os.fsencode(dist) + b"/" + name)).write_text("x")
    with pytest.raises(UsageError, match="cannot be uploaded"):
        read_folder(dist)


def test_listing_matches_the_folder(shell, dist):
    (dist / "link").symlink_to("index.html")
    tree = {name: file for name, file in read_folder(dist).items() if name != "link"}
    prelude = SHELL
    done = shell(f"mark={MARK}\n{prelude}\n{listing(str(dist))}")
    assert parse_listing(done.stdout) == tree
    done = shell(f"mark={MARK}\n{prelude}\n{listing(str(dist), ['-n', 'run', 'missing', 'link', 'a b'])}")
    assert parse_listing(done.stdout) == {name: tree[name] for name in ("-n", "run")}
    assert parse_listing(shell(f"mark={MARK}\n{prelude}\n{listing(str(dist / 'none'))}").stdout) == {}


names = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\\"), min_size=1).filter(
    lambda name: not name_problem(name)
)
trees = st.dictionaries(names, st.builds(File, st.sampled_from(["a" * 64, "b" * 64])), max_size=6)


@given(trees)
def test_checksum_list_round_trip(tree):
    assert parse_sums(sums(tree)) == tree


@settings(deadline=None)
@given(trees, trees)
def test_difference_covers_both_trees(old, wanted):
    found = differ(old, wanted)
    assert set(found.new) | set(found.changed) | set(found.same) == set(wanted)
    assert set(found.removed) == set(old) - set(wanted)
    assert found.nothing == (
        {n: f.sha256 for n, f in old.items()} == {n: f.sha256 for n, f in wanted.items()}
    )


@pytest.mark.parametrize(
    ("name", "patterns", "out"),
    [
        ("a/b.map", ["*.map"], True),
        ("a/b.map", ["a/*.map"], True),
        ("x/a/b.map", ["a/*.map"], False),
        ("drafts/x/y", ["drafts/"], True),
        ("x/drafts/y", ["drafts"], True),
        ("x/drafts/y", ["/drafts"], False),
        ("index.html", [], False),
    ],
)
def test_exclude_patterns(name, patterns, out):
    assert excluded(name, patterns) is out


def test_releases_folder_is_next_to_link():
    assert Layout.of("/srv/docs/current/").releases == "/srv/docs/releases"
    assert Layout.of("/srv/www/docs").releases == "/srv/www/docs.releases"


def test_tar_contains_files_with_modes(dist):
    tree, out = read_folder(dist), io.BytesIO()
    tar_of(dist, tree, sorted(tree), out, called=lambda name: f"files/{name}", more={"list": b"x"})
    out.seek(0)
    with tarfile.open(fileobj=out, mode="r:gz") as archive:
        found = {member.name: member.mode for member in archive.getmembers()}
    assert found == {"list": 0o600, **{posixpath.join("files", name): tree[name].mode for name in tree}}


def test_swapped_releases_folder_touches_no_other_site(shell, site, dist, tmp_path):
    releaser = Releaser(shell, site, keep=2)
    releaser.release(dist)
    other = tmp_path / "other"
    for number in range(5):
        (other / f"2026010{number}T000000Z-abcd1234").mkdir(parents=True)
        (other / f"2026010{number}T000000Z-abcd1234/index.html").write_text("theirs")
    before = content(other)
    releases = Path(releaser.layout.releases)
    with swapping(releases, other) as count:
        for number in range(8):
            (dist / "index.html").write_text(f"<html>{number}")
            with suppress(AssertionError):  # most are refused before they are assembled
                releaser.release(dist, AT.replace(minute=number + 1))
    for number in range(8):
        (dist / "index.html").write_text(f"<html>{number} again")
        with suppress(AssertionError):
            releaser.release(dist, AT.replace(minute=number + 11), during=lambda: swapping(releases, other))
    assert count[0] > 8
    assert content(other) == before
    assert len(list(other.iterdir())) == 5


def test_releases_folder_swapped_before_a_move_is_left(shell, site, dist, tmp_path):
    Path(site.path).mkdir(parents=True)
    releaser = Releaser(shell, site, adopt=True)
    other = tmp_path / "other"
    other.mkdir()
    tree = read_folder(dist, readable=True)
    name = name_of(AT, tree)
    text, _ = gather_script(releaser.layout, name, tree, releaser.look(name))
    room = releaser.layout.releases
    here, there, theirs = map(shlex.quote, (room, f"{room}.real", str(other)))
    swap = f'{{ command mv {here} {there} && ln -s {theirs} {here}; command mv "$@"; }}'
    shell(f"mv() {swap}\n{text}")
    assert Path(room).is_symlink()
    assert list(other.iterdir()) == []


@pytest.mark.parametrize("target", ["releases/x\ny", "/srv/\x1b[2J", "a" * 5000])
def test_link_with_invalid_target_is_refused(target):
    end = f"\n{MARK} "
    output = end + end.join(["path link\n", f"target\n{target}\n", "releases\n", "end\n"])
    with pytest.raises(NameRefusedError, match=r"the target of the site's link .+; nothing was changed"):
        parse_look(output.encode(), MARK)


def test_release_names_from_host_are_limited():
    end = f"\n{MARK} "
    output = end + end.join(["path nothing\n", "releases\n20261123T070000Z-abcd\0../x\0x\ny\0v1\0", "end\n"])
    assert parse_look(output.encode(), MARK).releases == ("20261123T070000Z-abcd", "v1")
    with pytest.raises(NameRefusedError, match="more than 2000 releases"):
        parse_look((end + end.join(["path nothing\n", "releases\n" + 2001 * "x\0", "end\n"])).encode(), MARK)


def test_unlistable_file_name_from_build_is_refused(shell, dist, site):
    (dist / "line\nfeed").write_text("x")
    done = shell(look_script(Layout.of(site.path), MARK, built=str(dist)))
    with pytest.raises(UsageError, match="cannot be uploaded: its name has a line feed"):
        parse_look(done.stdout, MARK)
