"""Lists of sites as CSV: our own columns, and the exports of MainWP and ManageWP.

Columns are found by their heads. Only the known ones are read: exports contain user names and passwords,
which are neither kept nor shown.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from runner.errors import Problem, UsageError, ValidationError
from runner.load.addresses import email, site_path, site_url
from runner.load.candidates import Candidate, slug
from runner.load.text import closest, quoted
from runner.load.times import zone
from runner.load.values import Wrong, choice, language, line, tag
from runner.model import SiteKind

__all__ = ["LARGEST", "ListFormat", "SiteList", "parse_sites"]

LARGEST = 8 << 20
"""Bytes of a file."""
_MOST_ROWS = 10_000
_MOST_PROBLEMS = 200
_DELIMITERS = ",;\t|"
_COMMENT = "#"


class ListFormat(StrEnum):
    """Where a list of sites comes from."""

    CSV = "csv"
    MAINWP = "mainwp"
    MANAGEWP = "managewp"


_HEADS: Mapping[str, tuple[str, ...]] = {
    "url": ("url", "site url", "website url", "address", "site address", "domain"),
    "label": ("name", "site", "site name", "website name", "website", "title"),
    "client": ("client", "client name", "customer"),
    "host": ("host", "server"),
    "path": ("path", "folder", "document root"),
    "kind": ("kind", "type"),
    "tags": ("tags", "tag", "groups", "group", "labels", "label"),
    "contact": ("email", "e mail", "client email", "contact"),
    "timezone": ("timezone", "time zone"),
    "language": ("language",),
}
"""By value of a site: the heads that its column may have. The first column that matches counts."""
_MAINWP = frozenset({"site name", "url", "admin name"})
"""The first heads of MainWP's export of sites."""


@dataclass(frozen=True, slots=True)
class SiteList:
    """The sites of a file, with the line on which each starts."""

    format: ListFormat
    rows: tuple[tuple[int, Candidate], ...]
    ignored: tuple[str, ...] = ()
    """Heads of columns that are not used."""


@dataclass(slots=True)
class _Table:
    """The rows of a file: line number and fields."""

    heads: list[str]
    columns: dict[str, int]
    rows: list[tuple[int, list[str]]]
    hosts: Collection[str] = ()
    problems: list[Problem] = field(default_factory=list)


def parse_sites(
    raw: bytes, name: str, given: ListFormat | None = None, *, hosts: Collection[str] = ()
) -> SiteList:
    """Parse a list of sites.

    Args:
        raw: the content of the file.
        name: of the file, for messages.
        given: its format; by default recognized by its heads.
        hosts: the hosts of the inventory; another one is a mistake.

    Raises:
        UsageError: the file is not a list of sites.
        ValidationError: rows are invalid; it has the line and the column of every problem.
    """
    table = _table(_decoded(raw, name), name)
    table.hosts = hosts
    heads = {_plain(head) for head in table.heads}
    kind = given or (ListFormat.MAINWP if heads >= _MAINWP else ListFormat.CSV)
    rows = [(at, site) for at, fields in table.rows if (site := _site(table, name, at, fields, kind))]
    _refuse_duplicates(table, rows, name)
    if table.problems:
        raise ValidationError(tuple(sorted(table.problems)[:_MOST_PROBLEMS]))
    used = set(table.columns.values())
    ignored = tuple(head.strip() for at, head in enumerate(table.heads) if at not in used and head.strip())
    return SiteList(kind, tuple(rows), ignored)


def _decoded(raw: bytes, name: str) -> str:
    if len(raw) > LARGEST:
        raise UsageError(f"{name} is larger than {LARGEST >> 20} MiB", hint="split it into several files")
    encoding = "utf-16" if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        at = raw[: error.start].count(b"\n") + 1
        raise UsageError(
            f"{name}:{at}: the file is not UTF-8", hint="save it as CSV with the encoding UTF-8"
        ) from None
    if "\0" in text:
        raise UsageError(f"{name} is not a CSV file: it contains NUL characters")
    return text


