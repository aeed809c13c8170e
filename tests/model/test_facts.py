"""What follows from what was read of a site."""

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
def test_wordpress_may_have_a_folder_of_its_own(home: str, siteurl: str, folder: str) -> None:
    assert SiteFacts(wordpress="7.1.2", php="8.4", home=home, siteurl=siteurl).folder == folder
