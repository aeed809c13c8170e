"""Hostile output instead of our programs' lines gives a result or an error of ours, in bounded time."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from pathlib import Path

import pytest

from runner.errors import HostError
from runner.model import Action, Change, Extension, ItemKind, LogMark, SiteFacts, SitePlan, Step
from runner.steps import Context, Result, registry
from runner.steps.wordpress import parse_facts
from runner.steps.wordpress.database_undo import parse_database
from runner.steps.wordpress.errorlog import parse_log
from runner.steps.wordpress.fatal import fatal_error
from runner.steps.wordpress.regressions import damage, half_done
from tests.fuzz import endure, hostile
from tests.steps.wordpress_sites import understand

MARK = "m4rk7f3a"
COUNT = 10_000
FATAL = "PHP Fatal error:  Uncaught Error: no in /srv/a b/wp-content/plugins/x/x.php:12\nStack trace:\n"
FACTS = {
    "wordpress": "6.5.5", "php": "8.2.1", "home": "http://x.example", "siteurl": "http://x.example",
    "root": "/srv/x/", "content": "/srv/x/wp-content", "disk_free": 7, "unwritable": ["root"],
    "plugins": [
        {"slug": "a", "title": "A", "version": "1.0", "file": "a/a.php", "offered": "1.1", "package": ""},
    ],
    "core_offers": [{"version": "6.5.6", "package": "https://x.example/p.zip"}],
    "translations": [{"type": "core", "slug": "default", "language": "de_DE"}],
    "network": [{"id": 1, "url": "http://x.example"}],
    "logs": [{"path": "/srv/x/log", "inode": 7, "size": 9}],
}  # fmt: skip
CHANGE = Change(
    step="s", item="a", kind=ItemKind.PLUGIN, from_version="1", to_version="2", action=Action.CHANGE
)
SITE = SiteFacts(
    wordpress="6", php="8", home="", siteurl="", root="/srv/x/",
    plugins=(Extension(slug="a", title="", version="1"),),
)  # fmt: skip


def line(data: object) -> bytes:
    return f"\n{MARK} {json.dumps(data)}\n".encode()


def text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def judged(output: bytes) -> object:
    word = registry()["wordpress.plugins"]
    plan = SitePlan(site="x", client="c", changes=(CHANGE,))
    context = Context(site=None, host=None, plan=plan, mark=MARK, before=SITE, after=SITE)
    step = Step(id="s", kind="wordpress.plugins", options=word.options())
    return word.understand(step, Result(status=1, seconds=1, output=text(output)), context)


EVENTS = line({"events": [[1, "http://x", "hook", True]], "overdue": [[1, "http://x", "h", 9]], "sites": 2})
RUN = (
    f"\n{MARK} run 1 hook\n".encode()
    + line({"hook": "hook", "state": "done"})
    + f"\n{MARK} ended 0\n".encode()
)
ITEMS = line({"item": "a", "state": "failed", "version": "2", "why": "no"})
DATABASE = line({"database": "put back", "stage": "all", "tables": ["t"], "options": 3, "lost": {"posts": 2}})
LOG = f"{MARK} root /srv/x\n{MARK} at 0 7 9\n{MARK} said {FATAL}".encode()
PARSERS = {
    "facts": (
        lambda d: parse_facts(text(d), MARK),
        (line(FACTS), f"{MARK} again\n".encode(), FATAL.encode()),
    ),
    "cron": (lambda d: understand("wordpress.cron", text(d), run=("hook",)), (EVENTS, EVENTS + RUN, RUN)),
    "maintenance": (
        lambda d: understand("wordpress.maintenance", text(d)),
        (f"\n{MARK} closed 1764172800\n".encode(), f"\n{MARK} problem no-php\n".encode()),
    ),
    "items": (judged, (ITEMS, ITEMS + FATAL.encode())),
    "damage": (lambda d: half_done(SITE, SITE, text(d), MARK), (ITEMS,)),
    "database": (
        lambda d: parse_database(text(d), MARK),
        (DATABASE, line({"database": "saved", "bytes": 9})),
    ),
    "log": (lambda d: parse_log(text(d), MARK, [LogMark("/srv/x/log", 7, 9)], SITE), (LOG,)),
    "fatal": (lambda d: fatal_error(text(d)), (FATAL.encode(),)),
}


@pytest.mark.parametrize("name", PARSERS)
def test_parsers_survive_hostile_output(name):
    parse, corpus = PARSERS[name]
    endure(parse, hostile(corpus, COUNT))


ODD = (
    None,
    True,
    -1,
    10**30,
    1.5,
    "",
    "../..",
    "/etc/../x",
    "a\nb",
    "\x1b[2J",
    "$(id)",
    [],
    [[]],
    {},
    {"a": []},
)


@pytest.mark.parametrize("field", FACTS)
@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_field_of_wrong_type_is_rejected_or_harmless(field, odd):
    try:
        facts = parse_facts(text(line({**FACTS, field: odd})), MARK)
    except HostError:
        return
    value = getattr(facts, field)
    assert isinstance(value, str | tuple | int | None)
    assert not isinstance(value, str) or (value.isprintable() and ".." not in value)


@pytest.mark.parametrize("field", ["slug", "version", "file", "folder", "offered", "package"])
@pytest.mark.parametrize("odd", ["../x", "$(id)", "a b;c", "x\ny", "-", "/etc/../passwd", "..", "x" * 3000])
def test_item_with_unusable_name_is_held(field, odd):
    if field == "slug" and odd == "-":
        return
    plugins = [{**FACTS["plugins"][0], field: odd}, {"slug": "good", "title": "Good", "version": "1.0"}]
    facts = parse_facts(text(line({**FACTS, "plugins": plugins})), MARK)
    assert facts.plugins[-1].slug == "good"
    if len(facts.plugins) == 1:
        assert facts.odd[0].startswith("plugins: `")
        word = registry()["wordpress.plugins"]
        step = Step(id="s", kind="wordpress.plugins", options=word.options())
        held = [change for change in word.propose(step, facts) if change.action is Action.HOLD]
        assert held[0].item == "plugins"
        assert held[0].why.startswith("not managed: `")
    else:
        assert odd == "-"


@pytest.mark.parametrize("field", ["root", "content", "plugins_folder", "home", "wordpress"])
def test_unusable_folder_or_address_is_an_error(field):
    with pytest.raises(HostError, match=r"reports an unusable value: `/srv/x/\.\./y`") as caught:
        parse_facts(text(line({**FACTS, field: "/srv/x/../y"})), MARK)
    assert caught.value.hint


def test_too_many_items_are_rejected():
    many = [{"slug": f"p{n}", "title": "", "version": "1"} for n in range(501)]
    with pytest.raises(HostError):
        parse_facts(text(line({**FACTS, "plugins": many})), MARK)


def test_24_kilobytes_of_errors_are_parsed_quickly():
    bomb = ("Fatal error: " + " in /x " * 3) * 1000 + " in " * 6000
    started = time.process_time()
    fatal_error(bomb)
    with pytest.raises(HostError):
        parse_facts(bomb, MARK)
    assert time.process_time() - started < 0.5


PATTERN_TEXTS = (
    "Fatal error: ", "Fatal error: x in /", " in /a", "Fatal error: x in /a:1", " ", "a", "/", "wp-content/",
    f"{MARK} run 1 a\n", f"\n{MARK} problem a-", "0", "Error: ", f"{MARK} {{", f'{MARK} {{"a":[', "\n",
)  # fmt: skip


@pytest.mark.parametrize("piece", PATTERN_TEXTS, ids=repr)
def test_parsers_take_linear_time(piece):
    def took(parse, size):
        data = (piece * (size // len(piece))).encode()
        started = time.process_time()
        with suppress(HostError):
            parse(data)
        return time.process_time() - started

    for name, (parse, _) in PARSERS.items():
        small, large = (min(took(parse, size) for _ in range(2)) for size in (64 << 10, 256 << 10))
        assert large < max(12 * small, 0.25), f"{name}: {small:.3f} s, then {large:.3f} s"


def test_no_pattern_backtracks():
    """A pattern backtracks if two adjacent unbounded repeats match the same character."""
    folder = Path("runner/steps/wordpress")
    twice = re.compile(r"\\S[*+][?]?\\S[*+]|\.[*+][?]?\\s[*+]|\\s[*+]\.[*+]|\.[*+][?]?\.[*+]")
    for file in folder.glob("*.py"):
        for number, source in enumerate(file.read_text().splitlines(), 1):
            assert not twice.search(source), f"{file.name}:{number}: {source.strip()}"


def test_regressions_of_large_sites_are_found_quickly():
    many = tuple(Extension(slug=f"p{n}", title="", version="1", active=True) for n in range(500))
    before = SiteFacts(wordpress="6", php="8", home="", siteurl="", plugins=many)
    after = SiteFacts(wordpress="6", php="8", home="", siteurl="")
    assert damage(before, after).startswith("no longer there: p0")