def _table(text: str, name: str) -> _Table:
    """Split the text into rows; the first one that is not a comment has the heads."""
    lines = text.splitlines(keepends=True)
    first = next((at for at, one in enumerate(lines) if one.strip() and not one.startswith(_COMMENT)), None)
    if first is None:
        raise UsageError(
            f"{name} is empty", hint="its first line names the columns: name,url,client,host,path"
        )
    delimiter = max(
        _DELIMITERS, key=lambda one: (len(_columns(_split(lines[first], one))), -_DELIMITERS.index(one))
    )
    reader = csv.reader(io.StringIO("".join(lines[first:]), newline=""), delimiter=delimiter)
    rows: list[tuple[int, list[str]]] = []
    heads: list[str] = []
    at = 1
    try:
        for fields in reader:
            if not heads:
                heads = fields
            elif any(one.strip() for one in fields):
                rows.append((first + at, fields))
            at = reader.line_num + 1
            if len(rows) > _MOST_ROWS:
                raise UsageError(
                    f"{name} has more than {_MOST_ROWS} rows", hint="split it into several files"
                )
    except csv.Error as error:
        raise UsageError(f"{name}:{first + reader.line_num}: not a CSV file: {error}") from None
    columns = _columns(heads)
    if "url" not in columns:
        raise UsageError(
            f"{name} has no column with the URL; its columns are {_listed(heads)}",
            hint="name the columns in the first line: name,url,client,host,path,kind,tags",
        )
    return _Table(heads, columns, rows)


def _split(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return []


def _columns(heads: Sequence[str]) -> dict[str, int]:
    """Return the column of each value that the heads name."""
    plain = [_plain(head) for head in heads]
    found = {
        key: next((plain.index(name) for name in names if name in plain), -1) for key, names in _HEADS.items()
    }
    return {key: at for key, at in found.items() if at >= 0}


def _plain(head: str) -> str:
    return re.sub(r"[\s_-]+", " ", head).strip().lower()


def _listed(heads: Sequence[str]) -> str:
    return ", ".join(quoted(head.strip()) for head in heads[:10])


def _site(table: _Table, name: str, at: int, fields: Sequence[str], kind: ListFormat) -> Candidate | None:
    """Return the site of a row; None if it has problems."""
    before = len(table.problems)
    foreign = kind is not ListFormat.CSV
    values: dict[str, object] = {}
    for key, column in table.columns.items():
        text = fields[column].strip() if column < len(fields) else ""
        if not text and key != "url":
            continue
        try:
            values[key] = _tags(text, foreign=foreign) if key == "tags" else _PARSERS[key](text)
            if key == "host":
                _check_host(text, table.hosts)
        except Wrong as wrong:
            head = table.heads[column].strip()
            table.problems.append(Problem(name, at, column + 1, head, str(wrong), wrong.hint))
    if len(fields) > len(table.heads) and any(one.strip() for one in fields[len(table.heads) :]):
        message = f"{len(fields)} fields, but only {len(table.heads)} columns"
        hint = "quote fields that contain the delimiter"
        table.problems.append(Problem(name, at, len(table.heads) + 1, "", message, hint))
    return Candidate(**values) if len(table.problems) == before else None  # type: ignore[arg-type]


def _url(text: str) -> str:
    if not text:
        raise Wrong("the URL is missing", "write the URL of the home page")
    return site_url(text).rstrip("/")


def _name(text: str) -> str:
    return line(" ".join(text.split()))


def _check_host(text: str, hosts: Collection[str]) -> None:
    if text not in hosts:
        hint = closest(text, hosts) or "add it to `hosts` first"
        raise Wrong(f"{quoted(text)} is not a host of the inventory", hint)


def _tags(text: str, *, foreign: bool) -> tuple[str, ...]:
    """Split tags at commas, semicolons and bars. Names of groups in exports are made valid."""
    parts = [one.strip() for one in re.split(r"[,;|]", text) if one.strip()]
    if foreign:
        parts = [found for one in parts if (found := slug(one))]
    return tuple(dict.fromkeys(tag(one) for one in parts))


_PARSERS: Mapping[str, Callable[[str], object]] = {
    "url": _url,
    "label": _name,
    "client": _name,
    "host": line,
    "path": site_path,
    "kind": lambda text: choice(SiteKind)(text.lower()),
    "contact": email,
    "timezone": zone,
    "language": language,
}


def _refuse_duplicates(table: _Table, rows: Sequence[tuple[int, Candidate]], name: str) -> None:
    """Add a problem for each row with the address or the folder of an earlier one."""
    for at, earlier, key in _duplicates(rows):
        column = table.columns[key]
        head = table.heads[column].strip()
        table.problems.append(Problem(name, at, column + 1, head, f"the same as on line {earlier}"))


def _duplicates(rows: Sequence[tuple[int, Candidate]]) -> Iterator[tuple[int, int, str]]:
    urls: dict[str, int] = {}
    folders: dict[tuple[str, str], int] = {}
    for at, site in rows:
        known = site.url.partition("://")[2].lower().removeprefix("www.")
        if (earlier := urls.setdefault(known, at)) != at:
            yield at, earlier, "url"
        elif site.path and (earlier := folders.setdefault((site.host, site.path), at)) != at:
            yield at, earlier, "path"
