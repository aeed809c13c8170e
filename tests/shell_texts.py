"""Every shell text that the package builds, by name, with values of the caller's choice in all of its places.

`python -m tests.shell_texts FOLDER` writes them to files, for shellcheck.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.hosts import wp_cli
from runner.hosts.leftovers import clean_text
from runner.inspect import host_checks, host_facts
from runner.model import Host, Site, SiteFacts, SiteKind, SitePlan, Step, UndoDatabase
from runner.model.facts import Extension, LogMark, Package
from runner.model.plan import Action, Change, ItemKind
from runner.shell import assign
from runner.steps import Context, packages, registry
from runner.steps.backup import database_script, files_script
from runner.steps.become import as_root
from runner.steps.front import Asked, front_script
from runner.steps.packages import boot_script, change_script, facts_script, reboot_script, reread_script
from runner.steps.static import gather, layout, switch
from runner.steps.static.names import name_problem
from runner.steps.static.tree import Difference, File
from runner.steps.sync import SyncOrder
from runner.steps.sync_find import Found, clear_script, find_script, stage_script, take_script
from runner.steps.undo import kept_tags, put_back
from runner.steps.wordpress import composer_said, database_undo, discovery, errorlog
from runner.steps.wordpress import facts as wordpress_facts
from runner.steps.wordpress.cron_start import cron_start
from runner.steps.wordpress.identity import addresses_script, put_marker, remove_marker
from runner.steps.wordpress.purge import purge_scripts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["all_texts"]

MARK = "0123456789abcdef0123456789abcdef"
NAME = "20261123T070000Z-abcd1234"
OPTIONS = {
    "shell": {"run": "true"},
    "static.build": {"run": "true"},
    "static.release": {},
    "files.sync": {"source": "here", "delete": True},
    "wordpress.plugins": {"update": "all"},
    "wordpress.themes": {"update": "all"},
    "wordpress.core": {"update": "all"},
    "wordpress.composer": {"update": "all", "commit": True, "deploy": "true"},
    "wordpress.languages": {"update": "all"},
}
KINDS = {
    "wordpress.plugins": ItemKind.PLUGIN,
    "wordpress.themes": ItemKind.THEME,
    "wordpress.core": ItemKind.CORE,
    "wordpress.languages": ItemKind.LANGUAGE,
    "wordpress.composer": ItemKind.CORE,
    "wordpress.database": ItemKind.DATABASE,
}


def all_texts(root: str, value: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Name and text of each. `value` makes what a stranger may have chosen, of a harmless word.

    All paths are below `root`.
    """
    made = _Made(root, value)
    yield from made.kinds()
    yield from made.files()
    yield from made.packages()
    yield from made.wordpress()
    yield from made.questions()


