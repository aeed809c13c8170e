"""Parsers for the values in files. Pure; an invalid value raises `Wrong`, which says how to write it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import TypeVar

from runner.load.text import closest, quoted
from runner.model import Approve, Level, OnFailure, SecretRef, SecretSource

__all__ = [
    "SECRET_FORMS",
    "Wrong",
    "after_failure",
    "approve",
    "become",
    "boolean",
    "checksum",
    "choice",
    "color",
    "described",
    "item",
    "language",
    "line",
    "name",
    "number",
    "one_of",
    "percent",
    "scalar",
    "secret",
    "selector",
    "step_become",
    "tag",
    "text",
    "whole",
]

SECRET_FORMS = "write {env: NAME}, {file: PATH} or {command: CMD}"  # noqa: S105

E = TypeVar("E", bound=StrEnum)


class Wrong(ValueError):  # noqa: N818
    """An invalid value. The message starts with the value; the hint says how to write it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def described(value: object) -> str:
    """Describe the type of a value for a message: a list, a mapping, text or nothing."""
    if value is None:
        return "nothing"
    return "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else "text"


def scalar(value: object, wanted: str) -> str:
    """Return the text of a scalar; `wanted` describes it in the message if the value is not a scalar."""
    if not isinstance(value, str):
        raise Wrong(f"expected {wanted}, found {described(value)}")
    return value


def text(value: object) -> str:
    """Parse text, which may contain line breaks and tabs."""
    found = scalar(value, "text")
    if any(not c.isprintable() and c not in "\n\t" for c in found):
        raise Wrong("the text contains control characters", "delete them")
    return found


def line(value: object) -> str:
    """Parse one line of text, not empty."""
    found = scalar(value, "text")
    if not found.strip():
        raise Wrong("expected text, found an empty string")
    if not found.isprintable():
        raise Wrong(f"{quoted(found)} contains control characters or line breaks", "write it on one line")
    return found


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def name(value: object) -> str:
    """Parse a name as used in commands, ids and file names."""
    found = scalar(value, "a name")
    if not _NAME.fullmatch(found) or found == "all":
        why = "is reserved" if found == "all" else "cannot be a name"
        raise Wrong(f"{quoted(found)} {why}", "letters, digits, dots, dashes and underscores, at most 63")
    return found


_RETIRED = re.compile(r"@\d{4}-\d\d-\d\d(?:-\d{1,4})?$")


def former_name(value: object) -> str:
    """Parse a previous name, with or without the date suffix of a name that is now used by another site."""
    found = scalar(value, "a name")
    name(_RETIRED.sub("", found))
    return found


_TAG = re.compile(r"\w[\w.-]*")


def tag(value: object) -> str:
    """Parse a tag, which has no spaces, colons or commas."""
    found = scalar(value, "a tag")
    if not _TAG.fullmatch(found):
        parts = re.split(r"[,\s]+", found.strip())
        several = len(parts) > 1 and all(_TAG.fullmatch(part) for part in parts)
        hint = f"try [{', '.join(parts)}]" if several else "letters, digits, dots, dashes and underscores"
        raise Wrong(f"{quoted(found)} is not a tag", hint)
    return found


def item(value: object) -> str:
    """Parse the slug of a plugin or theme, or `core`."""
    found = scalar(value, "a plugin or theme")
    if not re.fullmatch(r"\w[\w.+-]*", found):
        raise Wrong(f"{quoted(found)} is not a plugin or theme", "the name of its folder, like woocommerce")
    return found


def boolean(value: object) -> bool:
    """Parse `true` or `false`, or one of the other words of YAML 1.1."""
    found = scalar(value, "true or false")
    if found.lower() in {"true", "yes", "on"}:
        return True
    if found.lower() in {"false", "no", "off"}:
        return False
    raise Wrong(f"{quoted(found)} is not true or false")


def step_become(value: object) -> bool:
    """Parse `become` of a step, which is easily confused with that of a host."""
    if value in ("sudo", "root"):
        raise Wrong(
            f"{quoted(str(value))} is not true or false", "write true here, and become: sudo at the host"
        )
    return boolean(value)


def approve(value: object) -> Approve:
    """Parse `all`, `majors`, `none`, a selector or a list of selectors."""
    listed = value if isinstance(value, list) else [value]
    if not listed:
        raise Wrong("the list is empty", "write none, or delete the key")
    found = tuple(map(line, listed))
    words = {"majors": Approve(majors=True), "none": Approve()}
    if len(found) == 1 and found[0] in words:
        return words[found[0]]
    if len(found) == 1 and found[0] in set(Level):
        raise Wrong(f"{quoted(found[0])} is not one of all, majors, none", "for major updates: majors")
    if word := next((one for one in found if one in words), ""):
        raise Wrong(
            f"{word} cannot be combined with selectors", "write one of all, majors, none, or selectors"
        )
    return Approve(sites=found)


