from __future__ import annotations

import json
from dataclasses import MISSING, fields, is_dataclass

import pytest

from runner.errors import HostError
from runner.model import CoreOffer, Extension, SiteFacts
from runner.model.facts import LogMark, SubSite, Translation
from runner.shell import word
from runner.steps.wordpress.facts import parse_facts
from runner.steps.wordpress.fatal import fatal_error

MARK = "m4rk"
DATA = {
    "wordpress": "6.5.5",
    "php": "8.2.1",
    "home": "http://x.example",
    "siteurl": "http://x.example",
    "plugins": [
        {
            "slug": "woo",
            "title": "W\u001b[31moo\n",
            "version": "1.0",
            "offered": "1.1",
            "package": "",
            "new": 1,
        }
    ],
    "themes": [],
    "core_offers": [{"version": "6.5.6", "package": "https://x.example/p", "requires_php": "7.4"}],
    "plugins_checked": True,
    "unwritable": ["plugins"],
    "something_newer": {"unknown": "to us"},
}
DEAD = "WordPress does not start, even without its plugins and themes"
LINE = f"{MARK} {json.dumps(DATA)}"


@pytest.mark.parametrize(
    "output",
    [
        f"\n{LINE}\n",
        f"Warning: something\nno newline at its end\n{LINE}\nshutdown noise",
        f'other {{"wordpress": "9"}}\n{MARK} {{broken\n{MARK} {{"not": "facts"}}\n{LINE}\n',
        f"\r\n{LINE}\r\n",
    ],
)
def test_facts_are_found_among_plugin_output(output):
    facts = parse_facts(output, MARK)
    assert facts.wordpress == "6.5.5"
    assert facts.plugins[0].title == "Woo"
    assert facts.plugins[0].package == ""
    assert facts.core_offers[0].requires_php == "7.4"
    assert facts.unwritable == ("plugins",)
    assert (facts.plugins_checked, facts.core_checked, facts.crippled) == (True, False, "")


def test_site_without_plugins_is_marked_crippled():
    first = (
        "PHP Fatal error:  Uncaught Error: Call to undefined function boom() in "
        "/srv/it's here/wp-content/plugins/woo/woo.php:12\n"
        "Stack trace:\n#0 {main}\n  thrown in /srv/x.php on line 12\n"
        "Error: There has been a critical error on this website.\n"
    )
    facts = parse_facts(f"{first}\n{MARK} again\n\n{LINE}\n", MARK)
    assert facts.crippled.startswith("Uncaught Error: Call to undefined function boom() in")
    silent = parse_facts(f"\n{MARK} again\n\n{LINE}\n", MARK)
    assert silent.crippled == "WordPress exited without any output"


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (f"\n{MARK} problem no-folder\n", "the site's folder does not exist on the host"),
        (f"\n{MARK} problem no-php\n", "no command-line PHP found on the host"),
        (f"\n{MARK} problem no-wp\n", "wp-cli not found on the host"),
        ("Error: 'wp-config.php' not found.", "wp-config.php is missing"),
        (
            "Error: This does not seem to be a WordPress installation.",
            "no WordPress in the site's folder",
        ),
        ("Error: Error establishing a database connection.", "the database does not answer"),
        (
            "Error: YIKES! It looks like you're running this as root.",
            "the login is root, and wp-cli does not run as root",
        ),
        (
            'PHP Fatal error:  Uncaught Error: Class "Redis" not found in /srv/wp-content/object-cache.php:9',
            "PHP on the command line lacks redis, which the site's object cache needs",
        ),
        (
            f"one ./wp-config.php\n{MARK} boot\nno cache\n{MARK} again\nno cache\n",
            f"{DEAD}: WordPress exited without an error message; it printed: no cache no cache",
        ),
        (
            "Fatal error: Uncaught Error: no in /srv/wp-content/mu-plugins/a.php:1",
            f"{DEAD}: Uncaught Error: no in wp-content/mu-plugins/a.php:1",
        ),
    ],
)
def test_unreadable_site_gives_a_reason(output, message):
    with pytest.raises(HostError) as caught:
        parse_facts(output, MARK)
    assert str(caught.value) == message
    assert caught.value.hint


def test_fatal_error_is_one_short_line():
    parse = (
        'Parse error: syntax error, unexpected token "echo" in /a b/wp-content/plugins/x/x.php on line 9\n'
    )
    assert fatal_error(parse) == 'syntax error, unexpected token "echo" in wp-content/plugins/x/x.php:9'
    assert fatal_error("all is well") == ""


LISTS = {
    "plugins": Extension,
    "themes": Extension,
    "core_offers": CoreOffer,
    "translations": Translation,
    "network": SubSite,
    "logs": LogMark,
}
SAMPLES = {"url": "http://x.example", "path": "/srv/x", "type": "plugin", "language": "de_DE", "package": ""}


def texts_of(value):
    """Every text in the facts, at any depth."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple):
        return [text for one in value for text in texts_of(one)]
    return (
        [text for f in fields(value) for text in texts_of(getattr(value, f.name))]
        if is_dataclass(value)
        else []
    )


def data_with(family, name, value):
    """Facts with this value in the field `name`, of the facts themselves or of an entry of a list."""
    if not family:
        return {**DATA, name: value}
    entry = {
        f.name: SAMPLES.get(f.name, "1") if f.type == "str" else 1
        for f in fields(LISTS[family])
        if f.default is MISSING
    }
    return {**DATA, family: [{**entry, name: value}]}


FIELDS = [
    (family, f.name)
    for family, kind in [("", SiteFacts), *LISTS.items()]
    for f in fields(kind)
    if f.type in {"str", "str | None", "tuple[str, ...]"}
]


@pytest.mark.parametrize(("family", "name"), FIELDS)
def test_no_field_contains_control_characters(family, name):
    several = {f.name for f in fields(LISTS.get(family, SiteFacts)) if f.type == "tuple[str, ...]"}
    for odd in ("\0", "\1", "\n", "\t", "\r", "\x1b[31m", "\x7f", "\x85", "\u2028", "\u202e", "\ud800"):
        for text in (f"/srv/a{odd}b", f"{odd}1.0", f"1.0{odd}", f"http://x.example/{odd}", odd):
            data = data_with(family, name, [text] if name in several else text)
            try:
                facts = parse_facts(f"\n{MARK} {json.dumps(data)}\n", MARK)
            except HostError:
                continue
            for found in texts_of(facts):
                assert found.isprintable(), (text, found)
                word(found)


@pytest.mark.parametrize("family", LISTS)
def test_entries_of_these_tests_are_valid_facts(family):
    facts = parse_facts(f"\n{MARK} {json.dumps(data_with(family, 'more', ''))}\n", MARK)
    assert (len(getattr(facts, family)), facts.odd) == (1, ())
