"""Parsing of YAML text to a tree of values with their positions.

The tree is built from the parser's events, because PyYAML's `compose` recurses in C and crashes the process
on deeply nested input. Scalars stay text, so that `22:30` remains a time and `1.10` a version.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from runner.load.nodes import Node, Origin, Problems
from runner.load.text import joined, names_a_secret, quoted

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

__all__ = ["read_at_most", "read_yaml"]

_LARGEST = 16 * 2**20
_DEEPEST = 40
_MOST_NODES = 250_000
"""Values in a file; ten thousand sites have fewer."""
_TOO_DEEP = f"nested more than {_DEEPEST} levels deep"
_MOST_ALIASED = 100_000
"""Nodes that all aliases may expand to; a few lines of nested aliases can expand to billions."""
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_ODD_INDENT = re.compile("[ \t]*[\xa0\u2000-\u200b\u202f\u3000]")
_PLAIN_SPACES = "indent with spaces"
_BYTE_ORDER_MARK = "\ufeff"


def read_at_most(source: Traversable) -> bytes:
    """Read a file, but not much more than the maximum size, so that `read_yaml` can refuse it.

    Raises OSError if it is not a regular file, since others may be endless.
    """
    if not source.is_file():
        exists = isinstance(source, Path) and source.exists()
        code, reason = (
            (errno.EINVAL, "not a regular file") if exists else (errno.ENOENT, os.strerror(errno.ENOENT))
        )
        raise OSError(code, reason)
    with source.open("rb") as file:
        return file.read(_LARGEST + 1)


def read_yaml(raw: bytes, name: str, base: Path, problems: Problems) -> Node | None:
    """Parse one YAML document; None if it is empty, or if it is invalid and `problems` says why."""
    origin = Origin(name, base)
    text = _decode(raw, origin, problems)
    if text is None:
        return None
    builder = _Builder(origin, problems)
    before = len(problems)
    root = builder.build(text)
    return root if len(problems) == before or builder.usable else None


def _decode(raw: bytes, origin: Origin, problems: Problems) -> str | None:
    from yaml.reader import Reader

    if len(raw) > _LARGEST:
        problems.append(origin.problem(1, 1, "", f"the file is larger than {_LARGEST // 2**20} MiB"))
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "save the file as UTF-8"
        if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            problems.append(origin.problem(1, 1, "", "the file is UTF-16", hint))
            return None
        before = _BREAK.split(raw[: error.start].decode("utf-8-sig", "replace"))
        origin.lines = _BREAK.split(raw.decode("utf-8", "replace"))
        problems.append(origin.problem(len(before), len(before[-1]) + 1, "", "invalid UTF-8", hint))
        return None
    origin.lines = _BREAK.split(text)
    found = Reader.NON_PRINTABLE.search(text.replace(_BYTE_ORDER_MARK, "\0"))
    if found:
        before = _BREAK.split(text[: found.start()])
        message = f"unexpected control character (U+{ord(text[found.start()]):04X})"
        hint = "delete it, or save the file as UTF-8"
        problems.append(origin.problem(len(before), len(before[-1]) + 1, "", message, hint))
        return None
    return text


class _Refused(Exception):  # noqa: N818
    """Stops reading; the problem has already been added."""


class _Builder:
    """Builds nodes from events. Reading continues after problems like duplicate keys; `usable` stays true."""

    def __init__(self, origin: Origin, problems: Problems) -> None:
        self.origin = origin
        self.problems = problems
        self.anchors: dict[str, Node] = {}
        self.aliased = 0
        self.nodes = 0
        self.path: list[str | int] = []
        self.usable = True
        self.quote: tuple[int, int, int] | None = None
        """Start line, start column and end line of the last quoted text that spans several lines."""

    def build(self, text: str) -> Node | None:
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            return self._document(yaml.parse(text, Loader=loader))
        except yaml.MarkedYAMLError as error:
            self._syntax(error)
        except yaml.reader.ReaderError as error:
            self._add_problem(1, 1, f"cannot be read: {error.reason}")
        except _Refused:
            pass
        self.usable = False
        return None

    def _add_problem(self, line: int, column: int, message: str, hint: str = "", path: str = "") -> None:
        self.problems.append(self.origin.problem(line, column, path, message, hint))

    def _refuse(self, event: object, message: str, hint: str = "") -> _Refused:
        line, column = _start(event)
        self._add_problem(line, column, message, hint)
        return _Refused()

    def _syntax(self, error: object) -> None:
        problem = str(getattr(error, "problem", "") or "is not YAML")
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        if "end of stream" in problem:
            mark = getattr(error, "context_mark", None) or mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        line = min(line, len(self.origin.lines)) or 1
        text = self.origin.lines[line - 1] if self.origin.lines else ""
        message, hint = _explain(problem, text, column)
        if self.quote and self.quote[2] == line:
            line, column, end = self.quote
            message, hint = f"the quote that starts here ends on line {end}", "close it on the same line"
        for above in range(line, max(0, line - 3), -1):
            if odd := _ODD_INDENT.match(self.origin.lines[above - 1]):
                line, column, message, hint = above, odd.end(), _odd_space(odd), _PLAIN_SPACES
        self._add_problem(line, column, message, hint)

    def _document(self, events: Iterator[object]) -> Node | None:
        root: Node | None = None
        seen = False
        for event in events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                if seen:
                    raise self._refuse(event, "a second document starts here", "use one file per document")
                seen = True
            elif kind not in {"StreamStartEvent", "StreamEndEvent", "DocumentEndEvent"}:
                root = self._node(event, events, 0)
        empty = root is not None and root.value is None
        return None if empty else root

    def _node(self, event: object, events: Iterator[object], depth: int) -> Node:
        kind = type(event).__name__
        if kind == "AliasEvent":
            return self._alias(event)
        line, column = _start(event)
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise self._refuse(
                event, f"tags like {quoted(tag)} are not allowed", "write the value without a tag"
            )
        if depth > _DEEPEST:
            raise self._refuse(event, _TOO_DEEP)
        self.nodes += 1
        if self.nodes > _MOST_NODES:
            raise self._refuse(
                event, f"the file has more than {_MOST_NODES} values", "split it or use aliases less"
            )
        if kind == "ScalarEvent":
            node = Node(self.origin, line, column, _scalar(event), end=_end(event))
            if getattr(event, "style", None) in {"'", '"'} and _end(event)[0] > line:
                self.quote = line, column, _end(event)[0]
        elif kind == "SequenceStartEvent":
            children: list[Node] = []
            while type(child := next(events)).__name__ != "SequenceEndEvent":
                self.path.append(len(children))
                children.append(self._node(child, events, depth + 1))
                self.path.pop()
            node = Node(self.origin, line, column, children)
        else:
            node = self._mapping(event, events, depth)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self.anchors[anchor] = node
        return node

    def _mapping(self, event: object, events: Iterator[object], depth: int) -> Node:
        line, column = _start(event)
        values: dict[str, Node] = {}
        node = Node(self.origin, line, column, values)
        merged: list[Node] = []
        while type(key_event := next(events)).__name__ != "MappingEndEvent":
            key = self._key(key_event)
            key_line, key_column = _start(key_event)
            self.path.append(key)
            child = self._node(next(events), events, depth + 1)
            where = joined("", *self.path)
            self.path.pop()
            if key == "<<" and not getattr(key_event, "style", None):
                merged += self._merge(child)
                continue
            if key in values:
                first = node.keys[key][0]
                message = f"duplicate key {quoted(key)}, first on line {first}"
                self._add_problem(key_line, key_column, message, "remove one of the two", where)
                continue
            values[key] = child
            node.keys[key] = key_line, key_column
            if names_a_secret(key) or (key == "env" and isinstance(child.value, dict)):
                self.origin.hide(child)
        for source in merged:
            for key, child in source.items():
                if key not in values:
                    values[key] = child
                    node.keys[key] = source.keys[key]
        return node

    def _key(self, event: object) -> str:
        value = getattr(event, "value", None)
        if type(event).__name__ != "ScalarEvent" or not isinstance(value, str):
            line, column = _start(event)
            if self.origin.lines[line - 1][column - 2 : column] == "{{":
                raise self._refuse(event, "templates are not supported here", "write the value itself")
            raise self._refuse(event, "a key must be plain text", "put the key in quotes")
        if odd := _ODD_INDENT.match(value):
            raise self._refuse(event, _odd_space(odd), _PLAIN_SPACES)
        if getattr(event, "tag", None) is not None:
            raise self._refuse(event, "tags on keys are not allowed", "write the key without a tag")
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self.anchors[anchor] = Node(self.origin, *_start(event), _scalar(event), end=_end(event))
        return value

    def _merge(self, node: Node) -> list[Node]:
        sources = node.entries() or [node]
        for source in sources:
            if not isinstance(source.value, dict):
                self.problems.append(source.problem("<<", "only a mapping can be merged", "<<: *name"))
        return [source for source in sources if isinstance(source.value, dict)]

    def _alias(self, event: object) -> Node:
        name = getattr(event, "anchor", "")
        node = self.anchors.get(name)
        if node is None:
            raise self._refuse(event, f"unknown anchor {quoted('&' + name)}", "define it above this line")
        self.aliased += _size(node, _MOST_ALIASED - self.aliased)
        if self.aliased > _MOST_ALIASED:
            raise self._refuse(
                event, "the aliases in this file expand to too many values", "use fewer aliases"
            )
        line, column = _start(event)
        return Node(self.origin, line, column, node.value, node.keys, _end(event))


def _size(node: Node, limit: int) -> int:
    """Count a node and those below it, up to a little over `limit`."""
    count, waiting = 0, [node]
    while waiting and count <= limit:
        value = waiting.pop().value
        count += 1
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return count


def _scalar(event: object) -> str | None:
    value: str = getattr(event, "value", "")
    plain_style = not getattr(event, "style", None)
    return None if plain_style and value in _NULLS else value


def _start(event: object) -> tuple[int, int]:
    mark = getattr(event, "start_mark", None)
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _end(event: object) -> tuple[int, int]:
    mark = getattr(event, "end_mark", None)
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _odd_space(found: re.Match[str]) -> str:
    return f"special space (U+{ord(found[0][-1]):04X}) in the indentation"


def _explain(problem: str, line: str, column: int) -> tuple[str, str]:
    """Translate a message of the parser, and add a hint."""
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent or line[column - 1 : column] == "\t":
        return "a tab where only spaces are allowed", _PLAIN_SPACES
    known = {
        "mapping values are not allowed": (
            "a second `key:` on one line, or wrong indentation",
            "quote text that contains `: `, and align the keys",
        ),
        "did not find expected key": ("wrong indentation, or an extra quote or bracket", "align the keys"),
        "did not find expected '-' indicator": ("wrong indentation in a list", "align the dashes"),
        "could not find expected ':'": ("a `:` is missing", "write `key: value`"),
        "found unexpected end of stream": ("the quote is not closed", "close it"),
        "did not find expected ',' or": (
            "unclosed bracket or missing comma before this",
            "close the bracket, or add the comma",
        ),
        "cannot start any token": ("a value cannot start with this character", "put the value in quotes"),
        "exceeded maximum nesting depth": (_TOO_DEEP, ""),
        "found unknown escape character": ("unknown escape sequence", "use single quotes"),
    }
    for words, answer in known.items():
        if words in problem:
            return answer
    return f"is not YAML: {problem}", ""
