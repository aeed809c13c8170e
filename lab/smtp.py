"""The mail server process: `python -m lab.smtp FOLDER ADDRESS PORT_OPEN PORT_STARTTLS PORT_TLS`.

It keeps what it receives as .eml files with the envelope beside them as .json, and reads
FOLDER/behaviour.json anew at the start of every session (see `lab.mailbox.Mailbox.misbehave`).
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
import warnings
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from lab.mailbox import HOST_NAME, PASSWORD, USERNAME
from lab.shell import write

SIZE_LIMIT = 40 * 1024 * 1024


class Keeper:
    """The folder that messages and the log of transactions go to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = count(1)
        self.changed = 0
        self.sessions = 0

    def behaviour(self) -> dict[str, Any]:
        """How the session that begins now is to be treated; {} is well."""
        path = self.folder / "behaviour.json"
        try:
            changed = path.stat().st_mtime_ns
            told: dict[str, Any] = json.loads(path.read_text())
        except FileNotFoundError:
            return {}
        self.sessions = self.sessions + 1 if changed == self.changed else 1
        self.changed = changed
        limit = told.get("sessions")
        return told if limit is None or self.sessions <= limit else {}

    def keep(self, sender: str, recipients: list[str], content: bytes) -> str:
        """Stores a message; returns its name."""
        name = f"{time.time_ns()}.{next(self.numbers):04}"
        write(self.folder / f"new/{name}.json", json.dumps({"sender": sender, "recipients": recipients}))
        fresh = self.folder / f"tmp/{name}.eml"
        fresh.write_bytes(content)
        fresh.chmod(0o644)
        fresh.rename(self.folder / f"new/{name}.eml")
        return name

    def note(self, door: str, event: str, **more: Any) -> None:
        """Adds a line to the log of transactions."""
        line = {"at": time.time(), "door": door, "event": event, **more}
        with (self.folder / "transactions.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")


class Answers:
    """What the server says at each stage of one session."""

    def __init__(self, keeper: Keeper, door: str) -> None:
        self.keeper = keeper
        self.door = door
        self.told = keeper.behaviour()
        self.note = partial(keeper.note, door)

    async def misbehave(self, server: SMTP, stage: str, answer: str = "") -> str | None:
        """Falls silent, resets the link or gives a refusal, as told; None is to go on."""
        if self.told.get("hang") == stage:
            self.note("hung", stage=stage)
            await asyncio.Event().wait()
        if self.told.get("drop") == stage and isinstance(server.transport, asyncio.WriteTransport):
            self.note("dropped", stage=stage)
            server.transport.abort()
            await asyncio.Event().wait()
        if answer:
            self.note("refused", stage=stage, answer=answer)
            return answer
        return None

    async def handle_EHLO(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        without = self.told.get("without") or ()
        server.enable_SMTPUTF8 = "SMTPUTF8" not in without
        return [line for line in responses if line[4:] not in without]

    async def handle_MAIL(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := await self.misbehave(server, "mail", self.told.get("mail", "")):
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 fine"

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        told = self.told.get("rcpt", "")
        answer = told.get(address, "") if isinstance(told, dict) else told
        if (most := self.told.get("most")) is not None and len(envelope.rcpt_tos) >= most:
            answer = "452 4.5.3 too many recipients"
        if address == self.told.get("drop_at") and isinstance(server.transport, asyncio.WriteTransport):
            self.note("dropped", stage="rcpt", address=address)
            server.transport.abort()
            await asyncio.Event().wait()
        if refusal := await self.misbehave(server, "rcpt", answer):
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 fine"

    async def handle_DATA(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        name = ""
        if not self.told.get("data") and self.told.get("hang") != "data":
            content = envelope.original_content or b""
            name = self.keeper.keep(envelope.mail_from or "", envelope.rcpt_tos, content)
            self.note("kept", name=name, sender=envelope.mail_from, recipients=envelope.rcpt_tos)
        refusal = await self.misbehave(server, "data", self.told.get("data", ""))
        return refusal or f"250 2.0.0 kept as {name}"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: Any
    ) -> AuthResult:
        known = LoginPassword(USERNAME.encode(), PASSWORD.encode())
        self.note("login", user=data.login.decode(errors="replace"), success=data == known)
        return AuthResult(success=data == known, handled=False)


class Server(SMTP):
    """A session that may refuse before it greets."""

    async def _handle_client(self) -> None:
        answers: Answers = self.event_handler
        answers.note("connect", told={key: value for key, value in answers.told.items() if value})
        refusal = await answers.misbehave(self, "connect", answers.told.get("connect", ""))
        if refusal is None:
            await super()._handle_client()
        elif isinstance(self.transport, asyncio.WriteTransport):
            await self.push(refusal)
            self.transport.close()


def session(keeper: Keeper, door: str, starttls: ssl.SSLContext | None) -> Server:
    """A protocol for one connection; its behaviour is read here."""
    answers = Answers(keeper, door)
    return Server(
        answers,
        hostname=HOST_NAME,
        ident="lab",
        data_size_limit=SIZE_LIMIT,
        enable_SMTPUTF8=True,
        tls_context=starttls,
        require_starttls=starttls is not None,
        auth_required=door != "none",
        auth_require_tls=door == "starttls",
        authenticator=answers.authenticate,
        loop=asyncio.get_running_loop(),
    )


async def serve(folder: Path, address: str, ports: list[int]) -> None:
    """Listens at the three doors until the process ends."""
    keeper = Keeper(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    loop = asyncio.get_running_loop()
    doors = (("none", None, None), ("starttls", context, None), ("tls", None, context))
    for port, (door, starttls, tls) in zip(ports, doors, strict=True):
        await loop.create_server(partial(session, keeper, door, starttls), address, port, ssl=tls)
    await asyncio.Event().wait()


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message="Requiring AUTH while not requiring TLS")
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2], [int(port) for port in sys.argv[3:6]]))
