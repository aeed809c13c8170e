"""Each recipient has a separate state: everyone who can gets the mail once, and failures are recorded."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lab.shell import until
from runner.deliver import Letter, SmtpLimits, deliver, next_try, retry, retry_due
from runner.model import Contact
from runner.record import DeliveryState, Ledger
from tests.crew import start_sitecrew
from tests.deliver.conftest import mail

ROOT = Path(__file__).resolve().parents[2]
OFFICE, ANNA, HANS = (
    Contact("Büro", "office@acme.example"),
    Contact("Anna Müller, Acme", "anna@acme.example"),
    Contact("Hans", "hans@straße.example"),
)
THEN = datetime(2026, 12, 1, tzinfo=UTC)
JOERG = Contact('Jörg "Jo" Å', "jörg@straße.example")
WIRE = {"hans": "hans@xn--strae-oqa.example", "jörg": "jörg@xn--strae-oqa.example"}


def letter(*contacts):
    return Letter(
        client="acme", period="2026-11", kind="final", contacts=contacts, subject="Bericht für März",
        html="<p>Grüße</p>", text="Grüße\n", language="de", sender_name="Nordwind",
    )  # fmt: skip


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as opened:
        yield opened


@pytest.fixture
def post(ledger, lab_mail):
    settings = mail(lab_mail.ports["none"])
    return lambda *contacts, **more: deliver(
        ledger, settings, letter(*contacts), password=lambda: None, **more
    )


def states(delivery):
    return {one.address: one.state.value for one in delivery.recipients}


def envelopes(box):
    return [one.recipients for one in box.letters()]


def test_non_ascii_domain_reaches_its_mailbox(post, lab_mail):
    assert post(HANS).state is DeliveryState.SENT
    assert envelopes(lab_mail) == [(WIRE["hans"],)]
    assert lab_mail.letters()[0].message["To"].addresses[0].addr_spec == WIRE["hans"]


def test_server_without_smtputf8_gets_other_recipients(post, lab_mail):
    lab_mail.misbehave(without=["SMTPUTF8"])
    found = post(OFFICE, JOERG, HANS)
    assert found.state is DeliveryState.REFUSED
    assert states(found) == {
        "office@acme.example": "sent",
        WIRE["jörg"]: "refused",
        WIRE["hans"]: "sent",
    }
    assert "SMTPUTF8" in found.recipients[1].reply
    [kept] = lab_mail.letters()
    assert kept.recipients == ("office@acme.example", WIRE["hans"])
    assert "xn--strae" in str(kept.message["To"])
    assert "j" not in {address.username[0] for address in kept.message["To"].addresses}


@pytest.mark.parametrize("without", [[], ["8BITMIME"]])
def test_non_ascii_address_is_in_header(post, lab_mail, without):
    lab_mail.misbehave(without=without)
    assert post(OFFICE, JOERG).state is DeliveryState.SENT
    plain, utf8 = lab_mail.letters()
    assert (plain.recipients, utf8.recipients) == (("office@acme.example",), (WIRE["jörg"],))
    raw = utf8.path.read_bytes()
    [header] = [line for line in raw.split(b"\r\n") if line.startswith(b"To:")]
    assert f"<{WIRE['jörg']}>".encode() in header
    assert b"=?" not in header
    assert plain.path.read_bytes().isascii()
    assert utf8.message["Message-ID"] == plain.message["Message-ID"]
    assert utf8.message.get_body(("plain",)).get_content().split() == ["Grüße"]


def test_mail_to_only_non_ascii_address_is_complete(post, lab_mail):
    assert post(JOERG).state is DeliveryState.SENT
    [kept] = lab_mail.letters()
    assert kept.message["To"].addresses[0].display_name == JOERG.name
    assert kept.message.defects == []


@pytest.mark.parametrize("answer", ["450 4.2.0 greylisted", "452 4.2.2 mailbox full", "421 4.3.2 closing"])
def test_only_deferred_recipient_is_retried(post, lab_mail, answer):
    lab_mail.misbehave(rcpt={"anna@acme.example": answer})
    first = post(OFFICE, ANNA)
    assert states(first) == {"office@acme.example": "sent", "anna@acme.example": "queued"}
    assert first.state is DeliveryState.QUEUED
    assert answer in first.recipients[1].reply
    lab_mail.behave()
    second = post(OFFICE, ANNA)
    assert (second.state, second.attempted) == (DeliveryState.SENT, True)
    assert [one.attempts for one in second.recipients] == [1, 2]
    assert envelopes(lab_mail) == [("office@acme.example",), ("anna@acme.example",)]
    assert not post(OFFICE, ANNA).attempted


def test_refused_recipient_is_not_retried(post, lab_mail):
    lab_mail.misbehave(rcpt={"anna@acme.example": "550 5.1.1 no such user"})
    found = post(OFFICE, ANNA)
    assert states(found) == {"office@acme.example": "sent", "anna@acme.example": "refused"}
    lab_mail.behave()
    assert not post(OFFICE, ANNA).attempted
    assert len(lab_mail.letters()) == 1


def test_accepted_deferred_and_refused_in_one_mail(post, lab_mail):
    lab_mail.misbehave(rcpt={"anna@acme.example": "550 no", WIRE["hans"]: "451 later"})
    found = post(OFFICE, ANNA, HANS)
    assert list(states(found).values()) == ["sent", "refused", "queued"]
    lab_mail.misbehave(rcpt={WIRE["hans"]: "550 no"})
    assert list(states(post(OFFICE, ANNA, HANS)).values()) == ["sent", "refused", "refused"]
    assert envelopes(lab_mail) == [("office@acme.example",)]


def test_corrected_address_gets_mail_once(post, lab_mail):
    lab_mail.misbehave(rcpt={"anna@acme.example": "450 later"})
    post(OFFICE, ANNA)
    lab_mail.behave()
    found = post(OFFICE, replace(ANNA, email="anna.mueller@acme.example"))
    assert states(found) == {
        "office@acme.example": "sent",
        "anna@acme.example": "refused",
        "anna.mueller@acme.example": "sent",
    }
    assert envelopes(lab_mail) == [("office@acme.example",), ("anna.mueller@acme.example",)]
    assert lab_mail.letters()[1].message["To"].addresses[0].addr_spec == "anna.mueller@acme.example"


def test_connection_lost_between_recipients_sends_nothing(post, lab_mail):
    lab_mail.misbehave(rcpt={"office@acme.example": "550 no"}, drop_at=WIRE["hans"])
    found = post(OFFICE, ANNA, HANS)
    assert list(states(found).values()) == ["refused", "queued", "queued"]
    lab_mail.behave()
    assert list(states(post(OFFICE, ANNA, HANS)).values()) == ["refused", "sent", "sent"]
    assert envelopes(lab_mail) == [("anna@acme.example", WIRE["hans"])]


def test_connection_lost_after_message_is_unsure_for_accepted(post, lab_mail):
    lab_mail.misbehave(rcpt={"office@acme.example": "550 no", WIRE["hans"]: "450 later"}, drop="data")
    found = post(OFFICE, ANNA, HANS)
    assert list(states(found).values()) == ["refused", "unsure", "queued"]
    lab_mail.behave()
    again = post(OFFICE, ANNA, HANS)
    assert list(states(again).values()) == ["refused", "unsure", "sent"]
    assert envelopes(lab_mail) == [("anna@acme.example",), (WIRE["hans"],)]


@pytest.mark.parametrize(("most", "number"), [(100, 230), (30, 90)])
def test_long_recipient_list_is_split(post, lab_mail, most, number):
    lab_mail.misbehave(most=most)
    contacts = [Contact(f"Nr. {n}", f"n{n}@acme.example") for n in range(number)]
    assert post(*contacts).state is DeliveryState.SENT
    got = [address for envelope in envelopes(lab_mail) for address in envelope]
    assert sorted(got) == sorted(contact.email for contact in contacts)


def test_server_that_refuses_all_recipients_is_asked_once(post, lab_mail):
    lab_mail.misbehave(most=0)
    found = post(OFFICE, ANNA)
    assert set(states(found).values()) == {"queued"}
    assert sum(one["event"] == "refused" for one in lab_mail.transactions()) == 2


@pytest.mark.parametrize(
    "name",
    [
        "Müller, Anna",
        'Anna "Ann" Müller',
        "آنا مولر",
        "Anna\u202eexe.gpj",
        "a@b.example",
        "Ä" * 300,
        "(x);,<y>",
    ],
)
@pytest.mark.parametrize("contact", ["anna@acme.example", "änna@acme.example"])
def test_any_display_name_is_one_recipient(post, lab_mail, name, contact):
    assert post(Contact(name, contact)).state is DeliveryState.SENT
    [kept] = lab_mail.letters()
    [address] = kept.message["To"].addresses
    assert address.addr_spec == contact
    assert "\u202e" not in address.display_name
    assert max(map(len, kept.path.read_bytes().split(b"\r\n"))) <= 998


@pytest.mark.parametrize("address", ['"ann lee"@acme.example', "ann@[192.0.2.7]", "ann@[IPv6:2001:db8::7]"])
def test_unusual_addresses_are_sent_unchanged(post, lab_mail, address):
    assert post(Contact("Ann", address)).state is DeliveryState.SENT
    [kept] = lab_mail.letters()
    assert kept.recipients == (address,)
    assert kept.message["To"].addresses[0].addr_spec == address


def test_non_ascii_sender_domain_is_sent_as_ascii(ledger, lab_mail):
    settings = mail(lab_mail.ports["none"], sender="Agentur Größe <care@größe.example>")
    found = deliver(ledger, settings, letter(OFFICE), password=lambda: None)
    assert found.state is DeliveryState.SENT
    [kept] = lab_mail.letters()
    assert kept.sender == "care@xn--gre-6ka8i.example"
    assert kept.message["From"].addresses[0].display_name == "Agentur Größe"


def test_queued_message_is_sent_when_due(ledger, post, lab_mail):
    settings = mail(lab_mail.ports["none"])
    lab_mail.misbehave(rcpt={"anna@acme.example": "450 greylisted"})
    post(OFFICE, ANNA)
    lab_mail.behave()
    [view] = ledger.deliveries.list()
    early, due = (next_try(view) + timedelta(seconds=one) for one in (-1, 0))
    assert due - view.updated == timedelta(minutes=5)
    assert retry_due(ledger, settings, password=lambda: None, now=early) == ()
    [found] = retry_due(ledger, settings, password=lambda: None, now=due)
    assert found.state is DeliveryState.SENT
    assert envelopes(lab_mail) == [("office@acme.example",), ("anna@acme.example",)]


def test_retry_waits_grow_to_six_hours(ledger, post, lab_mail):
    lab_mail.misbehave(rcpt="450 later")
    post(OFFICE)
    [view] = ledger.deliveries.list()
    waits = [next_try(replace(view, attempts=n)) - view.updated for n in (1, 2, 3, 8, 1000)]
    assert waits == [timedelta(minutes=n) for n in (5, 10, 20, 360, 360)]


def test_recipients_of_earlier_version_get_message_state(ledger):
    from runner.record.schema import deliveries

    with ledger.store.write() as connection:
        connection.execute(
            deliveries.insert().values(
                message_id="<m@x>", client="acme", period="2026-11", recipients=["a@b.example"], subject="x",
                message=b"x", state="refused", attempts=2, reply="550 no", created=THEN, updated=THEN,
            )
        )  # fmt: skip
    [view] = ledger.deliveries.list()
    assert [(one.address, one.state, one.attempts, one.reply) for one in view.recipients] == [
        ("a@b.example", DeliveryState.REFUSED, 2, "550 no")
    ]


class Workspace:
    """A workspace with two contacts and the lab's mail server; commands run as processes."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        (folder / "inventory.yaml").write_text(
            "hosts: {}\nclients:\n  acme:\n    name: Acme\n    contacts:\n"
            "      - {name: Office, email: office@acme.example}\n"
            "      - {name: Hans, email: hans@straße.example}\n"
        )
        (folder / "sitecrew.yaml").write_text(
            f"mail: {{host: 127.0.0.1, port: {port}, from: care@a.example, security: none}}\n"
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return start_sitecrew(
            *arguments, folder=self.folder, env={"XDG_CONFIG_HOME": str(self.folder / "user")}
        )

    def say(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        _, err = process.communicate(timeout=60)
        return process.returncode, err

    def report(self, *more: str) -> tuple[int, str]:
        return self.say("report", "acme", "--period", "2026-11", *more)

    def ledger(self) -> Ledger:
        return Ledger.open(f"sqlite:///{self.folder}/.sitecrew/ledger.db")


@pytest.fixture
def workspace(tmp_path, lab_mail):
    return Workspace(tmp_path, lab_mail.ports["none"])


def test_send_prints_each_recipient_and_worst_exit_code(workspace, lab_mail):
    lab_mail.misbehave(rcpt={WIRE["hans"]: "450 4.7.1 greylisted"})
    code, said = workspace.report("--send")
    assert code == 3, said
    assert "office@acme.example: sent: 250" in said
    assert f"{WIRE['hans']}: queued: 450 4.7.1 greylisted" in said
    lab_mail.misbehave(rcpt={WIRE["hans"]: "550 5.1.1 unknown"})
    code, said = workspace.report("--send")
    assert code == 3, said
    assert f"{WIRE['hans']}: refused: 550 5.1.1 unknown" in said
    lab_mail.behave()
    assert workspace.report("--send")[0] == 3
    assert envelopes(lab_mail) == [("office@acme.example",)]
    assert workspace.report("--send", "--again")[0] == 0
    assert workspace.report("--again")[0] == 2


def test_tick_sends_due_messages(workspace, lab_mail):
    lab_mail.misbehave(rcpt={WIRE["hans"]: "450 4.7.1 greylisted"})
    workspace.report("--send")
    lab_mail.behave()
    code, said = workspace.say("tick")
    assert (code, "report to" in said) == (0, False), "it is not due yet"
    with workspace.ledger() as ledger:
        [view] = ledger.deliveries.list()
        long_ago = view.updated - timedelta(minutes=5)
        ledger.deliveries.update(
            view.message_id, before={view.state}, recipients=view.recipients, at=long_ago
        )
    code, said = workspace.say("tick")
    assert (code, f"report to {WIRE['hans']}: sent: 250" in said) == (0, True), said
    assert "office" not in said
    assert envelopes(lab_mail) == [("office@acme.example",), (WIRE["hans"],)]


def test_killed_sender_leaves_recipients_unsure(workspace, lab_mail):
    lab_mail.misbehave(rcpt={"office@acme.example": "450 later"})
    workspace.report("--send")
    lab_mail.misbehave(hang="data")
    process = workspace.start("report", "acme", "--period", "2026-11", "--send")
    until(lambda: any(one["event"] == "hung" for one in lab_mail.transactions()), "the server to fall silent")
    process.kill()
    process.communicate()
    lab_mail.behave()
    code, said = workspace.report("--send")
    assert (code, "office@acme.example: sending" in said) == (3, True), said
    with workspace.ledger() as ledger:
        [view] = ledger.deliveries.list()
        settings = mail(lab_mail.ports["none"])
        found = retry(ledger, settings, view.message_id, password=lambda: None, limits=SmtpLimits(whole=0))
    assert states(found) == {"office@acme.example": "unsure", WIRE["hans"]: "sent"}
    code, said = workspace.report("--send")
    assert (code, "may have arrived" in said) == (3, True), said
    assert envelopes(lab_mail) == [(WIRE["hans"],)]
