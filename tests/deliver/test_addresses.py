"""Addresses as they are sent: a non-ASCII domain keeps its meaning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.addresses import ascii_domain, mail_address
from runner.deliver.message import recipients_of
from runner.errors import DeliveryError
from runner.model import Contact


@pytest.mark.parametrize(
    ("written", "wire"),
    [
        ("hans@straße.example", "hans@xn--strae-oqa.example"),
        ("hans@STRAßE.Example", "hans@xn--strae-oqa.example"),
        ("hans@strasse.example", "hans@strasse.example"),
        ("hans@xn--strae-oqa.example", "hans@xn--strae-oqa.example"),
        ("Hans.Meier@Acme.Example", "Hans.Meier@acme.example"),
        ("a@bäckerei.example", "a@xn--bckerei-5wa.example"),
        ("a@ba\u0308ckerei.example", "a@xn--bckerei-5wa.example"),
        ("a@βόλος.example", "a@xn--nxasmm1c.example"),
        ("a@例え。example", "a@xn--r8jz45g.example"),
        ("jörg@straße.example", "jörg@xn--strae-oqa.example"),
        ("office+reports@acme.example", "office+reports@acme.example"),
        ('"ann lee"@acme.example', '"ann lee"@acme.example'),
        ("ann@[192.0.2.7]", "ann@[192.0.2.7]"),
        ("ann@[IPv6:2001:db8::7]", "ann@[IPv6:2001:db8::7]"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_address_keeps_its_domain(written, wire):
    assert str(mail_address(written)) == wire


@pytest.mark.parametrize(
    "written",
    [
        "", "@", "a@", "@b.example", "a b@c.example", "a@b c.example", "a@b..example", "a@-b.example",
        "a@b.example.", ".a@b.example", "a.@b.example", "a@xn--a.example", "a@☕.example",
        "a@[192.0.2.7", "a@[2001:db8::7]",
        "a@[IPv6:192.0.2.7]", "a@[999.0.0.1]", '"a"b"@c.example', '"a\\"@c.example',
        '""@c.example', "a@b\n.example",
        "a\r\nBcc: b@c.example", "<a@b.example>", "a@b.example, c@d.example", "é" * 33 + "@a.example",
        "a@" + "b" * 64 + ".example", "a@" + "b." * 130 + "example", "a@\u202eb.example",
    ],
)  # fmt: skip
def test_invalid_address_is_refused(written):
    with pytest.raises(ValueError, match=r"."):
        mail_address(written)


@given(st.text(max_size=80))
def test_parsed_address_has_no_line_break(text):
    try:
        found = mail_address(text)
    except ValueError:
        return
    assert found.domain.isascii()
    assert not set("\r\n\0<>") & set(str(found))
    assert mail_address(str(found)) == found


@given(st.text(max_size=80))
def test_ascii_domain_is_unchanged(text):
    try:
        found = ascii_domain(text)
    except ValueError:
        return
    assert ascii_domain(found) == found


def test_two_spellings_of_mailbox_are_one_recipient():
    contacts = [
        Contact("Office", "Office@Acme.example"),
        Contact("The office", "office@acme.example"),
        Contact("Hans", "hans@straße.example"),
        Contact("Hans again", "HANS@xn--strae-oqa.example"),
        Contact("Plus", "office+a@acme.example"),
    ]
    assert [(one.name, one.address) for one in recipients_of(contacts)] == [
        ("Office", "Office@acme.example"),
        ("Hans", "hans@xn--strae-oqa.example"),
        ("Plus", "office+a@acme.example"),
    ]


def test_contact_with_invalid_address_is_refused():
    with pytest.raises(DeliveryError, match="is not an e-mail address"):
        recipients_of([Contact("Office", "office")])
