"""A real SMTP server for each test, with its own certificates."""

# ruff: noqa: ARG002, N802  # names and arguments are those that aiosmtpd calls

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

import lab.mailbox
from lab.certificates import Authority
from lab.processes import Processes
from runner.deliver import SmtpLimits
from runner.model import Contact, Mail, MailSecurity

USER, PASSWORD = "care", "pässword-1234"
QUICK = SmtpLimits(wait=0.5, whole=2.0)
CONTACTS = (Contact("Büro", "office@acme.example"), Contact("Anna", "anna@acme.example"))


@dataclass
class Mailbox:
    """What the server received, and how it behaves: an answer per stage, or an action."""

    port: int = 0
    envelopes: list[Envelope] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    drop_after_data: bool = False
    hang_after_data: bool = False
    gate: threading.Event = field(default_factory=threading.Event)

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list
    ):
        if "mail" in self.answers:
            return self.answers["mail"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list
    ):
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "data" in self.answers:
            return self.answers["data"]
        self.envelopes.append(envelope)
        if self.drop_after_data:
            server.transport.abort()
        if self.hang_after_data:
            await server.loop.run_in_executor(None, self.gate.wait, 10)
        return "250 2.0.0 Ok: queued as 4F3"

    def authenticate(self, server, session, envelope, mechanism, data):
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login.decode())
        return AuthResult(success=data.password.decode() == PASSWORD, handled=False)


@dataclass(frozen=True)
class Certificate:
    authority: Path
    chain: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain)
        return context


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate only for 127.0.0.1."""
    return make_certificate(tmp_path_factory.mktemp("tls"), "127.0.0.1")


def make_certificate(folder: Path, address: str) -> Certificate:
    """Return a certificate for an address only, with the authority that signed it."""
    authority = Authority(folder)
    server = authority.issue("server", [address])
    chain = folder / "chain.pem"
    chain.write_bytes(server.with_suffix(".key").read_bytes() + server.read_bytes())
    return Certificate(authority.path, chain)


@pytest.fixture
def serve(certificate: Certificate) -> Iterator[Callable[..., Mailbox]]:
    """Start a server with `none`, `starttls` or `tls`; with `login` it requires authentication."""
    running: list[tuple[Controller, Mailbox]] = []

    def start(security: str = "none", *, login: bool = False, chain: Certificate = certificate) -> Mailbox:
        mailbox = Mailbox(port=free_port())
        options: dict = {"decode_data": False, "enable_SMTPUTF8": False}
        if login:
            options |= {"authenticator": mailbox.authenticate, "auth_required": True}
            options["auth_require_tls"] = security == "starttls"
        if security == "starttls":
            options |= {"tls_context": chain.context(), "require_starttls": True}
        if security == "tls":
            options["ssl_context"] = chain.context()
        controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port, ready_timeout=10, **options)
        controller.start()
        running.append((controller, mailbox))
        return mailbox

    yield start
    for controller, mailbox in running:
        mailbox.gate.set()
        controller.stop()


@pytest.fixture
def scripted() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """Serve one connection with a function; return the port."""
    threads: list[threading.Thread] = []

    def start(talk: Callable[[socket.socket], None]) -> int:
        listener = socket.create_server(("127.0.0.1", 0))

        def serve_one() -> None:
            with closing(listener), listener.accept()[0] as link:
                talk(link)

        thread = threading.Thread(target=serve_one, daemon=True)
        thread.start()
        threads.append(thread)
        return listener.getsockname()[1]

    yield start
    for thread in threads:
        thread.join(10)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def mail(port: int, security: str = "none", **changes) -> Mail:
    values = {
        "host": "127.0.0.1",
        "port": port,
        "sender": "care@northwind.example",
        "security": MailSecurity(security),
    }
    return Mail(**(values | changes))


@pytest.fixture(scope="session")
def _lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.mailbox.Mailbox]:
    folder = tmp_path_factory.mktemp("mail")
    processes = Processes(folder / "run", folder / "logs")
    box = lab.mailbox.Mailbox(folder / "box", "127.0.0.1", (free_port(), free_port(), free_port()), processes)
    box.start()
    yield box
    processes.stop("mailbox")


@pytest.fixture
def lab_mail(_lab: lab.mailbox.Mailbox) -> Iterator[lab.mailbox.Mailbox]:
    """The lab's mail server, a separate process, with an empty mailbox."""
    _lab.clear()
    yield _lab
    _lab.behave()
