"""Announcements: only what was read is claimed, in the client's language, safe and small."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from runner.errors import UsageError
from runner.model import Action, Agency, Change, ItemKind, Site, SitePlan
from runner.report import NextWindow
from runner.report.announcement import (
    Announcement,
    Message,
    PlannedSite,
    Work,
    announcement_document,
    announcement_html,
    announcement_text,
    planned_site,
    subject_of,
    work_of,
)
from runner.report.render import HTML_LIMIT

STARTS = datetime(2026, 12, 1, 1, tzinfo=UTC)
MADE = datetime(2026, 11, 28, 15, 25, tzinfo=UTC)
HOURS = timedelta(hours=2)
UPDATES = frozenset({Work.UPDATES, Work.BACKUP})
SHOP = Site(name="shop", client="acme", host="web1", url="https://www.acme.example", path="/srv/shop")
BLOG = Site(name="blog", client="acme", host="web1", url="https://blog.acme.example", path="/srv/blog")
LABELS = {"shop": "acme.example", "blog": "blog.acme.example"}
LICENCE = "offered without a package to download: the licence is missing or has expired"


def change(title: str, was: str, now: str, action: Action = Action.CHANGE, **more: object) -> Change:
    values = {"step": "wordpress.plugins", "item": title.lower(), "kind": ItemKind.PLUGIN, "title": title}
    return Change(**{**values, "from_version": was, "to_version": now, "action": action, **more})  # type: ignore[arg-type]


def planned(site: Site, *changes: Change, work: frozenset[Work] = UPDATES, problem: str = "") -> PlannedSite:
    plan = SitePlan(site=site.name, client="acme", changes=changes, problems=(problem,) if problem else ())
    return planned_site(site, work, plan, LABELS)


def announcement(*sites: PlannedSite, **changes: object) -> Announcement:
    found = Announcement(
        message=Message.ANNOUNCED,
        client="acme",
        client_name="Acme Bakery",
        language="en",
        timezone="Europe/Berlin",
        agency=Agency(name="Northwind Web Care"),
        window="weekly",
        reference="weekly-20261201-0100-acme",
        starts=STARTS,
        closes=STARTS + HOURS,
        made=MADE,
        sites=sites or (planned(SHOP, change("WooCommerce", "9.8.1", "9.9.0")),),
        answer_to="care@northwind.example",
    )
    return replace(found, **changes)  # type: ignore[arg-type]


FULL = """\
Northwind Web Care
For Acme Bakery

Maintenance of your websites on Tuesday 1 December

We plan to install three updates. We could not check blog.acme.example
for updates in advance. We will do it at that time. We will also take a
backup. We check your websites before and after the updates. Before
that, we need your help: see below.

When
----
Tuesday 1 December, 02:00 to 04:00 (Berlin)
If possible, please do not edit your websites during this time.
If this time does not suit you, please reply to this email.

Please do this first
--------------------
- Please renew the licence of Sliders Pro for acme.example. Without it
  we cannot install version 5.0.

What we plan to do
------------------

acme.example
  WordPress: 7.0.1 → 7.0.2
  Two packages (server software)
  One translation

blog.acme.example
  We will check for updates at that time.

On hold
-------
- WooCommerce 9.9.0: On hold. acme.example stays on 9.8.1 for now.
  Reason: Waiting for the theme

