"""Random content of files is loaded, or refused with a readable error."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import UsageError
from runner.load import load_workspace
from runner.load.nodes import Origin, plain
from runner.load.yamlnodes import read_yaml

GOOD = {
    "inventory.yaml": {
        "hosts": {"web1": {"address": "a.example", "port": "22", "password": {"env": "A"}}},
        "clients": {
            "acme": {
                "name": "Acme",
                "timezone": "UTC",
                "contacts": [{"name": "O", "email": "o@a.example"}],
                "report": {"every": "month", "on": "1"},
                "support": {"answer": "1h", "hours": "24/7"},
                "sites": {
                    "shop": {
                        "url": "https://a.example", "host": "web1", "path": "/srv/a", "tags": ["a"],
                        "updates": {"woo": {"minor": {"after": "1d"}}}, "hold": {"woo": {"why": "x"}},
                    }
                },
            }
        },
        "windows": {"w": {"playbook": "p", "day": "tuesday", "at": "02:00", "sites": ["tag:a"]}},
    },
    "sitecrew.yaml": {
        "mail": {"host": "a.example", "from": "a@b.example", "password": {"env": "A"}},
        "policy": {
            "updates": {"core": {"major": "hold"}, "minor": {"after": "1d"}},
            "rings": {"failures": "1%"},
        },
        "backups": {"store": "b"},
        "ledger": "sqlite:///x.db",
    },
    "playbooks/p.yaml": {
        "name": "P",
        "steps": [
            {"backup": {"include": ["files"]}, "timeout": "1m", "tags": ["a"]},
            {"shell": {"run": "x", "env": {"A": {"env": "B"}}}, "when": "tag:a"},
            {"wordpress.plugins": {"update": "all", "except": ["a"]}},
            {"probe.http": None},
        ],
    },
}  # fmt: skip

anything = st.recursive(
    st.none() | st.text(max_size=8) | st.integers() | st.floats() | st.booleans()
    | st.sampled_from(["all", "1h", "2027-01-01", "tag:a", "web1", "*", "[", "shell", "\x1b[0m", "http://["]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | st.sampled_from(
        ["env", "file", "after", "core", "steps", "shell", "name", "path"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def places(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """The paths of all values in a tree."""
    found = [path]
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in entries:
        found += places(child, (*path, key))
    return found


PLACES = [(name, path) for name, tree in GOOD.items() for path in places(tree)]


def changed(tree: object, path: tuple[object, ...], value: object) -> object:
    """Replace the value at a path."""
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = changed(copy[path[0]], path[1:], value)
    return copy


def loaded(files: dict[str, bytes]) -> None:
    """Load a workspace with these files, which may raise only UsageError."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "playbooks").mkdir()
        for file, raw in files.items():
            (folder / file).write_bytes(raw)
        with suppress(UsageError):
            load_workspace(folder, environ=os.environ)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PLACES), anything)
def test_random_value_anywhere_is_loaded_or_refused(place, value):
    file, path = place
    trees = GOOD | {file: changed(GOOD[file], path, value)}
    loaded(
        {
            name: json.dumps(tree, ensure_ascii=False).encode("utf-8", "replace")
            for name, tree in trees.items()
        }
    )


@settings(max_examples=300, deadline=None)
@given(st.text() | st.text("ab:-#&*!|>'\"%@`{}[],?\n\t \\~<1", max_size=60))
def test_random_text_is_parsed_or_refused(text):
    problems = []
    node = read_yaml(text.encode("utf-8", "replace"), "x.yaml", Path(), problems)
    if node is None:
        return
    assert node.line >= 1
    plain(node)


@settings(max_examples=40, deadline=None)
@given(st.binary())
def test_random_bytes_are_loaded_or_refused(raw):
    for name in ("inventory.yaml", "sitecrew.yaml", "playbooks/p.yaml"):
        files = {other: json.dumps(tree).encode() for other, tree in GOOD.items()}
        loaded(files | {name: raw})


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.text(st.characters(exclude_categories=["Cs", "Cc", "Co", "Cn"]), max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text("abc\u00e4", min_size=1, max_size=5), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_values_written_as_json_are_read_back(value):
    problems = []
    node = read_yaml(json.dumps({"x": value}, ensure_ascii=False).encode(), "x.yaml", Path(), problems)
    assert problems == []
    assert node
    assert plain(node) == {"x": value}


def test_nested_aliases_are_refused_before_expansion():
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    names = "abcdefghijklmnop"
    for before, name in pairwise(names):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]")
    problems = []
    assert read_yaml("\n".join(lines).encode(), "x.yaml", Path(), problems) is None
    assert [problem.message for problem in problems] == ["the aliases in this file expand to too many values"]


def test_alias_inside_its_own_anchor_is_refused():
    problems = []
    assert read_yaml(b"a: &a [*a]", "x.yaml", Path(), problems) is None
    assert [problem.message for problem in problems] == ['unknown anchor "&a"']


def test_deep_nesting_is_refused():
    problems = []
    assert read_yaml(b"[" * 100_000, "x.yaml", Path(), problems) is None
    assert [problem.message for problem in problems] == ["nested more than 40 levels deep"]


def test_scalars_keep_their_text():
    problems = []
    text = b"a: 22:30\nb: 1.10\nc: 2026-11-27\nd: yes\ne: 010\nf: ~\ng: ''\nh: '~'\n"
    node = read_yaml(text, "x.yaml", Path(), problems)
    assert node
    assert plain(node) == {
        "a": "22:30", "b": "1.10", "c": "2026-11-27", "d": "yes", "e": "010", "f": None, "g": "", "h": "~",
    }  # fmt: skip


def test_byte_order_mark_is_ignored():
    problems = []
    node = read_yaml(b"\xef\xbb\xbfname: x\n", "x.yaml", Path(), problems)
    assert node
    assert plain(node) == {"name": "x"}


def test_secrets_in_a_shown_line_are_masked():
    origin = Origin(
        "x", Path(), ["a: {password: hunter2}", "url: https://me:pw@x.example", "password: hunter2"]
    )
    assert origin.source(2) == "url: https://*****@x.example"
    assert origin.source(3) == "password: *******"
