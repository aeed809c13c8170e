"""Catalogues are complete, have no unused messages, and keep all placeholders."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po

from runner.load.shipped import shipped
from runner.model import Period
from runner.report import words as words_module
from runner.report.words import Words

REPORTS = Path(str(shipped("reports")))
CATALOGUES = sorted((REPORTS / "locale").glob("*.po"))
CALLS = {"say": None, "_": None, "plural": (1, 2), "pgettext": ((1, "c"), 2)}


def messages() -> set[tuple[str | None, str | tuple[str, ...]]]:
    """All messages in the code and the templates."""
    found = set()
    sources = [("python", path) for path in Path(words_module.__file__).parent.rglob("*.py")]
    sources += [("jinja2.ext:babel_extract", path) for path in REPORTS.glob("*.j2")]
    for method, path in sources:
        with path.open("rb") as file:
            found |= {(context, message) for _, message, _, context in extract(method, file, keywords=CALLS)}
    return found


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_catalogue_is_complete(path):
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.stem)
    there = {(m.context, m.id if isinstance(m.id, str) else tuple(m.id)) for m in catalogue if m.id}
    assert messages() - there == set()
    assert there - messages() == set()
    for message in catalogue:
        said = [message.string] if isinstance(message.string, str) else list(message.string)
        assert all(said) or not message.id
        assert not message.fuzzy or not message.id
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        for english, translated in zip(ids, said, strict=True):
            assert set(re.findall(r"{\w+}", translated)) == set(re.findall(r"{\w+}", english)), english


def test_german_catalogue_exists():
    assert [path.stem for path in CATALOGUES] == ["de"]


@pytest.fixture
def english():
    return Words("en", "Europe/Berlin", REPORTS / "locale")


@pytest.fixture
def german():
    return Words("de", "Europe/Berlin", REPORTS / "locale")


def test_small_numbers_are_spelled_out(english, german):
    assert [english.count(n) for n in (0, 1, 2, 12, 13, 1234)] == ["0", "one", "two", "twelve", "13", "1,234"]
    assert [german.count(n) for n in (2, 12, 1234)] == ["zwei", "zwölf", "1.234"]


def test_sizes_are_rounded(english, german):
    sizes = [
        english.size(n).replace("\N{NO-BREAK SPACE}", " ") for n in (1, 9_440_000, 412_300_000, 3_210_000_000)
    ]
    assert sizes == ["0.1 MB", "9.4 MB", "412 MB", "3.2 GB"]
    assert german.size(9_440_000) == "9,4\N{NO-BREAK SPACE}MB"


def test_long_lists_are_shortened(english, german):
    assert english.list(["a", "b", "c"]) == "a, b and c"
    assert english.list(["a", "b", "c", "d"]) == "a, b and two more"
    assert german.list(["a", "b", "c", "d"]) == "a, b und zwei weitere"


def test_periods_in_sentences(english, german):
    keys = [Period.parse(key) for key in ("2026-11", "2026-W48", "2026-Q4")]
    assert [english.in_period(key) for key in keys] == [
        "in November 2026",
        "in week 48 of 2026",
        "in the 4th quarter 2026",
    ]
    assert [german.in_period(key) for key in keys] == [
        "im November 2026",
        "in Kalenderwoche 48/2026",
        "im 4. Quartal 2026",
    ]


def test_missing_translation_falls_back_to_english(tmp_path):
    (tmp_path / "de.po").write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n')
    assert Words("de", "UTC", tmp_path).say("What we did") == "What we did"
