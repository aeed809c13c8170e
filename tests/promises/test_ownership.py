"""Promise: owner, group, mode and ACL of a site's files are kept by whatever is put in their place."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest

from lab.ownership import LAYOUTS, WEB, Ownership, laid_out, owned, web_server_login
from tests.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet
    from lab.ownership import Owned

pytestmark = pytest.mark.fleet

SITE = "acme-blog"
LONG = 900.0
"""Seconds for a command of several steps, on a machine that has much to do."""
PLUGIN, THEME = "weathervane", "millrace"
GONE = "function_that_is_missing();"
FATAL = "<?php\nfunction_that_is_missing();"
CORE = "name: Core\nsteps:\n  - wordpress.core: {update: minor}\n"
ITEMS = (
    f"name: Items\nsteps:\n  - wordpress.plugins: {{update: [{PLUGIN}]}}\n"
    f"  - wordpress.themes: {{update: [{THEME}]}}\n"
)
BOTH = f"name: Both\n{CORE.partition(chr(10))[2]}  - wordpress.plugins: {{update: [{PLUGIN}]}}\n"
MANUALS = "globex-docs"
SYNC = "name: Sync\nsteps:\n  - files.sync: {from: extra, to: .}\n"
RELEASE = "name: Release\nsteps:\n  - static.release: {from: extra, adopt: true, force: true}\n"
BY_NAME = {how.name: how for how in LAYOUTS}


@dataclass(frozen=True)
class Place:
    """A site in a layout."""

    fleet: Fleet
    folder: Path
    root: Path
    url: str
    how: Ownership

    @property
    def login(self) -> str:
        return self.fleet.spec.user(self.fleet.sites[SITE].host)

    def crew(self, name: str, *playbooks: str) -> Crew:
        """A crew with a workspace of its own: it has neither asked for versions before nor held any."""
        return Crew(self.fleet, self.folder / name, *(playbooks or (CORE, ITEMS, BOTH)))

    def check_visitors(self) -> None:
        for path in ("/", "/wp-includes/css/dist/block-library/style.min.css", "/wp-login.php"):
            assert httpx.get(f"{self.url}{path}", timeout=20).status_code == 200, path


@pytest.fixture
def of_a_group(fleet: Fleet, tmp_path: Path) -> Iterator[Place]:
    yield from in_layout(fleet, tmp_path, BY_NAME["group"])


@pytest.fixture
def of_the_web_server(fleet: Fleet, tmp_path: Path) -> Iterator[Place]:
    yield from in_layout(fleet, tmp_path, BY_NAME["web-server"])


def in_layout(fleet: Fleet, tmp_path: Path, how: Ownership, *, words: bool = False) -> Iterator[Place]:
    """`words`: with a translation, files that steer the site, and folders with rights of their own."""
    fleet.up()
    fleet.reset(SITE)
    fleet.catalogue.reset()
    fleet.clear_host(fleet.sites[SITE].host)
    fleet.catalogue.plugin(PLUGIN, "1.0", files={"inc/a.php": b"<?php\n", "old/b.txt": b"b"})
    fleet.catalogue.theme(THEME, "1.0")
    fleet.install(SITE, "plugins", PLUGIN, "1.0")
    fleet.install(SITE, "themes", THEME, "1.0")
    fleet.wp(SITE, "plugin", "activate", PLUGIN)
    fleet.wp(SITE, "theme", "activate", THEME)
    if words:
        for kind in ("plugins", "themes"):  # only the translations of WordPress are compared
            shutil.rmtree(fleet.catalogue.folder / "translations" / kind)
        fleet.wp(SITE, "language", "core", "install", "de_DE")
        fleet.wp(SITE, "site", "switch-language", "de_DE")
        (fleet.sites[SITE].path / ".htaccess").write_text("# rules\n")
    with laid_out(fleet, SITE, how) as root:
        if words:
            set_rights_apart(fleet, root / f"wp-content/plugins/{PLUGIN}")
        yield Place(fleet, tmp_path, root, fleet.sites[SITE].url, how)
    fleet.catalogue.reset()


def set_rights_apart(fleet: Fleet, plugin: Path) -> None:
    """A sticky folder, one of another group, and a file that only its owner reads."""
    login = fleet.spec.user(fleet.sites[SITE].host)
    (plugin / "inc").chmod((plugin / "inc").stat().st_mode & 0o7777 | 0o1000)
    for path in (plugin / "old", plugin / "old/b.txt"):
        shutil.chown(path, group=login)
    (plugin / "old/b.txt").chmod(0o600)


@pytest.mark.long
def test_what_is_taken_back_or_undone_is_as_it_was(of_a_group: Place) -> None:
    place, catalogue = of_a_group, of_a_group.fleet.catalogue
    before = owned(place.root)
    place.check_visitors()
    catalogue.core("7.1.2", like="7.1.1", edits={"wp-includes/template-loader.php": FATAL})
    catalogue.plugin(PLUGIN, "1.1", php=GONE)
    crew = place.crew("first")
    assert (crew.say("run", "both", "-l", SITE).code, ends(crew)) == (5, ["undone", "undone"])
    assert differences(before, owned(place.root)) == {}
    place.check_visitors()

    catalogue.core("7.1.2", like="7.1.1", edits={"wp-includes/new/a.php": "<?php"})
    catalogue.plugin(PLUGIN, "1.2", files={"new/a.php": b"<?php"})
    crew = place.crew("second")
    assert (crew.say("run", "both", "-l", SITE).code, ends(crew)) == (0, ["changed", "changed"])
    check_kept(before, owned(place.root))
    place.check_visitors()
    assert (crew.say("undo", "last", "-y").code, ends(crew)) == (0, ["undone", "undone"])
    assert differences(before, owned(place.root)) == {}
    place.check_visitors()


@contextmanager
def narrow_login(fleet: Fleet, host: str) -> Iterator[None]:
    """Whatever the login makes is closed to everybody else, as with `umask 077` in its start-up files."""
    keys = fleet.spec.home(host) / ".ssh/authorized_keys"
    text = keys.read_text()
    keys.write_text(f'command="umask 077; eval \\"$SSH_ORIGINAL_COMMAND\\"" {text}')
    try:
        yield
    finally:
        keys.write_text(text)


@pytest.mark.long
def test_a_login_with_a_narrow_umask_closes_nothing(of_a_group: Place) -> None:
    host = of_a_group.fleet.sites[SITE].host
    with narrow_login(of_a_group.fleet, host):
        test_what_is_taken_back_or_undone_is_as_it_was(of_a_group)


@pytest.mark.long
def test_one_file_of_somebody_else_holds_its_plugin_alone(of_a_group: Place) -> None:
    place, catalogue = of_a_group, of_a_group.fleet.catalogue
    shutil.chown(place.root / f"wp-content/plugins/{PLUGIN}/inc/a.php", user="root")
    before = owned(place.root / f"wp-content/plugins/{PLUGIN}")
    catalogue.plugin(PLUGIN, "1.1", files={"new.php": b"<?php"})
    catalogue.theme(THEME, "1.1")
    crew = place.crew("crew")
    assert crew.say("run", "items", "-l", SITE).code == 0
    found = {change["item"]: change for step in crew.site(SITE)["steps"] for change in step["changes"]}
    assert {item: change["outcome"] for item, change in found.items()} == {PLUGIN: "held", THEME: "changed"}
    assert "inc/a.php belongs to root" in found[PLUGIN]["why"]
    assert differences(before, owned(place.root / f"wp-content/plugins/{PLUGIN}")) == {}
    place.check_visitors()


@pytest.mark.long
def test_what_could_not_be_given_to_its_owner_is_held(of_the_web_server: Place) -> None:
    place, crew = of_the_web_server, of_the_web_server.crew("crew")
    before = owned(place.root)
    place.fleet.catalogue.plugin(PLUGIN, "1.1")
    for playbook in ("core", "items"):
        changes = crew.say("plan", playbook, "-l", SITE, "--json").json["sites"][0]["changes"]
        assert {(c["action"], "log in as www-data" in c["why"]) for c in changes if c["to"]} == {
            ("hold", True)
        }
        assert crew.say("run", playbook, "-l", SITE).code == 0
    assert differences(before, owned(place.root)) == {}
    place.check_visitors()


@pytest.mark.long
def test_the_login_of_the_web_server_updates_what_it_owns(of_the_web_server: Place) -> None:
    place, fleet = of_the_web_server, of_the_web_server.fleet
    before = owned(place.root)
    fleet.catalogue.core("7.1.2", like="7.1.1", edits={"wp-includes/template-loader.php": FATAL})
    fleet.catalogue.plugin(PLUGIN, "1.1", php=GONE)
    with web_server_login(fleet, "web2", 2291):
        crew = as_web_server(place, "first")
        said = crew.say("run", "both", "-l", SITE)
        assert (said.code, ends(crew)) == (5, ["undone", "undone"]), said
        assert differences(before, owned(place.root)) == {}
        place.check_visitors()

        fleet.catalogue.core("7.1.2", like="7.1.1", edits={"wp-includes/new/a.php": "<?php"})
        fleet.catalogue.plugin(PLUGIN, "1.2", files={"new/a.php": b"<?php"})
        crew = as_web_server(place, "second")
        said = crew.say("run", "both", "-l", SITE)
        assert (said.code, ends(crew)) == (0, ["changed", "changed"]), said
        check_kept(before, owned(place.root))
        place.check_visitors()
        assert crew.say("undo", "last", "-y").code == 0
        assert differences(before, owned(place.root)) == {}
        place.check_visitors()


def as_web_server(place: Place, name: str) -> Crew:
    """A crew that logs in as www-data."""
    crew = place.crew(name)
    host = place.fleet.hosts["web2"]
    crew.move_host("web2", 2291, host.address)
    crew.edit("inventory.yaml", f"user: {host.user}\n", f"user: {WEB}\n")
    return crew


def ends(crew: Crew) -> list[str]:
    """How the changes of the last run ended."""
    return [change["outcome"] for step in crew.site(SITE)["steps"] for change in step["changes"]]


def check_kept(before: dict[str, Owned], after: dict[str, Owned]) -> None:
    """What was there is like before; what is new is like a file, or a folder, that was beside it."""
    for path, one in after.items():
        if path in before:
            assert one.rights == before[path].rights, path
            continue
        folder = path
        while folder not in before:
            folder = folder.rpartition("/")[0] or "."
        beside = [old.rights for name, old in before.items() if bool(old.content) == bool(one.content)]
        assert one.rights in beside, (path, one.rights)


def differences(
    before: dict[str, Owned], after: dict[str, Owned]
) -> dict[str, tuple[Owned | None, Owned | None]]:
    return {
        path: (before.get(path), after.get(path))
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
    }


@pytest.mark.long
@pytest.mark.parametrize("name", ["world-readable", "group", "group-of-others", "default-acl", "constants"])
def test_files_that_are_sent_have_group_and_acl_of_their_place(
    fleet: Fleet, tmp_path: Path, name: str
) -> None:
    """What is replaced keeps its mode, a new file has its own; a release is open to all who get to it."""
    fleet.up()
    fleet.reset(MANUALS)
    fleet.clear_host(fleet.sites[MANUALS].host)
    crew = Crew(fleet, tmp_path / "crew", SYNC, RELEASE)
    (crew.folder / "extra/new/deep").mkdir(parents=True)
    for path in ("index.html", "new/deep/a.txt"):
        (crew.folder / "extra" / path).write_text(f"Manuals for every instrument {path}")
        (crew.folder / "extra" / path).chmod(0o600 if path == "index.html" else BY_NAME[name].files)
    with laid_out(fleet, MANUALS, BY_NAME[name]) as root:
        before = owned(root)
        assert crew.say("run", "sync", "-l", MANUALS).code == 0
        after = owned(root)
        assert "new/deep/a.txt" in after
        if name != "default-acl":  # a new file has what its folder hands down, limited by its mask
            check_kept(before, after)
        assert httpx.get(fleet.sites[MANUALS].url, timeout=20).status_code == 200
        said = crew.say("run", "release", "-l", MANUALS)
        assert said.code == 0, said
        assert root.is_symlink()
        released = owned(root.resolve())
        assert released["new/deep/a.txt"].rights[:2] == after["new/deep/a.txt"].rights[:2]
        assert {released[one].rights for one in (".", "new", "new/deep")} == {before["."].rights}
        said = crew.say("undo", "last", "-y")
        assert differences(after, owned(root.resolve())) == {}, said
        said = crew.say("undo", "last", "-y")
        assert differences(released, owned(root.resolve())) == {}, said
        assert httpx.get(fleet.sites[MANUALS].url, timeout=20).status_code == 200