def selector(value: object) -> str:
    """Parse a selector, which is a single text."""
    if isinstance(value, list) and value and all(isinstance(entry, str) for entry in value):
        raise Wrong("expected text, found a list", f"separate by commas: {','.join(value)}")
    return line(value)


def whole(lowest: int | None = None, highest: int | None = None) -> Callable[[object], int]:
    """Return a parser for a whole number within limits."""

    def parse(value: object) -> int:
        found = scalar(value, "a whole number")
        if not re.fullmatch(r"[-+]?[0-9]{1,15}", found):
            raise Wrong(f"{quoted(found)} is not a whole number", _as_whole(found))
        number_ = int(found)
        if lowest is not None and number_ < lowest:
            raise Wrong(f"{number_} is too small", f"at least {lowest}")
        if highest is not None and number_ > highest:
            raise Wrong(f"{number_} is too large", f"at most {highest}")
        return number_

    return parse


def _as_whole(found: str) -> str:
    """Hint for a whole number in another notation."""
    for base in (0, 10):
        with suppress(ValueError):
            return f"try {int(found.removesuffix('.0'), base)}"
    return ""


def number(value: object) -> float:
    """Parse a number with or without decimals."""
    found = scalar(value, "a number")
    if not re.fullmatch(r"[-+]?[0-9]{1,15}(\.[0-9]{1,15})?", found):
        raise Wrong(f"{quoted(found)} is not a number")
    return float(found)


def percent(value: object) -> float:
    """Parse a percentage like `10%` to a share from 0 to 1."""
    found = scalar(value, "a percentage")
    match = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)\s?%", found)
    if match and float(match[1]) <= 100:  # noqa: PLR2004
        return float(match[1]) / 100
    share = re.fullmatch(r"0?\.[0-9]{1,6}", found)
    bare = re.fullmatch(r"[0-9]{1,2}|100", found)
    hint = f"try {float(found) * 100:g}%" if share else f"try {found}%" if bare else "from 0% to 100%"
    raise Wrong(f"{quoted(found)} is not a percentage", hint)


def one_of(words: Sequence[str]) -> Callable[[object], str]:
    """Return a parser for one of several words."""

    def parse(value: object) -> str:
        listed = ", ".join(words)
        found = scalar(value, f"one of {listed}")
        if found not in words:
            hint = closest(found, words)
            raise Wrong(f"{quoted(found)} is not one of {listed}", hint if hint.startswith("did") else "")
        return found

    return parse


def choice(kind: type[E]) -> Callable[[object], E]:
    """Return a parser for a member of an enum by its value."""
    word = one_of([member.value for member in kind])
    return lambda value: kind(word(value))


def after_failure(value: object) -> OnFailure:
    """Parse `on_failure` of a step."""
    if value == OnFailure.UNDO:
        raise Wrong("undo is not supported by this version", "stop or continue")
    return OnFailure(one_of([OnFailure.STOP, OnFailure.CONTINUE])(value))


def language(value: object) -> str:
    """Parse a language tag: `de`, `de-AT`."""
    found = scalar(value, "a language")
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", found):
        changed = found.replace("_", "-").partition(".")[0]
        good = re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", changed)
        raise Wrong(f"{quoted(found)} is not a language", f"try {changed}" if good else "like de or pt-BR")
    return found


def become(value: object) -> str:
    """Parse `become` of a host."""
    if value != "sudo":
        found = quoted(value) if isinstance(value, str) else described(value)
        raise Wrong(f"{found} is not a way to become root", "try sudo")
    return "sudo"


def color(value: object) -> str:
    """Parse a color: `#0b6b57`."""
    found = scalar(value, "a color")
    if not re.fullmatch(r"#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})", found):
        raise Wrong(f"{quoted(found)} is not a color", 'like "#0b6b57", in quotes')
    return found


def checksum(value: object) -> str:
    """Parse a SHA-512 in hexadecimal."""
    found = scalar(value, "a SHA-512")
    if not re.fullmatch(r"[0-9a-fA-F]{128}", found):
        raise Wrong("not a SHA-512", "128 hexadecimal digits, as printed by `sha512sum FILE`")
    return found.lower()


def secret(value: object) -> SecretRef:
    """Parse a reference to a secret. Messages never repeat the value, which may be the secret itself."""
    if not isinstance(value, Mapping):
        what = "do not write the secret itself here" if isinstance(value, str) else described(value)
        raise Wrong(
            f"expected a reference to a secret: {what}" if value is not None else "the secret is missing",
            SECRET_FORMS,
        )
    if len(value) != 1 or next(iter(value)) not in set(SecretSource):
        raise Wrong("a reference to a secret has one key: env, file or command", SECRET_FORMS)
    source, found = next(iter(value.items()))
    if not isinstance(found, str) or not found.strip() or not found.isprintable():
        raise Wrong(f"`{source}` of a secret must be one line of text", SECRET_FORMS)
    if source == "env" and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", found):
        raise Wrong("`env` of a secret must name an environment variable", SECRET_FORMS)
    return SecretRef(SecretSource(source), found)
