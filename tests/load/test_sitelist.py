"""Lists of sites: our own CSV files, and the exports of MainWP and ManageWP."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import UsageError, ValidationError
from runner.load.candidates import Candidate
from runner.load.sitelist import LARGEST, ListFormat, SiteList, parse_sites
from runner.model import SiteKind


def parsed(text: str, given_: ListFormat | None = None) -> SiteList:
    return parse_sites(text.encode(), "sites.csv", given_, hosts=["web1"])


def sites(text: str) -> list[Candidate]:
    return [site for _, site in parsed(text).rows]


FULL = (
    "Name;URL;Client;Host;Path;Kind;Tags;E-Mail;Time zone;Language\n"
    '"The ""shop""\nof Acme";https://shop.example/;Acme;web1;/srv/shop/;static;"a,b";o@acme.example;'
    "Europe/Berlin;de\n"
)


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_all_columns_are_read_with_any_delimiter(delimiter: str) -> None:
    text = FULL.replace("a,b", "a b").replace(";", delimiter).replace('"a b"', '"a;b"')
    assert sites(text) == [
        Candidate(
            url="https://shop.example",
            host="web1",
            path="/srv/shop",
            kind=SiteKind.STATIC,
            tags=("a", "b"),
            label='The "shop" of Acme',
            client="Acme",
            contact="o@acme.example",
            timezone="Europe/Berlin",
            language="de",
        )
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_of_spreadsheets_are_read(encoding: str, newline: str) -> None:
    raw = newline.join(["url,name", "https://a.example,Käse", "", ",,", "https://b.example"]).encode(encoding)
    assert [site.label for _, site in parse_sites(raw, "x.csv").rows] == ["Käse", ""]


MAINWP = (
    "site name,url,admin name,group,security id,http username,http password,ssl version\r\n"
    '"Acme Shop","https://shop.example/","admin","Web Shops,VIP","s3cr3t-id","door","s3cr3t-pw","auto"\r\n'
)


def test_export_of_mainwp_is_recognized_and_its_passwords_are_left_out() -> None:
    found = parsed(MAINWP)
    assert found.format is ListFormat.MAINWP
    [(line, site)] = found.rows
    assert (line, site.label, site.url, site.tags) == (
        2,
        "Acme Shop",
        "https://shop.example",
        ("web-shops", "vip"),
    )
    assert "s3cr3t" not in repr(found)
    assert "http password" in found.ignored


def test_import_file_of_mainwp_with_comments_is_read() -> None:
    text = (
        "# how to fill this in\n#\nSite Name, Url, Admin Name, Admin Password, Tag\n"
        "Site 1,http://a.example,x,y, News\n"
    )
    found = parsed(text)
    assert (found.format, found.rows[0]) == (
        ListFormat.MAINWP,
        (4, Candidate(url="http://a.example", label="Site 1", tags=("news",))),
    )


def test_list_of_managewp_is_read_by_its_heads() -> None:
    found = parsed(
        '"Website Name","Website URL","Tags","Plugins"\n"A","https://a.example","My Tag","7"\n',
        ListFormat.MANAGEWP,
    )
    assert found.rows == ((2, Candidate(url="https://a.example", label="A", tags=("my-tag",))),)
    assert found.ignored == ("Plugins",)


def test_every_mistake_is_reported_with_line_and_column() -> None:
    text = (
        "name,url,host,path,kind,tags,email\n"
        '"a\nb",shop.example,webX,rel,wp,a b,x\n'
        ",,,,,,\n"
        "b,,,,,,\n"
        "c,https://a.example,web1,/srv/x,,,\n"
        "d,http://www.a.example/,web1,/srv/y,,,\n"
        "e,https://e.example,web1,/srv/x,,,\n"
        "f,https://f.example,,,,,,extra\n"
        "g,https://u:s3cr3t@g.example,,,,,\n"
    )
    with pytest.raises(ValidationError) as refused:
        parsed(text)
    found = [(one.line, one.column, one.path) for one in refused.value.problems]
    assert found == [
        (2, 2, "url"),
        (2, 3, "host"),
        (2, 4, "path"),
        (2, 5, "kind"),
        (2, 6, "tags"),
        (2, 7, "email"),
        (5, 2, "url"),
        (7, 2, "url"),
        (8, 4, "path"),
        (9, 8, ""),
        (10, 2, "url"),
    ]
    assert "s3cr3t" not in repr(refused.value.problems)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is empty"),
        (b"\n# x\n", "is empty"),
        (b"name,path\nx,/y\n", "no column with the URL"),
        (b"url\n\xff\n", "sites.csv:2: the file is not UTF-8"),
        (b"url\n\0\n", "NUL"),
        (b"url\n" + b"https://a.example\n" * 10_001, "more than 10000 rows"),
        (b"url\n" + b"x" * LARGEST, "larger than 8 MiB"),
        (b"url\n" + b"x" * 200_000, "not a CSV file"),
    ],
)
def test_files_that_are_no_lists_are_refused(raw: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_sites(raw, "sites.csv")


@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(lambda text: b"url,name\n" + text.encode("utf-8", "replace")),
    )
)
def test_any_file_is_read_or_refused(raw: bytes) -> None:
    try:
        found = parse_sites(raw, "any.csv")
    except UsageError:
        return
    assert all(site.url.startswith("http") for _, site in found.rows)
