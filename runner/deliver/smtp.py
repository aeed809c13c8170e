"""Hands one message to an SMTP server, and knows afterwards what became of it: also when it cannot know."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from ipaddress import ip_address

from runner.deliver.handover import Handover, Refusal, SmtpLimits, Verdict
from runner.errors import DeliveryError
from runner.model import Mail, MailSecurity
from runner.untrusted import sentence

__all__ = ["greet", "send"]

_TEMPORARY = range(400, 500)
_FINAL = range(500, 600)
_LOGGED_IN = 235
_START = 354
_ACCEPTED = (250, 251)
_REPLY = 300
"""Characters of a server's answer that are kept."""
_LINE = 2048
"""Bytes of a line of an answer; the protocol allows 512."""
_LINES = 100
_CODE = re.compile(rb"[2-5][0-9][0-9](?=[ \r\n-]|$)")
_GOODBYE = 3.0
"""Seconds for saying goodbye."""
_INSTANT = 0.02
"""Seconds: the last wait of a conversation and its deadline end together."""
_TROUBLE = (OSError, smtplib.SMTPException, ValueError)
"""What a conversation may end with; the library gives some answers of servers to parsers that refuse them."""


def send(
    mail: Mail,
    sender: str,
    recipients: Sequence[str],
    message: bytes,
    *,
    password: str | None = None,
    limits: SmtpLimits | None = None,
) -> Handover:
    """Send a message once.

    Args:
        mail: The server, how the connection is protected, and who logs in.
        sender: Address for the envelope.
        recipients: Addresses for the envelope.
        message: The bytes, lines ended by CRLF.
        password: For `mail.username`.
        limits: How long is waited.

    Raises:
        DeliveryError: The settings are unsafe or wrong, the server's certificate or login is not accepted, or
            it offers no protection: a person has to change something.
    """
    talk = _begin(mail, limits)
    try:
        with talk.deadline():
            talk.open()
            talk.login(password)
            return talk.hand_over(sender, recipients, message)
    except _TROUBLE as error:
        return _ended(talk, error)
    finally:
        talk.close()


def greet(mail: Mail, *, password: str | None = None, limits: SmtpLimits | None = None) -> None:
    """Connect and log in as `send` would, and leave without a message.

    Raises:
        DeliveryError: That does not work; the message says why.
    """
    talk = _begin(mail, limits)
    try:
        with talk.deadline():
            talk.open()
            talk.login(password)
    except _TROUBLE as error:
        raise DeliveryError(
            f"no mail leaves by {mail.host}:{mail.port}: {_ended(talk, error).reply}",
            hint="check mail.host, mail.port and mail.security in sitecrew.yaml",
        ) from None
    finally:
        talk.close()


def _begin(mail: Mail, limits: SmtpLimits | None) -> _Talk:
    if mail.username and mail.security is MailSecurity.NONE and not _is_loopback(mail.host):
        raise DeliveryError(
            f"the password for {mail.host} would cross the network unprotected",
            hint="set mail.security to starttls or tls in sitecrew.yaml",
        )
    return _Talk(mail, limits or SmtpLimits())


class _Bounded(smtplib.SMTP):
    """Reads answers of bounded length, and within the time of the whole conversation.

    It tells the talk about itself before it connects, so that a deadline can cut it at any time.
    """

    talk: _Talk

    def getreply(self) -> tuple[int, bytes]:
        """Code and text of the next answer; the code is -1 where there is none.

        Raises:
            smtplib.SMTPServerDisconnected: the connection is lost, or the answer has no end.
            TimeoutError: the time is over.
        """
        lines: list[bytes] = []
        while len(lines) < _LINES:
            line = self._line()
            lines.append(line[4:].strip(b" \t\r\n"))
            if not _CODE.match(line) or line[3:4] != b"-":
                return int(line[:3]) if _CODE.match(line) else -1, b"\n".join(lines)
        self.close()
        raise smtplib.SMTPServerDisconnected(f"its answer has more than {_LINES} lines")

    def _line(self) -> bytes:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        self.sock.settimeout(self.talk.patience())
        if self.file is None:
            self.file = self.sock.makefile("rb")
        try:
            line = self.file.readline(_LINE + 1)
        except OSError as error:
            self.close()
            raise smtplib.SMTPServerDisconnected(f"the connection is lost: {error}") from error
        if line.endswith(b"\n") and len(line) <= _LINE:
            return line
        self.close()
        why = "its answer has a line without end" if len(line) > _LINE else "the connection is lost"
        raise smtplib.SMTPServerDisconnected(why)


