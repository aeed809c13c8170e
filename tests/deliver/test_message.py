"""Messages: names and subjects in any script, and no header injection."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from runner.deliver import Letter, Picture, compose, message_id
from runner.deliver.message import as_bytes
from runner.errors import DeliveryError
from runner.model import Contact
from tests.deliver.conftest import CONTACTS, mail

NOW = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)


def made(contacts=CONTACTS, name="", **changes):
    settings = mail(587)
    values = {
        "subject": "Ihre Websites, März 2026: alles in Ordnung",
        "html": "<p>Grüße</p>",
        "text": "Grüße\n",
        "language": "de",
        "sender_name": "Nordwind Webpflege",
        "reply_to": "care@northwind.example",
    }
    letter = Letter(client="acme", period="2026-11", kind="final", contacts=contacts, **(values | changes))
    name = name or message_id(settings, "acme", "2026-11", "final")
    content = as_bytes(compose(settings, letter, name, NOW))
    return content, message_from_bytes(content, policy=policy.default)


def test_message_has_all_headers_and_parts():
    content, message = made()
    assert content.isascii()
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert message["From"] == "Nordwind Webpflege <care@northwind.example>"
    assert message["To"] == "Büro <office@acme.example>, Anna <anna@acme.example>"
    assert message["Reply-To"] == "care@northwind.example"
    assert message["Subject"] == "Ihre Websites, März 2026: alles in Ordnung"
    assert message["Date"] == "Tue, 01 Dec 2026 07:00:00 +0000"
    assert message["Content-Language"] == "de"
    assert message["Auto-Submitted"] == "auto-generated"
    text, html = message.iter_parts()
    assert (text.get_content_type(), text.get_content().strip()) == ("text/plain", "Grüße")
    assert (html.get_content_type(), html.get_content().strip()) == ("text/html", "<p>Grüße</p>")


def test_same_report_has_same_message_id():
    assert made()[1]["Message-ID"] == made()[1]["Message-ID"]


def test_picture_is_related_to_html():
    _, message = made(picture=Picture("logo", "png", b"\x89PNG..."))
    related = list(message.iter_parts())[1]
    assert related.get_content_type() == "multipart/related"
    html, picture = related.iter_parts()
    assert html.get_content_type() == "text/html"
    assert (picture["Content-ID"], picture.get_content()) == ("<logo>", b"\x89PNG...")


@pytest.mark.parametrize(
    "name", ["Eve\r\nBcc: all@x.example", "Eve\nBcc: all@x.example", "Eve\x00\x85Bcc: x"]
)
def test_name_cannot_inject_header(name):
    _, message = made([Contact(name, "eve@acme.example")], sender_name=name, subject=name)
    assert message["Bcc"] is None
    assert len(message["To"].addresses) == 1
    assert message.defects == []


@pytest.mark.parametrize(
    "address", ["", "office", "@acme.example", "office@", "a b@acme.example", "a@acme.example\r\nBcc: b@c.d"]
)
def test_message_to_invalid_address_is_refused(address):
    with pytest.raises(DeliveryError, match="is not an e-mail address"):
        made([Contact("Office", address)])


def test_message_without_recipients_is_refused():
    with pytest.raises(DeliveryError, match="no contacts"):
        made([])


def test_non_ascii_domain_is_sent_as_ascii():
    _, message = made([Contact("Bäckerei", "b@bäckerei.example")])
    assert message["To"].addresses[0].addr_spec == "b@xn--bckerei-5wa.example"


def test_message_id_is_stable_and_unique():
    settings = mail(587)
    ids = [
        message_id(settings, *of)
        for of in [
            ("acme", "2026-11", "final"),
            ("acme", "2026-12", "final"),
            ("acme", "2026-11", "interim-2026-11-23"),
            ("ac.me", "2026-11", "final"),
            ("ac-me", "2026-11", "final"),
        ]
    ]
    assert len(set(ids)) == 5
    assert ids[0] == message_id(settings, "acme", "2026-11", "final")
    assert ids[0] != message_id(settings, "acme", "2026-11", "final", edition=2)
    assert ids[0].endswith("@northwind.example>")


def test_message_id_of_long_client_name_is_one_line():
    settings = mail(587)
    name = message_id(settings, "a" * 200, "2026-11", "interim-2026-11-23", edition=12)
    _, message = made(name=name)
    assert message["Message-ID"] == name
