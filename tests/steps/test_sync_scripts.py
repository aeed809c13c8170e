"""Shell scripts of `files.sync` in dash, bash and busybox, with hostile names and swapped folders."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from runner.apply.files.archive import tar_of
from runner.inspect.sources import read_folder
from runner.model import Host, Outcome, Site, SiteKind, SitePlan, Step
from runner.steps import Context, Result
from runner.steps.static.names import MOST, NameRefusedError, parse_names
from runner.steps.static.tree import Difference, differ
from runner.steps.sync import FilesSync, SyncOptions, SyncOrder, inside_of, target_of
from runner.steps.sync_find import find_script, parse_found, stage_script, surplus, take_script, waiting
from tests.swapping import swapping

MARK, PART = "m4rk", ".sitecrew-0123456789abcdef"


class Syncer:
    """Runs a sync like the real step, without a network."""

    def __init__(self, shell, tmp_path):
        self.shell, self.here = shell, tmp_path / "here"
        self.site = Site(
            name="docs", client="c", host="h", url="http://x.example", path=str(tmp_path / "it's"),
            kind=SiteKind.STATIC,
        )  # fmt: skip
        self.options = SyncOptions(source="x", to="down loads", delete=True)
        self.target = Path(target_of(self.options, self.site))
        self.other = tmp_path / "other"
        for folder in (self.here / "a b/c", self.target, self.other / "a b/c"):
            folder.mkdir(parents=True)
        (self.here / "a b/c/one").write_text("one")
        (self.here / "-n").write_text("two")

    def find(self):
        tree = read_folder(self.here)
        done = self.shell(find_script(str(self.target), PART, tree, MARK, everything=True))
        return tree, parse_found(done.stdout, MARK)

    def sync(self):
        tree, found = self.find()
        compared = differ(found.files, tree)
        difference = Difference(compared.new, compared.changed, surplus(found, tree, ()), compared.same)
        wanted = {name: tree[name] for name in (*compared.new, *compared.changed)}
        inside = inside_of(self.options, self.site)
        before, send = stage_script(inside, str(self.target), PART, wanted, found)
        out = io.BytesIO()
        tar_of(self.here, wanted, send, out, called=waiting)
        if self.shell(before).returncode:
            return None
        self.shell(take_script(inside, str(self.target), PART), stdin=out.getvalue())
        order = SyncOrder(part=PART, tree=wanted, difference=difference, old=found.files)
        step = Step(id="sync", kind="files.sync", options=self.options)
        context = Context(
            site=self.site, host=Host(name="h", address="h"), plan=SitePlan(site="docs", client="c"),
            mark=MARK, prepared=order,
        )  # fmt: skip
        done = self.shell(FilesSync().script(step, context).text)
        assert self.shell(FilesSync().cleanup(step, context)).stderr == b""
        result = Result(status=done.returncode, seconds=0.1, output=done.stdout.decode())
        return FilesSync().understand(step, result, context)


@pytest.fixture
def syncer(shell, tmp_path):
    return Syncer(shell, tmp_path)


def content(folder):
    return {str(one.relative_to(folder)): one.read_text() for one in folder.rglob("*") if one.is_file()}


def test_sync_adds_replaces_and_deletes(syncer):
    (syncer.target / "gone/deep").mkdir(parents=True)
    for name in ("gone/deep/$(id)", "gone/Z;id>PWNED", "-rf", "SITECREW_NAMES", "back\\slash"):
        (syncer.target / name).write_text("x")
    (syncer.target / "-n").symlink_to(syncer.other)
    outcome = syncer.sync()
    assert outcome.outcome is Outcome.CHANGED, outcome
    assert content(syncer.target) == content(syncer.here)
    assert {one.name for one in syncer.target.iterdir()} == {"a b", "-n"}
    assert [change.item for change in outcome.changes if change.why == "new"] == ["-n", "a b/c/one"]
    assert not any(one.is_file() for one in syncer.other.rglob("*"))
    assert syncer.find()[1].names == ("-n", "a b/c/one")


@pytest.mark.parametrize("swapped", [".", "a b", "a b/c", "-n"])
def test_swapped_folder_lets_nothing_out_of_the_site(syncer, swapped):
    (syncer.other / "one").write_text("theirs")
    syncer.sync()
    folder = syncer.target / swapped
    before = content(syncer.other)
    with swapping(folder, syncer.other) as count:
        for number in range(5):
            (syncer.here / "a b/c/one").write_text(f"{number}")
            (syncer.here / f"a b/{number}").write_text("x")
            (syncer.here / f"{number}").write_text("x")
            (syncer.here / "-n").write_text(f"{number}")
            syncer.sync()
    assert count[0] > 5
    assert content(syncer.other) == before
    assert {one.name for one in syncer.other.rglob("*")} == {"a b", "c", "one"}


def test_staging_folder_that_is_a_link_is_refused(syncer):
    (syncer.other / "a b/c/one").write_text("theirs")
    before = content(syncer.other)
    (syncer.target / PART).symlink_to(syncer.other)
    assert syncer.sync() is None
    assert content(syncer.other) == before


@pytest.mark.parametrize(
    "name",
    [
        b"../x", b"/etc/passwd", b"a//b", b"a/./b", b"a/../../b", b"..", b"", b"x\ny", b"x\ry", b"x\x1by",
        b"x\xc2\x9by", b"\xff", b"a" * 256, b"a/" * 2500 + b"a", b"a/" * 150 + b"a",
    ],
)  # fmt: skip
def test_invalid_file_name_is_refused(name):
    end = f"\n{MARK} ".encode()
    output = end + end.join([b"exists\n", b"files\n", b"staged\n", b"names\n./" + name + b"\0", b"end\n"])
    found = parse_found(output, MARK)
    with pytest.raises(
        NameRefusedError, match=r"a file name on the host was refused: .+; nothing was changed"
    ):
        surplus(found, {}, ())


def test_too_many_names_are_refused():
    with pytest.raises(NameRefusedError, match="more than 200000 files"):
        parse_names(b"x\0" * (MOST + 1))
