"""Text that fits the columns of a terminal."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cli.layout import rows_in_columns, width_of, wrap

TEXT = st.text(st.sampled_from("ab -/.,日é"), max_size=60)


def test_width_counts_columns_not_characters() -> None:
    assert width_of("site") == 4
    assert width_of("日本語") == 6
    assert width_of("e\u0301") == 1
    assert width_of(click.style("site", fg="red", bold=True)) == 4


def test_lines_are_wrapped_at_words() -> None:
    assert wrap("  ok  web1: all is fine here", 16, indent=6) == [
        "  ok  web1: all",
        "      is fine",
        "      here",
    ]
    assert wrap("short", 16) == ["short"]


def test_long_words_are_kept_in_messages() -> None:
    url = "https://www.example.com/a-long-path"
    assert wrap(f"see {url} now", 20, indent=2) == ["see", f"  {url}", "  now"]


def test_commands_are_kept_on_one_line() -> None:
    text = "the run was interrupted; to resume it: sitecrew resume weekly-20261128 -e a=b; or look at it"
    assert wrap(text, 40, indent=2) == [
        "the run was interrupted; to resume it:",
        "  sitecrew resume weekly-20261128 -e a=b;",
        "  or look at it",
    ]


def test_styles_are_kept_when_lines_are_wrapped() -> None:
    red = click.style("error:", fg="red")
    assert wrap(f"{red} one two three", 14, indent=2) == [f"{red} one two", "  three"]


def test_columns_of_text_become_narrower_before_ids() -> None:
    rows = [("weekly-20261128-0100-ab12", "the site did not answer in time and was rolled back", "failed")]
    assert rows_in_columns(rows, 60) == [
        [
            "weekly-20261128-0100-ab12  the site did not answer    failed",
            "                             in time and was rolled",
            "                             back",
        ]
    ]


def test_long_names_are_broken_after_punctuation() -> None:
    name = "northwind-traders-international-web-shop-for-the-nordics-2026"
    [lines] = rows_in_columns([(name, "acme", f"https://{name}.example/")], 60)
    assert all(width_of(line) <= 60 for line in lines)
    assert lines[0].split()[0].endswith("-")
    assert "acme" in lines[0]


def test_cells_keep_their_style_on_every_line() -> None:
    [lines] = rows_in_columns([("a", click.style("one two", fg="red"))], 8)
    assert lines == ["a  \x1b[31mone\x1b[0m", "   \x1b[31m two\x1b[0m"]


@given(st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=4), st.integers(40, 100))
def test_rows_fit_and_lose_nothing(rows: list[tuple[str, str, str]], width: int) -> None:
    for row, lines in zip(rows, rows_in_columns(rows, width), strict=True):
        assert all(width_of(line) <= width for line in lines)
        letters = sorted("".join(lines).replace(" ", ""))
        assert letters == sorted("".join(row).replace(" ", ""))


@pytest.mark.parametrize("width", [8, 20, 60])
@given(text=TEXT)
def test_wrapping_loses_no_word(width: int, text: str) -> None:
    assert " ".join(wrap(text, width, indent=2)).split() == text.split()
