"""A WordPress site on a fake host: versions, what breaks it, and what our programs print about it."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from runner.hosts.fake import Answer
from runner.model import (
    Action,
    Change,
    Extension,
    ItemKind,
    LogMark,
    Look,
    PageLook,
    Seen,
    Site,
    SiteFacts,
    SiteKind,
    Step,
    StepOutcome,
)
from runner.steps import Context, Guard, Result, Script, StepKind
from runner.steps.wordpress.database_undo import STAGES
from runner.steps.wordpress.verdict import idle, verdict
from runner.verify import Expectation, PageCheck, Signals
from runner.verify.compare import compare

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runner.execute import Command
    from runner.web import Answer as WebAnswer

__all__ = ["PLUGINS", "Break", "Database", "FakeProber", "FakeSite", "ItemOptions", "Items"]

NOW = datetime(2026, 11, 3, 2, tzinfo=UTC)
URL = "https://shop.example"
FOLDER = "/srv/shop"
PLUGINS = f"{FOLDER}/wp-content/plugins"
LOG = f"{FOLDER}/wp-content/debug.log"
_MARK = re.compile(r'"mark": "([\w-]+)"'), re.compile(r"^mark[= ]'?([\w-]+)", re.MULTILINE)
_IN_FOLDER = f"cd {FOLDER} || exit\n"
_LEVELS = ("", "options", *STAGES)
"""How much of the database must be restored, from nothing to everything."""


@dataclass(frozen=True)
class Break:
    """Items that break the site together once all of them are at another version."""

    items: frozenset[str]
    by: str = "page"
    """How it shows: page, boot, cron, log, home, inactive, gone, slower, requests."""

    @classmethod
    def of(cls, *items: str, by: str = "page") -> Break:
        return cls(frozenset(items), by)


@dataclass
class Database:
    """What a change does to the data, and what restoring it would lose."""

    spoiled_by: str = ""
    """The item whose update changes the data so that the old files do not work with it."""
    needs: str = "schema"
    """The stage from which on the site works again."""
    lost: Mapping[str, dict[str, int]] = field(default_factory=dict)
    """By stage, what visitors have written since."""
    host_sees: bool = True
    """Whether the host can tell that the site does not work with its data."""
    spoiled: str = ""
    """The stage that is needed now."""
    impossible: str = ""


@dataclass
class FakeSite:
    """A site whose state outlives the controller."""

    items: tuple[str, ...] = ("a", "b", "c", "d")
    breaks: list[Break] = field(default_factory=list)
    breaks_at: dict[str, str] = field(default_factory=dict)
    """By item, a version with which the page is broken."""
    database: Database = field(default_factory=Database)
    sick: str = ""
    """What is wrong with its page whatever its versions are."""
    refuses: bool = False
    """Nobody is let in."""
    hiccups: int = 0
    """So many of the next checks after a change find the site unhealthy."""
    host_is_content: bool = True
    """What the host's own check says of a site that looks broken from outside."""
    fails: dict[str, str] = field(default_factory=dict)
    """By item, why its update does not happen."""
    half: set[str] = field(default_factory=set)
    """Items whose update fails in the middle: the version is new."""
    has_log: bool = False
    stale: int = 0
    """A cache serves the bad page after a rollback until it has been cleared so often."""
    more: dict[str, Any] = field(default_factory=dict)
    """Other facts."""
    stuck: set[str] = field(default_factory=set)
    """Items that a rollback does not restore."""
    codes: dict[str, Answer] = field(default_factory=dict)
    """By command id, the answer instead of the usual one."""
    removed: set[str] = field(default_factory=set)
    """Restore points that are no longer on the host."""
    programs: dict[str, Answer | list[Answer]] = field(default_factory=dict)
    """By the text of a shell step, its answer, or the answers of its runs (the last one stays)."""
    shell: list[str] = field(default_factory=list)
    """Texts of shell steps that were run."""
    before: dict[str, Callable[[], object]] = field(default_factory=dict)
    """By command id, what happens when the command starts."""
    versions: dict[str, str] = field(init=False)
    updates: Counter[str] = field(default_factory=Counter)
    twice: list[str] = field(default_factory=list)
    """Items that were updated although they had the version."""
    points: dict[str, dict[str, str]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    """Ids of all commands, in their order."""
    checks: int = 0
    was_bad: bool = False
    was_visited: bool = False

    def __post_init__(self) -> None:
        self.versions = dict.fromkeys(self.items, "1.0")

    def is_broken(self, *ways: str) -> bool:
        """Whether items break the site now; by default in any way that shows from outside."""
        if not ways and any(self.versions[item] == bad for item, bad in self.breaks_at.items()):
            return True
        ways = ways or ("page", "boot", "gone")
        return any(
            one.by in ways and all(self.versions[item] != "1.0" for item in one.items) for one in self.breaks
        )

    @property
    def changed(self) -> frozenset[str]:
        return frozenset(item for item, version in self.versions.items() if version != "1.0")

    def facts(self) -> SiteFacts:
        """The site as our program reads it."""
        gone = self.is_broken("gone")
        plugins = tuple(
            Extension(
                slug=item,
                title=item.title(),
                version=version,
                file=f"{item}/{item}.php",
                active=not (self.is_broken("inactive") and version != "1.0"),
                folder=f"{PLUGINS}/{item}",
            )
            for item, version in self.versions.items()
            if not (gone and version != "1.0")
        )
        home = "https://elsewhere.example" if self.is_broken("home") else URL
        hijacked = self.was_visited and self.is_broken("requests")
        facts = SiteFacts(
            wordpress="6.5",
            php="8.3",
            home=home,
            siteurl="https://hijacked.example" if hijacked else home,
            stored=(URL, URL),
            plugins=plugins,
            plugins_checked=True,
            core_checked=True,
            themes_checked=True,
            root=f"{FOLDER}/",
            plugins_folder=PLUGINS,
            database_name="shop",
            database_prefix="wp_",
            logs=(LogMark(LOG, 1, len(self.log)),) if self.has_log else (),
        )
        return replace(facts, **self.more)

    def answer(self, command: Command) -> Answer:  # noqa: C901, PLR0911 - a table of commands
        """Run a command as the host would."""
        self.ran.append(command.id)
        if action := self.before.get(command.id):
            action()
        if (found := self.codes.get(command.id)) is not None:
            return found
        mark = next((found[1] for form in _MARK if (found := form.search(command.text))), "")
        if command.text.startswith(_IN_FOLDER):
            return self._program(command.text.removeprefix(_IN_FOLDER).strip())
        match command.id:
            case "read" | "reread" | "s0":
                return self._read(mark)
            case "save" | "change" | "undo" | "settle" | "keep":
                return self._mini(command.text, mark)
            case "log" | "cron" | "cron-before":
                return self._log(command.text, mark) if command.id == "log" else self._cron()
            case "save-database":
                return _say(mark, database="saved", bytes=100)
            case "database":
                return self._restore_database(command.text, mark)
            case "kept":
                tags = [
                    name
                    for tag in self.points
                    if tag not in self.removed
                    for name in (tag, f"{tag}/database")
                ]
                return Answer(output="".join(f"kept {tag}\n" for tag in tags))
            case "count":
                return _say(mark, database="counted", lost=self.database.lost.get("all", {}))
            case "look":
                return Answer(code=0 if self._host_says() else 1)
            case name if name.startswith("purge"):
                self.stale = max(0, self.stale - 1)
                return Answer(output=f'{mark} {{"purged": "pages", "ok": true}}\n{mark} {{"purged": ""}}\n')
        return Answer()

    def findings(self) -> tuple[str, ...]:
        """What is wrong as visitors see it."""
        found = [self.sick] if self.sick else []
        if self.is_broken() or self.database.spoiled:
            found.append("answers 500")
        return tuple(found)

    def _host_says(self) -> bool:
        data = not self.database.spoiled or not self.database.host_sees
        return data and (self.host_is_content or not self.is_broken())

    def _read(self, mark: str) -> Answer:
        facts = _as_json(self.facts())
        if self.is_broken("boot"):
            fatal = f"PHP Fatal error:  Uncaught Error: boom in {self._culprit('boot')}:3"
            return Answer(output=f"{fatal}\n\n{mark} again\n{mark} {facts}\n")
        return Answer(output=f"{mark} {facts}\n")

    def _culprit(self, by: str) -> str:
        (item, *_) = sorted(next(one.items for one in self.breaks if one.by == by))
        return f"{PLUGINS}/{item}/{item}.php"

    def _mini(self, text: str, mark: str) -> Answer:
        lines = []
        for line in text.splitlines():
            match line.split():
                case ["save", tag, *items]:
                    self.points.setdefault(tag, {item: self.versions[item] for item in items})
                case ["update", item, version]:
                    lines.append(self._update(item, version))
                case ["restore", tag, *items]:
                    point = self.points.get(tag, {})
                    self.versions |= {
                        item: point[item] for item in items if item in point and item not in self.stuck
                    }
        answer = Answer(output="".join(f"{mark} {json.dumps(one)}\n" for one in lines))
        if "\nwanted=" in text:  # an undo that restores the database too
            return replace(answer, output=answer.output + self._restore_database(text, mark).output)
        return answer

    def _update(self, item: str, version: str) -> dict[str, str]:
        if item in self.fails:
            return {"item": item, "state": "failed", "why": self.fails[item]}
        self.updates[item] += 1
        if self.versions[item] == version:
            self.twice.append(item)
        self.versions[item] = version
        if item == self.database.spoiled_by:
            self.database.spoiled = self.database.needs
        if item in self.half:
            return {"item": item, "state": "failed", "why": "the disk went away"}
        return {"item": item, "state": "done"}

    def _program(self, text: str) -> Answer:
        self.shell.append(text)
        if action := self.before.get(text):
            action()
        found = self.programs.get(text, Answer())
        if isinstance(found, list):
            return found.pop(0) if len(found) > 1 else found[0]
        return found

    def _cron(self) -> Answer:
        if self.is_broken("cron"):
            return Answer(255, f"PHP Fatal error:  Uncaught Error: tick in {self._culprit('cron')}:7\n")
        return Answer()

    def _log(self, text: str, mark: str) -> Answer:
        known = re.search(r"^log 0 \S+ (\d+) (\d+)$", text, re.MULTILINE)
        new = self.log[int(known[2]) :] if known else []
        said = "".join(f"{mark} said {line}\n" for line in new)
        return Answer(output=f"{mark} at 0 1 {len(self.log)}\n{said}")

    def visit(self) -> None:
        """A visitor comes: code that dies is logged."""
        if self.is_broken("log"):
            self.log.append(f"PHP Fatal error:  Uncaught Error: boom in {self._culprit('log')}:9")
        self.was_visited |= self.is_broken("requests")

    def _restore_database(self, text: str, mark: str) -> Answer:
        wanted = re.search(r"^wanted='?([a-z ]*)'?", text, re.MULTILINE)
        rule = re.search(r'"rule": ?"([a-z-]*)"', text)
        assert wanted
        assert rule
        state, lines = self.database, []
        if state.impossible:
            return Answer(3, f'{mark} {{"database": "impossible", "why": "{state.impossible}"}}\n')
        if re.search(r"^looks='?1", text, re.MULTILINE):
            if state.spoiled == "options":
                state.spoiled = ""
            if self._host_says():
                return _say(mark, database="not needed")
        for stage in wanted[1].split():
            lost = state.lost.get(stage, {})
            if lost and rule[1] != "always":
                lines.append({"database": "refused", "stage": stage, "lost": lost})
                continue
            tables = ["wp_items"] if stage == "schema" else [f"wp_{stage}"]
            lines.append(
                {"database": "put back", "stage": stage, "tables": tables, "options": 1, "lost": lost}
            )
            if _LEVELS.index(stage) >= _LEVELS.index(state.spoiled):
                state.spoiled = ""
            if self._host_says():
                break
        return Answer(0 if self._host_says() else 1, "".join(f"{mark} {json.dumps(one)}\n" for one in lines))


@lru_cache(maxsize=1000)
def _as_json(facts: SiteFacts) -> str:
    return json.dumps(asdict(facts))


def _say(mark: str, **data: object) -> Answer:
    return Answer(output=f"{mark} {json.dumps(data)}\n")


class FakeProber:
    """A site from outside."""

    def __init__(self, site: FakeSite) -> None:
        self.site = site
        self.calls: list[str] = []
        self.during: dict[str, Callable[[], object]] = {}
        """By method, what happens while it runs."""

    def observe(self, facts: SiteFacts | None = None, sub_sites: Sequence[str] = ()) -> Signals:  # noqa: ARG002
        """See `Prober`."""
        self._call("observe")
        return self._signals()

    def settle(self, first: Signals, *, boots: bool = True) -> Signals:  # noqa: ARG002
        """See `Prober`."""
        self._call("settle")
        return first

    def examine(self, before: Signals, *, patience: float) -> tuple[Signals, tuple[str, ...]]:  # noqa: ARG002
        """See `Prober`."""
        self._call("examine")
        self.site.checks += 1
        now = self._signals(hiccup=self.site.hiccups > 0)
        self.site.hiccups = max(0, self.site.hiccups - 1)
        return now, tuple(compare(before, now))

    def look(self, expected: Expectation, *, pages: Sequence[str] | None = None) -> Look:  # noqa: ARG002
        """See `Prober`."""
        self._call("look")
        return Look(site="shop", at=NOW, pages=self._signals().pages)

    def sample(self, pages: Sequence[str] = ()) -> Mapping[str, tuple[float, ...]]:  # noqa: ARG002
        """See `Prober`."""
        self._call("sample")
        return {"/": (self._seconds,) * 3}

    def fetch(self, url: str) -> WebAnswer | None:  # noqa: ARG002
        """See `Prober`."""
        self._call("fetch")
        return None

    @property
    def _seconds(self) -> float:
        return 5.0 if self.site.is_broken("slower") else 0.2

    def _call(self, name: str) -> None:
        self.calls.append(name)
        self.site.visit()
        if action := self.during.get(name):
            action()

    def _signals(self, *, hiccup: bool = False) -> Signals:
        found = self.site.findings() or (("answers 500",) if hiccup else ())
        self.site.was_bad |= bool(found)
        plain = ("answers 500",) if self.site.stale and self.site.was_bad and not found else found
        if self.site.refuses:
            return Signals(at=NOW, visitors=(self._sight((), seen=Seen.REFUSED, status=401),))
        return Signals(
            at=NOW, visitors=(self._sight(found),), plain=(self._sight(plain),) if self.site.stale else ()
        )

    def _sight(self, findings: tuple[str, ...], *, seen: Seen = Seen.SEEN, status: int = 200) -> PageCheck:
        return PageCheck(
            PageLook(
                page="/",
                url=f"{URL}/",
                status=500 if findings else status,
                seconds=self._seconds,
                size=1000,
                findings=findings,
                seen=seen,
                refusal="the site asks for a password (401)" if seen is Seen.REFUSED else "",
            )
        )


@dataclass(frozen=True, slots=True)
class ItemOptions:
    """Options of the step kind for tests."""

    settles: bool = False
    keeps: bool = False
    guarded: bool = True


class Items(StepKind):
    """Updates items of a fake site. Its scripts are a list of `update ITEM VERSION` and the like."""

    name = "test.items"
    summary = "Updates items of a fake site."
    options = ItemOptions
    sites = frozenset({SiteKind.WORDPRESS})
    facts = True
    rereads = True
    transacts = True
    becomes = False
    versions: ClassVar[str] = "1.1"

    def propose(self, step: Step, facts: SiteFacts) -> tuple[Change, ...]:
        """Update each item that is at 1.0."""
        return tuple(change(one.slug, step=step.id) for one in facts.plugins if one.version == "1.0")

    def script(self, step: Step, context: Context) -> Script | None:
        """One line for each item."""
        pending = context.plan.pending(step.id)
        lines = [f"update {one.item} {one.to_version}" for one in pending]
        return Script(text="\n".join([f"mark {context.mark}", *lines, ""])) if pending else None

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """By what was read again."""
        return verdict(step, result, context, "plugins")

    def idle(self, step: Step, context: Context) -> StepOutcome:
        """Held, or nothing to do."""
        return idle(step, context)

    def guard(self, step: Step, context: Context, tag: str) -> Guard | None:
        """A restore point of the items."""
        options = step.options
        assert isinstance(options, ItemOptions)
        pending = context.plan.pending(step.id)
        if not pending or not options.guarded:
            return None
        items = " ".join(one.item for one in pending)
        return Guard(
            save=Script(text=f"save {tag} {items}\n"),
            undo=Script(text=f"restore {tag} {items}\n"),
            check=Script(text="look\n"),
            keep=Script(text="commit\n") if options.keeps else None,
            settle=Script(text="attach\n") if options.settles else None,
            tidy="tidy",
        )


def change(item: str, *, step: str = "items", action: Action = Action.CHANGE, to: str = "1.1") -> Change:
    """An update of one item from 1.0."""
    return Change(
        step=step,
        item=item,
        kind=ItemKind.PLUGIN,
        from_version="1.0",
        to_version=to,
        action=action,
        title=item.title(),
        file=f"{item}/{item}.php",
        active=True,
        why="held by policy" if action is Action.HOLD else "",
    )


def the_site(**changes: Any) -> Site:
    """The site's entry in the inventory."""
    return replace(Site(name="shop", client="acme", host="web1", url=URL, path=FOLDER), **changes)
