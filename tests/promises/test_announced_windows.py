"""Promise: a client knows before a window what is planned on its sites; only what was read is claimed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.crew import Crew

if TYPE_CHECKING:
    from email.message import EmailMessage

    from lab import Fleet

pytestmark = pytest.mark.fleet

PLAYBOOK = """\
name: Monthly
steps:
  - backup: {include: [database]}
  - wordpress.core: {update: minor}
  - wordpress.plugins
  - wordpress.themes
"""
HOLD = "    hold: {harbour-forms: {why: Waiting for the new order form}}\n"


@pytest.fixture
def crew(fleet: Fleet, tmp_path: Path) -> Crew:
    found = Crew(fleet, tmp_path / "crew", PLAYBOOK)
    found.edit("inventory.yaml", "playbook: weekly", "playbook: monthly")
    found.edit("inventory.yaml", "  acme:\n", f"  acme:\n{HOLD}")
    return found


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part
    return " ".join(str(part.get_content()).split())


def test_client_is_mailed_what_was_read(crew: Crew, fleet: Fleet):
    said = crew.say("announce", "acme", "--send", "--json")
    assert said.code == 0, said.err
    sites: dict[str, Any] = {one["site"]: one for one in said.json["sites"]}
    assert all(site["read"] for site in sites.values())
    updates = [one for site in sites.values() for one in site["updates"]]
    assert {(one["title"], one["from"]) for one in updates} >= {
        ("WordPress", "6.5.5"),
        ("Orchard SEO", "3.0.4"),
    }
    [letter] = fleet.mailbox.letters()
    text = text_of(letter.message)
    assert all(f"{one['title']}: {one['from']} → {one['to']}" in text for one in updates)
    assert [one["item"] for one in sites["acme-blog"]["held"]] == ["harbour-forms"]
    assert "Harbour Forms 1.8.3: On hold. acme-blog stays on 1.8.2 for now. Reason: Waiting for the" in text
    again = crew.say("announce", "acme", "--send")
    assert again.err.startswith("nothing was sent: it was announced on ")
    assert len(fleet.mailbox.letters()) == 1
    [row] = crew.say("list", "announcements", "--json").json
    assert (row["client"], row["window"], row["state"], row["sent"]) == ("acme", "weekly", "announced", True)


def test_site_that_cannot_be_read_is_said_so(crew: Crew):
    crew.move_host("web2", 1)
    found = crew.say("announce", "acme", "--json")
    sites = {one["site"]: one for one in found.json["sites"]}
    assert sites["acme-shop"]["read"]
    assert (sites["acme-blog"]["read"], sites["acme-blog"]["updates"]) == (False, [])
    assert "acme-blog could not be read: web2: " in found.err
    [text] = crew.folder.glob("reports/out/acme-announcement-weekly-*.txt")
    assert "We will check for updates at that time." in text.read_text()