class _Made:
    def __init__(self, root: str, value: Callable[[str], str]) -> None:
        self.value = value
        self.path = f"{root}/{value('site')}"
        self.site = Site(
            name=value("docs"),
            client=value("acme"),
            host="web1",
            url=f"http://x.example/{value('')}",
            path=self.path,
        )
        self.host = Host(
            name="web1", address="web1", php=value("php"), wp=value("wp"), brings=value("9" * 32)
        )
        entry = Extension(
            slug=value("forms"),
            title=value("Forms"),
            version="1",
            offered=value("2"),
            file=value("forms.php"),
            folder=f"{self.path}/wp-content/plugins/{value('forms')}",
            active=True,
            package=f"https://downloads.wordpress.org/{value('x')}.zip",
        )
        self.facts = SiteFacts(
            wordpress=value("6.5"),
            php="8.2",
            home=self.site.url,
            siteurl=self.site.url,
            root=f"{self.path}/",
            content=f"{self.path}/wp-content",
            languages_folder=f"{self.path}/{value('languages')}",
            plugins=(entry,),
            themes=(replace(entry, folder=f"{self.path}/wp-content/themes/{value('forms')}"),),
            plugins_folder=f"{self.path}/{value('plugins')}",
            project=f"{self.path}/{value('project')}",
            vendor=f"{self.path}/{value('vendor')}",
            packages=(self.package(),),
            logs=(LogMark(f"{self.path}/{value('log')}", 1, 2),),
        )
        self.names = ("index.html", f"{value('a')}/{value('b')}", f"{value('c')}/d", value("-n"))
        self.tree = {name: File("a" * 64, 3, 0o644) for name in self.names}

    def package(self) -> Package:
        return Package(
            name=self.value("roots/wordpress-no-content"),
            through=self.value("roots/wordpress"),
            part="core",
            slug="core",
            version="1",
            constraint="1",
            installed="1",
            folder=f"{self.path}/{self.value('wp')}",
        )

    def context(self, kind: str = "", *, prepared: object = None, facts: SiteFacts | None = None) -> Context:
        change = Change(
            step="step",
            item=self.value("forms"),
            kind=KINDS.get(kind, ItemKind.FILE),
            from_version=self.value("1"),
            to_version=self.value("2"),
            action=Action.CHANGE,
            title=self.value("Forms"),
            file=f"plugin/{self.value('forms')}/{self.value('de_DE')}",
            package=f"https://downloads.wordpress.org/{self.value('x')}.zip",
            composer=self.package().name if kind == "wordpress.composer" else "",
        )
        plan = SitePlan(site=self.site.name, client=self.site.client, changes=(change,))
        return Context(
            site=self.site,
            host=self.host,
            plan=plan,
            mark=MARK,
            tag=self.value("tag"),
            before=facts or self.facts,
            prepared=prepared,
        )

    def kinds(self) -> Iterator[tuple[str, str]]:
        """The script, the cleanup and the guard of each kind of step."""
        for name, kind in registry().items():
            step = Step(id="step", kind=name, options=kind.options(**OPTIONS.get(name, {})))
            prepared = self.prepared(name)
            for number, facts in enumerate(
                (self.facts, replace(self.facts, core_fixed=self.value("it is a link")))
            ):
                context = self.context(name, prepared=prepared, facts=facts)
                script = kind.script(step, context)
                parts = {"script": script.text if script else "", "cleanup": kind.cleanup(step, context)}
                guard = kind.guard(step, context, self.value("tag"))
                if guard:
                    parts |= {"save": guard.save.text, "undo": guard.undo.text, "check": guard.check.text}
                    parts |= {"keep": guard.keep.text if guard.keep else "", "tidy": guard.tidy}
                    parts |= {"settle": guard.settle.text if guard.settle else ""}
                yield from ((f"{name}.{number}.{part}", text) for part, text in parts.items() if text)

    def prepared(self, kind: str) -> object:
        standing = layout.Standing(path="link", target=f"releases/{self.value('v1')}")
        difference = Difference(
            new=self.names[:1], changed=self.names[1:], removed=(self.value("gone"), f"{self.value('old')}/x")
        )
        if kind == "static.release":
            return layout.ReleaseOrder(name=NAME, files=3, standing=standing, difference=difference)
        old = {**dict.fromkeys(difference.removed, File("b" * 64)), **self.tree}
        return SyncOrder(part=".sitecrew-0123456789abcdef", tree=self.tree, difference=difference, old=old)

    def files(self) -> Iterator[tuple[str, str]]:
        """Around releases and syncs."""
        place, target, part = (
            layout.Layout.of(f"{self.path}/current"),
            f"{self.path}/{self.value('x')}",
            ".sitecrew-0",
        )
        found = Found(exists=True, files={}, staged={"b" * 64: File("c" * 64)})
        old = {**self.tree, self.value("gone"): File("b" * 64)}
        online = {self.names[0]: self.tree[self.names[0]]}
        standing = layout.Standing(path="link", target="releases/v1", incoming=old, serving=online)
        folder = replace(standing, path="folder")
        yield "sync.find", find_script(target, part, self.tree, MARK, everything=True)
        yield "sync.stage", stage_script(self.path, target, part, self.tree, found)[0]
        yield "sync.stage-outside", stage_script("", target, part, self.tree, found)[0]
        yield "sync.take", take_script(self.path, target, part)
        yield "sync.clear", clear_script(self.path, target, part)
        yield "release.look", gather.look_script(place, MARK, name=NAME, built=self.value("built"))
        yield "release.gather", gather.gather_script(place, NAME, self.tree, standing)[0]
        built = gather.gather_script(place, NAME, self.tree, standing, built=self.value("built"))[0]
        yield "release.gather-built", built
        yield "release.take", gather.take_script(place)
        yield "release.forget", gather.forget_script(place, NAME)
        if not name_problem(self.value("v1")):  # else it is refused
            yield (
                "release.switch",
                switch.switch_script(place, self.value("v1"), MARK, expect=self.value("v0")),
            )
        for one in (standing, folder):
            order = layout.SwitchOrder(name=NAME, standing=one)
            yield f"release.back-{one.path}", switch.back_script(place, order)

    def packages(self) -> Iterator[tuple[str, str]]:
        """Around the packages of a host, and root's rights."""
        yield "packages.facts", facts_script(MARK)
        yield "packages.reread", reread_script(MARK)
        yield "packages.boot", boot_script(MARK)
        yield "packages.reboot", reboot_script(MARK, self.value("boot"))
        packages, plan = [f"{self.value('curl')}=1"], self.value("[]")
        settings = {"plan": plan, "wait": 1, "autoremove": True}
        yield "packages.change", change_script(MARK, packages, restart=(self.value("nginx"),), **settings)
        yield "become", as_root(f"printf '%s' {MARK}", MARK, ["WORD"])

    def wordpress(self) -> Iterator[tuple[str, str]]:
        """What is asked of WordPress beside the kinds."""
        context, guard = self.context("wordpress.plugins"), None
        guard = registry()["wordpress.plugins"].guard(
            Step(id="step", kind="wordpress.plugins", options=None), context, self.value("tag")
        )
        yield "backup.database", database_script(self.site, self.host, MARK).text
        yield (
            "backup.files",
            files_script(
                self.site,
                self.host,
                MARK,
                (self.value("x/y"), self.value("z")),
                (self.value("y"), self.value("w")),
            ).text,
        )
        yield "identity.put", put_marker(self.site, "0" * 32, self.value("said")).text
        yield "identity.remove", remove_marker(self.site, "0" * 32).text
        url = self.value("http://x.example/berlin")
        yield "cron-start", cron_start(self.site, self.host, MARK, [url]).text
        yield "identity.addresses", addresses_script(self.site, self.host, MARK).text
        languages = (self.value("de_DE"),)
        yield (
            "facts",
            wordpress_facts.facts_script(
                self.site, self.host, MARK, check_updates=True, languages=languages, dates=True
            ).text,
        )
        asked = Asked(
            url=self.site.url,
            scheme="http",
            host=self.value("x.example"),
            port=80,
            authority=self.value("x.example"),
            target=self.value("/"),
        )
        yield "composer", composer_said.composer_script(self.facts, self.host, MARK).text
        yield "front", front_script(self.site, self.host, MARK, asked, facts=self.facts).text
        site = replace(self.site, purge="true")  # the crew's own command
        facts = replace(self.facts, caches=("page",))
        for name, script in purge_scripts(site, self.host, MARK, facts).items():
            yield name, script.text
        yield "log", errorlog.read_log(self.facts, MARK, self.facts.logs).text
        for name in ("save", "mark", "count"):
            yield (
                f"database.{name}",
                getattr(database_undo, f"{name}_database")(context, self.value("tag")).text,
            )
        assert guard
        rule = UndoDatabase.ALWAYS
        back = database_undo.put_back_database(context, self.value("tag"), guard=guard, rule=rule)
        yield "database.back", back.text
        places, tag = (self.path,), self.value("tag")
        yield "undo.back", put_back(context, self.value("run"), places, {tag: guard}).text
        yield "undo.kept", kept_tags(self.value("run"), self.site.name, places, [tag, f"{tag}/database"]).text

    def questions(self) -> Iterator[tuple[str, str]]:
        """What is asked of a host, and our own programs there."""
        yield "doctor.host", host_checks.host_questions(self.host, [self.site])
        yield "discover.config", discovery.config_script()
        yield "discover.folders", discovery.folder_script(self.site.path, 6)
        yield "discover.rights", discovery.rights_script([self.site.path])
        yield "discover.site", discovery.site_discovery_script(self.host, self.site.path, MARK, "a.invalid")
        yield "doctor.static", host_checks.static_questions(replace(self.site, kind=SiteKind.STATIC))
        for kind in SiteKind:
            yield f"facts.{kind}", host_facts.site_questions(self.host, replace(self.site, kind=kind))
        yield "clean", clean_text("list", [self.path, self.value("/srv/former")])
        yield "tools", wp_cli.take_text(self.value("0" * 128))


def main(folder: Path) -> None:
    """Write each text into a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {name: text for name, text in all_texts("/srv", str) if not name.startswith("packages.")}
    for name, text in (texts | {"packages": _packages()}).items():
        (folder / f"{name}.sh").write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")


def _packages() -> str:
    """All of the texts for packages, with the comments that speak to shellcheck."""
    folder = Path(packages.__file__).parent / "sh"
    sources = "".join((folder / f"{name}.sh").read_text() for name in ("common", "apt", "dnf"))
    head = assign({"mark": MARK, "wait": 0, "restart": "never", "autoremove": ""})
    return f"{head}{sources}read_system\nchange_system a=1 b=2\nreread_system\nreboot_system x\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
