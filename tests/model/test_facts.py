"""Properties derived from a site's facts."""

from __future__ import annotations

import pytest

from runner.model import SiteFacts


@pytest.mark.parametrize(
    ("home", "siteurl", "folder"),
    [
        ("https://acme.example", "https://acme.example", ""),
        ("https://acme.example/", "https://acme.example/wp", "wp/"),
        ("https://acme.example", "http://acme.example/cms/core/", "cms/core/"),
        ("https://acme.example/blog", "https://acme.example/blog/wp", "wp/"),
        ("https://acme.example/blog", "https://acme.example/blogs", ""),
        ("https://acme.example/blog", "https://acme.example", ""),
        ("", "", ""),
    ],
)
def test_folder_is_the_part_of_siteurl_below_home(home: str, siteurl: str, folder: str) -> None:
    assert SiteFacts(wordpress="7.1.2", php="8.4", home=home, siteurl=siteurl).folder == folder
