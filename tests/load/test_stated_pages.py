"""`pages` declares the intended state of a page, and the line printed by doctor is valid."""

from __future__ import annotations

import pytest
import yaml

from runner.inspect.view import pages_line
from runner.load.addresses import stated_page
from runner.load.values import Wrong
from runner.model import Site, StatedPage
from runner.verify import Baseline, Usual


@pytest.mark.parametrize(
    ("value", "page"),
    [
        ("/", ("/", None)),
        ({"path": "/a/"}, ("/a/", None)),
        ({"path": "/", "status": "503"}, ("/", StatedPage(503))),
        ({"path": "/", "leads_to": "/wp-login.php"}, ("/", StatedPage(None, "/wp-login.php"))),
        ({"path": "/", "leads_to": "https://app.example/"}, ("/", StatedPage(None, "https://app.example/"))),
    ],
)
def test_page_is_a_path_or_a_mapping(value: object, page: object) -> None:
    assert stated_page(value) == page


@pytest.mark.parametrize(
    "value",
    [
        "cart",
        {"status": "503"},
        {"path": "/", "state": "503"},
        {"path": "/", "status": "99"},
        {"path": "/", "status": "soon"},
        {"path": "/", "leads_to": "app.example"},
        {"path": "/", "leads_to": "https://me:secret@app.example/"},
        {"path": "/", "status": "301", "leads_to": "/x"},
        {"path": ["/"]},
    ],
)
def test_invalid_page_is_refused(value: object) -> None:
    with pytest.raises(Wrong):
        stated_page(value)


def test_line_printed_by_doctor_is_read_back() -> None:
    pages = ("/", "/about/", "/app/", "/in/", "/a,b]/")
    site = Site(name="a", client="b", host="c", url="https://a.example", path="/srv", pages=pages)

    def usual(page: str, status: int, leads_to: str = "") -> Usual:
        return Usual(page=page, status=status, findings=("odd",), leads_to=leads_to)

    baseline = Baseline(
        (
            usual("/", 503),
            usual("/app/", 301, "app.example/start"),
            usual("/in/", 200, "/wp-login.php"),
            usual("/a,b]/", 404),
        )
    )
    read = yaml.load(pages_line(site, baseline), Loader=yaml.BaseLoader)["pages"]  # noqa: S506 - texts only
    assert [stated_page(one) for one in read] == [
        ("/", StatedPage(503)),
        ("/about/", None),
        ("/app/", StatedPage(None, "https://app.example/start")),
        ("/in/", StatedPage(None, "/wp-login.php")),
        ("/a,b]/", StatedPage(404)),
    ]
