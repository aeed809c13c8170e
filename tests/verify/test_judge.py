"""Findings of single answers."""

from __future__ import annotations

import pytest

from runner.verify import Answer, Expectation, judge
from runner.verify.judge import count_stylesheets

URL = "https://shop.example/cart/"
GOOD = b"<html><body>Add to cart</body></html>"


@pytest.mark.parametrize(
    ("status", "body", "expected", "found"),
    [
        (200, GOOD, Expectation(), ()),
        (200, GOOD, Expectation(text="Add to cart"), ()),
        (404, GOOD, Expectation(status=404), ()),
        (200, GOOD, Expectation(text="Checkout"), ("lacks the text 'Checkout'",)),
        (200, "Größe".encode(), Expectation(text="Größe"), ()),
        (200, b"", Expectation(), ("is empty",)),
        (200, b" \n ", Expectation(text="x"), ("is empty",)),
        (503, GOOD, Expectation(), ("answers 503 where 200 is expected",)),
        (503, b"", Expectation(text="x"), ("answers 503 where 200 is expected",)),
        (
            200,
            b"<p>There has been a critical error on this website.</p>",
            Expectation(),
            ("WordPress reports a critical error",),
        ),
        (
            200,
            GOOD + b"<b>Fatal error</b>:  Uncaught Error: no in <b>/srv/shop/a.php</b> on line <b>3</b>",
            Expectation(),
            ("a PHP error is printed on the page",),
        ),
        (
            200,
            b"PHP Parse error: syntax error, unexpected '}' in /srv/a.php on line 2",
            Expectation(),
            ("a PHP error is printed on the page",),
        ),
        (
            500,
            b"<h1>Error establishing a Database connection</h1>",
            Expectation(),
            ("answers 500 where 200 is expected", "WordPress cannot reach its database"),
        ),
        (200, GOOD + b"How to fix a Fatal error: read the log.", Expectation(), ()),
    ],
)
def test_findings_of_an_answer(
    status: int, body: bytes, expected: Expectation, found: tuple[str, ...]
) -> None:
    assert judge(Answer(asked=URL, url=URL, status=status, body=body), expected) == found


@pytest.mark.parametrize(
    ("final", "found"),
    [
        ("https://www.shop.example/cart/", ()),
        ("http://shop.example/basket/", ()),
        ("https://parking.example/", ("redirects to another site, parking.example",)),
        ("https://shop.example/wp-login.php?redirect_to=x", ("redirects to the login page",)),
    ],
)
def test_findings_of_a_redirect(final: str, found: tuple[str, ...]) -> None:
    assert judge(Answer(asked=URL, url=final, status=200, body=GOOD), Expectation()) == found


def test_missing_answer_is_one_finding() -> None:
    answer = Answer(asked=URL, failure="does not answer within 8 s")
    assert judge(answer, Expectation(text="x")) == ("does not answer within 8 s",)


def test_stylesheets_are_counted_in_every_notation() -> None:
    body = b"""<link rel='stylesheet' href=a><LINK href=b rel=stylesheet><link rel="icon">
        <link id=x rel="stylesheet">"""
    assert count_stylesheets(body) == 3
