"""What is being typed: the words before the cursor, and what the last one should be."""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple

__all__ = ["Wanted", "split", "wanted"]

_WORD = re.compile(r"""(?:[^\s"'\\]|\\.|"[^"]*(?:"|$)|'[^']*(?:'|$))+""")
_QUOTES = re.compile(r"""\\(.)|["']""")


class Wanted(NamedTuple):
    """What the last word should be.

    Attributes:
        kind: what is completed, such as `site`; `option` and `command` for those of `node`.
        word: what is typed of it.
        before: what stands before it in the same word, such as `--limit=`.
        node: the entry of the command in the table.
        arguments: the arguments before it.
        options: values of options, by the first name of the option.
    """

    kind: str | list[str]
    word: str
    before: str
    node: dict[str, Any]
    arguments: list[str]
    options: dict[str, list[str]]


def split(line: str) -> tuple[list[str], str]:
    """Split a command line at the cursor into the words after the program's name and the unfinished one."""
    words = [_QUOTES.sub(lambda found: found[1] or "", word) for word in _WORD.findall(line)]
    if not words or line[-1:].isspace():
        words.append("")
    names = [os.path.basename(word) for word in words[:-1]]  # noqa: PTH119  # pathlib is slow to import
    first = names.index("sitecrew") + 1 if "sitecrew" in names else 1
    return words[first:-1], words[-1]


def wanted(table: dict[str, Any], words: list[str], word: str) -> Wanted | None:
    """Return what `word` should be after `words`; None if that is unknown."""
    found = Wanted("", word, "", table, [], {})
    pending: list[Any] | None = None
    plain = False
    for typed in words:
        if pending:
            found.options.setdefault(pending[0][0], []).append(typed)
            pending = None
        elif typed == "--" and not plain:
            plain = True
        elif typed.startswith("-") and len(typed) > 1 and not plain:
            name, equals, value = typed.partition("=")
            option = _option(found.node, name)
            if option and option[1] and equals:
                found.options.setdefault(option[0][0], []).append(value)
            elif option and option[1]:
                pending = option
        elif "commands" in found.node:
            if typed not in found.node["commands"]:
                return None
            found = found._replace(node=found.node["commands"][typed])
        else:
            found.arguments.append(typed)
    return _last(found, pending, plain=plain)


def _last(found: Wanted, pending: list[Any] | None, *, plain: bool) -> Wanted:
    """Decide what the last word is: an option, its value, a command or an argument."""
    word = found.word
    if pending:
        return found._replace(kind=pending[1])
    if word.startswith("-") and not plain:
        name, equals, value = word.partition("=")
        option = _option(found.node, name) if equals else None
        if option and option[1]:
            return found._replace(kind=option[1], word=value, before=f"{name}=")
        return found._replace(kind="option")
    if "commands" in found.node:
        return found._replace(kind="command")
    arguments = found.node.get("arguments", [])
    number = len(found.arguments)
    if number >= len(arguments) and arguments and arguments[-1][1]:
        number = len(arguments) - 1
    return found._replace(kind=arguments[number][0] if number < len(arguments) else "")


def _option(node: dict[str, Any], name: str) -> list[Any] | None:
    return next((option for option in node.get("options", ()) if name in option[0]), None)
