"""What the lab's mail server received, and how to make it misbehave."""

from __future__ import annotations

import email
import email.policy
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import certificates
from lab.hosts import answers
from lab.shell import write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from email.message import EmailMessage

    from lab.processes import Processes

__all__ = ["PASSWORD", "USERNAME", "Letter", "Mailbox"]

USERNAME = "care"
PASSWORD = "letters-only"
HOST_NAME = "mail.lab.example"


@dataclass(frozen=True, slots=True)
class Letter:
    """A kept message, with the envelope that it came in."""

    path: Path
    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage


class Mailbox:
    """One server process with three doors: open, STARTTLS with login, TLS with login."""

    username = USERNAME
    password = PASSWORD

    def __init__(self, folder: Path, address: str, ports: tuple[int, int, int], processes: Processes) -> None:
        self.folder = folder
        self.address = address
        self.ports = dict(zip(("none", "starttls", "tls"), ports, strict=True))
        self.processes = processes

    @property
    def ca_file(self) -> Path:
        """The authority to trust for STARTTLS and TLS."""
        return self.folder / "ca.pem"

    @property
    def letters_folder(self) -> Path:
        """The folder of .eml files, one a message."""
        return self.folder / "new"

    def start(self) -> bool:
        """Starts the server. Returns whether it was started now."""
        for name in ("new", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        certificates.ensure(self.folder, self.address, HOST_NAME)
        ports = [str(port) for port in self.ports.values()]
        return self.processes.start(
            "mailbox",
            [sys.executable, "-m", "lab.smtp", str(self.folder), self.address, *ports],
            env={"PYTHONPATH": str(Path(__file__).parents[1])},
            ready=lambda: all(answers(self.address, port) for port in self.ports.values()),
        )

    def letters(self) -> list[Letter]:
        """Everything that was kept, oldest first."""
        return [self._letter(path) for path in sorted(self.letters_folder.glob("*.eml"))]

    def transactions(self) -> list[dict[str, Any]]:
        """What clients tried, in order: `{"at", "door", "event", ...}`.

        Events are `connect`, `login`, `refused`, `hung`, `dropped` and `kept`.
        """
        log = self.folder / "transactions.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def misbehave(
        self,
        *,
        connect: str = "",
        mail: str = "",
        rcpt: str | Mapping[str, str] = "",
        data: str = "",
        hang: str = "",
        drop: str = "",
        without: Sequence[str] = (),
        most: int | None = None,
        drop_at: str = "",
        sessions: int | None = None,
    ) -> None:
        """Sets how sessions that begin from now on are treated.

        Args:
            connect: Answer instead of the greeting, e.g. `421 4.3.2 too busy`.
            mail: Answer to MAIL FROM.
            rcpt: Answer to RCPT TO, for all or by address.
            data: Answer after the message; it is not kept.
            hang: Stage (`connect`, `mail`, `rcpt`, `data`) at which the server falls silent for good.
            drop: Stage at which it resets the connection; at `data` the message **is** kept before.
            without: Extensions that are not offered: `SMTPUTF8`, `8BITMIME`.
            most: Recipients of one message; more are answered with 452 4.5.3.
            drop_at: Recipient at which it resets the connection, after it took those before.
            sessions: How many sessions it lasts; None for ever.
        """
        told = {"connect": connect, "mail": mail, "rcpt": rcpt, "data": data, "hang": hang, "drop": drop}
        limits = {"without": list(without), "most": most, "drop_at": drop_at, "sessions": sessions}
        write(self.folder / "behaviour.json", json.dumps({**told, **limits}))

    def behave(self) -> None:
        """Back to a server that accepts everything."""
        (self.folder / "behaviour.json").unlink(missing_ok=True)

    def clear(self) -> None:
        """Empties the mailbox and its log, and behaves again."""
        self.behave()
        for path in self.letters_folder.glob("*"):
            path.unlink(missing_ok=True)
        (self.folder / "transactions.jsonl").unlink(missing_ok=True)

    def _letter(self, path: Path) -> Letter:
        envelope = json.loads(path.with_suffix(".json").read_text())
        raw = path.read_bytes()
        header, _, _ = raw.partition(b"\r\n\r\n")
        message = (
            email.message_from_bytes(raw, policy=email.policy.default)
            if header.isascii()
            else email.message_from_string(raw.decode(), policy=email.policy.default)
        )
        return Letter(path, envelope["sender"], tuple(envelope["recipients"]), message)