--
Planned on 28 November 2026 at 16:25; versions that are published until
then may be added.
Reference: weekly-20261201-0100-acme. All times are local time in
Berlin.
Questions? Just reply to this email or write to care@northwind.example.
"""


def full(**changes: object) -> Announcement:
    shop = planned(
        SHOP,
        change("WordPress", "7.0.1", "7.0.2", kind=ItemKind.CORE),
        change("openssl", "3.0", "3.1", kind=ItemKind.PACKAGE),
        change("nginx", "1.22", "1.24", kind=ItemKind.PACKAGE),
        change("German", "", "2026-11-01", kind=ItemKind.LANGUAGE),
        change("WooCommerce", "9.8.1", "9.9.0", Action.HOLD, why="held: Waiting for the theme"),
        change("Sliders Pro", "4.2", "5.0", Action.HOLD, why=LICENCE),
        work=UPDATES | {Work.SERVER},
    )
    return announcement(shop, planned(BLOG, problem="web1: connection refused"), **changes)


def test_text_lists_what_was_read():
    assert announcement_text(full()) == FULL
    assert subject_of(full()) == "Maintenance on Tuesday 1 December: please renew one licence"


@pytest.mark.parametrize(
    ("sites", "expected", "missing"),
    [
        ([planned(SHOP)], "At present there is nothing to update.", "We plan to install"),
        ([planned(SHOP, problem="refused")], "We will check for updates at that time and install", "nothing"),
        (
            [planned(SHOP, change("Forms", "1", "", Action.UNKNOWN, why="no answer"))],
            "We will check for updates at that time and install",
            "nothing to update",
        ),
        ([planned(SHOP, work=frozenset({Work.BACKUP}))], "We will also take a backup.", "update"),
        ([planned(SHOP, work=frozenset())], "We will do maintenance work.", "update"),
        ([planned(SHOP, work=frozenset({Work.RELEASE}))], "We will do maintenance work.", "new version"),
        (
            [planned(SHOP, work=frozenset({Work.RELEASE}), problem="refused")],
            "We will publish a new version of your website.",
            "update",
        ),
    ],
)
def test_nothing_is_claimed_that_was_not_read(sites: list[PlannedSite], expected: str, missing: str):
    text = " ".join(announcement_text(announcement(*sites)).split())
    assert expected in text
    assert missing not in text.replace("versions that are published", "")


def test_work_follows_from_the_steps():
    kinds = ["backup", "wordpress.plugins", "shell", "system.packages", "static.release"]
    assert work_of(kinds) == {Work.BACKUP, Work.UPDATES, Work.SERVER, Work.RELEASE}
    assert work_of(["shell", "probe.http"]) == frozenset()


def test_moved_opening_names_both_times():
    before = (STARTS - HOURS, STARTS)
    text = " ".join(announcement_text(announcement(message=Message.MOVED, before=before)).split())
    assert "New time: maintenance of your website on Tuesday 1 December" in text
    assert "We had announced it for Tuesday 1 December, 00:00 to 02:00." in text


def test_cancellation_gives_reason_and_next_time():
    later = NextWindow(
        window="weekly", starts=STARTS + timedelta(days=28), closes=STARTS + timedelta(days=28, hours=2)
    )
    found = announcement(
        message=Message.CANCELLED,
        why="paused until 2026-12-24: Christmas business",
        next=later,
        language="de",
    )
    text = " ".join(announcement_text(found).split())
    assert subject_of(found) == "Keine Wartung Ihrer Website am Dienstag, 1. Dezember"
    assert "Grund: Christmas business (bis 24. Dezember 2026)." in text
    assert "Die nächste Wartung ist geplant für Dienstag, 29. Dezember, 02:00 bis 04:00 Uhr." in text
    assert "Was wir vorhaben" not in text
    unknown = replace(found, why="the day is a blackout", next=None)
    assert "Grund" not in announcement_text(unknown)


def test_whole_german_announcement_is_translated():
    text, html = announcement_text(full(language="de")), announcement_html(full(language="de"))
    assert "Wir planen, drei Updates zu installieren." in " ".join(text.split())
    assert 'lang="de"' in html
    for english in ("We ", "Please", "Planned", "On hold", "Reference", "When"):
        assert english not in text.replace("Waiting for the theme", "")


class Links(HTMLParser):
    """The addresses that a page links to or loads, and its tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src"}]


def test_names_from_sites_stay_names():
    evil = "<img src=x onerror=alert(1)> www.evil.example\u202e {{ 7 * 7 }}"
    site = planned(
        SHOP,
        change(evil, "1.0", "https://evil.example/2.0", item=evil),
        change(evil, "1.0", "2.0", Action.HOLD, why=evil, item=evil),
    )
    found = announcement(site)
    for text in (announcement_html(found), announcement_text(found), subject_of(found)):
        assert "evil.example" not in text
        assert "onerror=" not in text
        assert "\u202e" not in text
    page = Links(announcement_html(found))
    assert page.addresses == []
    assert not page.tags & {"img", "script", "a"}


def test_html_is_not_clipped():
    changes = [change(f"Plugin {number} with a long name", "1.0.0", "1.0.1") for number in range(400)]
    sites = [planned(replace(SHOP, name=f"s{number}"), *changes) for number in range(20)]
    html = announcement_html(announcement(*sites))
    assert len(html.encode()) <= HTML_LIMIT
    assert "400 updates" in html
    assert "and 370 more updates" in announcement_html(announcement(*sites[:2]))
    assert announcement_text(announcement(*sites)).count("Plugin 399 with") == 20


def test_styles_are_inlined():
    html = announcement_html(full(), logo="cid:logo")
    assert 'src="cid:logo"' in html
    assert "<h1 style=" in html
    assert "{{" not in html


def test_mistake_in_own_template_names_the_file(tmp_path):
    (tmp_path / "announcement.txt.j2").write_text("{% if %}")
    with pytest.raises(UsageError, match=r"mistake in reports/announcement\.txt\.j2:1: "):
        announcement_text(full(), templates=tmp_path)


def test_document_has_the_reasons_for_the_crew():
    document = announcement_document(full())
    sites = document["sites"]
    assert isinstance(sites, list)
    assert sites[0]["held"][0]["why"] == "held: Waiting for the theme"
    assert [one["item"] for one in sites[0]["unlicensed"]] == ["sliders pro"]
    assert (sites[1]["read"], sites[1]["problem"]) == (False, "web1: connection refused")