class _Plain(_Bounded):
    """Encrypted later, or not at all."""

    def __init__(self, talk: _Talk, host: str, port: int) -> None:
        self.talk, talk.smtp = talk, self
        super().__init__(host, port, timeout=talk.patience())


class _Sealed(_Bounded, smtplib.SMTP_SSL):
    """Encrypted from the first byte."""

    def __init__(self, talk: _Talk, host: str, port: int, *, context: ssl.SSLContext) -> None:
        self.talk, talk.smtp = talk, self
        super().__init__(host, port, timeout=talk.patience(), context=context)


class _Talk:
    """One conversation. `handed` turns true when the message's last byte is out."""

    def __init__(self, mail: Mail, limits: SmtpLimits) -> None:
        self.mail = mail
        self.limits = limits
        self.smtp: smtplib.SMTP | None = None
        self.handed = False
        self.late = False
        self.end = time.monotonic() + limits.whole
        self.accepted: list[str] = []
        self.refused: list[Refusal] = []

    def patience(self) -> float:
        """Seconds for the next wait.

        Raises:
            TimeoutError: the time for the conversation is over.
        """
        left = self.end - time.monotonic()
        if left <= 0:
            self.late = True
            raise TimeoutError("the time is over")
        return min(self.limits.wait, left)

    @contextmanager
    def deadline(self) -> Iterator[None]:
        """Cuts the connection at the end of the whole time: a server that drips bytes cannot hold us."""
        timer = threading.Timer(max(self.end - time.monotonic(), 0), self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def open(self) -> None:
        """Connect, encrypted as asked."""
        mail = self.mail
        if mail.security is MailSecurity.TLS:
            with self._certificates() as context:
                smtp: smtplib.SMTP = _Sealed(self, mail.host, mail.port, context=context)
        else:
            smtp = _Plain(self, mail.host, mail.port)
        smtp.ehlo_or_helo_if_needed()
        if mail.security is MailSecurity.STARTTLS:
            if not smtp.has_extn("starttls"):
                raise DeliveryError(
                    f"{mail.host} offers no encryption (no STARTTLS)",
                    hint="check mail.host and mail.port; many servers want security: tls with port 465",
                )
            with self._certificates() as context:
                smtp.starttls(context=context)
            smtp.ehlo_or_helo_if_needed()

    def login(self, password: str | None) -> None:
        """Log in where the settings name a user. No error carries the password."""
        if not self.mail.username or self.smtp is None:
            return
        host, user = self.mail.host, self.mail.username
        why, hint = "", "check mail.username and mail.password in sitecrew.yaml"
        try:
            _log_in(self.smtp, user, password or "")
        except (smtplib.SMTPServerDisconnected, TimeoutError):
            raise
        except smtplib.SMTPResponseException as error:
            if error.smtp_code not in _FINAL:
                raise
            why = f"{host} refused the login of {user} ({error.smtp_code})"
        except smtplib.SMTPException:
            why = f"{host} offers no login that we know"
        if why:  # raised out here, so that no context of it holds what was sent
            raise DeliveryError(why, hint=hint)

    def hand_over(self, sender: str, recipients: Sequence[str], message: bytes) -> Handover:
        """Envelope, then the message itself."""
        smtp = self.smtp
        assert smtp is not None  # noqa: S101  # opened before
        smtp.ehlo_or_helo_if_needed()
        utf8 = not all(address.isascii() for address in (sender, *recipients))
        if utf8 and not smtp.has_extn("smtputf8"):
            why = "the server takes no addresses with letters beyond ASCII before the @ (no SMTPUTF8)"
            return Handover(verdict=Verdict.REFUSED, reply=why)
        eight_bit = ["BODY=8BITMIME"] if smtp.has_extn("8bitmime") else []
        code, reply = smtp.mail(sender, ["SMTPUTF8", *eight_bit] if utf8 else [])
        if code not in _ACCEPTED:
            return self._no(code, reply)
        for address in recipients:
            code, reply = smtp.rcpt(address)
            if code in _ACCEPTED:
                self.accepted.append(address)
            else:
                self.refused.append(Refusal(address, code, _text(reply)))
        if not self.accepted:
            later = all(refusal.temporary for refusal in self.refused)
            said = "; ".join(f"{r.address}: {r.code} {r.reply}" for r in self.refused)
            verdict = Verdict.LATER if later else Verdict.REFUSED
            return Handover(verdict=verdict, reply=said, refused=tuple(self.refused))
        code, reply = smtp.docmd("DATA")
        if code != _START:
            return self._no(code, reply)
        smtp.send(_stuffed(message))
        self.handed = True
        code, reply = smtp.getreply()
        if code != 250:  # noqa: PLR2004
            return self._no(code, reply)
        return self._done(Verdict.ACCEPTED, _said(code, reply))

    def close(self) -> None:
        """Say goodbye where that is still possible; the outcome is known, so nothing here can change it."""
        if self.smtp is None:
            return
        self.end = time.monotonic() + min(self.limits.wait, _GOODBYE)
        with suppress(*_TROUBLE), self.deadline():
            if self.smtp.sock is not None:
                self.smtp.quit()
        with suppress(OSError):
            self.smtp.close()

    def _no(self, code: int, reply: bytes) -> Handover:
        if code in _FINAL:
            return self._done(Verdict.REFUSED, _said(code, reply))
        unsure = self.handed and code not in _TEMPORARY
        return self._done(Verdict.UNSURE if unsure else Verdict.LATER, _said(code, reply))

    def _done(self, verdict: Verdict, reply: str) -> Handover:
        accepted = tuple(self.accepted) if verdict is Verdict.ACCEPTED else ()
        return Handover(verdict=verdict, reply=reply, accepted=accepted, refused=tuple(self.refused))

    @contextmanager
    def _certificates(self) -> Iterator[ssl.SSLContext]:
        context = ssl.create_default_context()
        if self.mail.ca_file:
            try:
                context.load_verify_locations(self.mail.ca_file)
            except (OSError, ssl.SSLError) as error:
                raise DeliveryError(
                    f"{self.mail.ca_file} holds no certificates: {error}", hint="check mail.ca_file"
                ) from error
        try:
            yield context
        except ssl.SSLCertVerificationError as error:
            raise DeliveryError(
                f"the certificate of {self.mail.host} is not trusted: {error.verify_message}",
                hint="check mail.host; name the server's own authority in mail.ca_file",
            ) from error

    def _cut(self) -> None:
        self.late = True
        smtp = self.smtp
        if smtp is not None and smtp.sock is not None:
            with suppress(OSError):
                smtp.sock.shutdown(socket.SHUT_RDWR)


def _log_in(smtp: smtplib.SMTP, user: str, password: str) -> None:
    """The library's login; it speaks ASCII only, so other letters go by PLAIN, which is defined in UTF-8."""
    if user.isascii() and password.isascii():
        smtp.login(user, password)
        return
    smtp.ehlo_or_helo_if_needed()
    if "PLAIN" not in smtp.esmtp_features.get("auth", "").upper().split():
        raise smtplib.SMTPNotSupportedError("no PLAIN")
    code, reply = smtp.docmd("AUTH", "PLAIN " + b64encode(f"\0{user}\0{password}".encode()).decode())
    if code != _LOGGED_IN:
        raise smtplib.SMTPAuthenticationError(code, reply)


def _ended(talk: _Talk, error: Exception) -> Handover:
    """A conversation that broke off: what that means depends on how far it had come."""
    late = talk.late or time.monotonic() > talk.end - _INSTANT
    why = f"no answer within {talk.limits.whole:g} s" if late else _reason(error)
    if talk.handed:
        verdict = Verdict.UNSURE
        why = f"the message was handed over whole, then the connection was lost: {why}"
    elif isinstance(error, smtplib.SMTPResponseException) and error.smtp_code in _FINAL:
        verdict = Verdict.REFUSED
    else:
        verdict = Verdict.LATER
    return Handover(verdict=verdict, reply=why, refused=tuple(talk.refused))


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _said(error.smtp_code, error.smtp_error)
    reason = getattr(error, "strerror", None)
    return _text(str(reason or error)) or type(error).__name__


def _said(code: int, reply: bytes | str) -> str:
    said = _text(reply)
    return f"{code} {said}".strip() if code > 0 else f"not an answer: {said}"


def _text(reply: bytes | str) -> str:
    """What a server says is a stranger's text: one line, no control characters, not long."""
    return sentence(reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply, _REPLY)


def _stuffed(message: bytes) -> bytes:
    """The message with dots doubled at line starts, and the dot that ends it."""
    ended = message if message.endswith(b"\r\n") else message + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", ended) + b".\r\n"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
