"""Send a message to an SMTP server, and report the result, including that it is unknown."""

from __future__ import annotations

import re
import smtplib
import ssl
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from ipaddress import ip_address

from runner.deliver.connection import Deadline, PlainClient, TlsClient
from runner.deliver.results import RefusedRecipient, SendResult, SendStatus, SmtpLimits
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
"""Maximum length of a server's reply that is kept."""
_QUIT = 3.0
"""Seconds for QUIT."""
_ERRORS = (OSError, smtplib.SMTPException, ValueError)
"""Errors of a conversation; smtplib raises ValueError for some malformed answers."""


def send(
    mail: Mail,
    sender: str,
    recipients: Sequence[str],
    message: bytes,
    *,
    password: str | None = None,
    limits: SmtpLimits | None = None,
) -> SendResult:
    """Send a message once.

    Args:
        mail: The server, its encryption and the login.
        sender: Envelope sender.
        recipients: Envelope recipients.
        message: The message, with CRLF line ends.
        password: For `mail.username`.
        limits: Time limits.

    Raises:
        DeliveryError: The settings are unsafe or wrong, the server's certificate is not trusted, the login
            failed, or the server does not offer encryption. The settings have to be fixed.
    """
    conversation = _conversation(mail, limits)
    try:
        with conversation.deadline.enforced():
            conversation.open()
            conversation.login(password)
            return conversation.send(sender, recipients, message)
    except _ERRORS as error:
        return _broken_off(conversation, error)
    finally:
        conversation.close()


def greet(mail: Mail, *, password: str | None = None, limits: SmtpLimits | None = None) -> None:
    """Connect and log in like `send`, without sending a message.

    Raises:
        DeliveryError: The connection or the login failed.
    """
    conversation = _conversation(mail, limits)
    try:
        with conversation.deadline.enforced():
            conversation.open()
            conversation.login(password)
    except _ERRORS as error:
        raise DeliveryError(
            f"cannot send mail through {mail.host}:{mail.port}: {_broken_off(conversation, error).reply}",
            hint="check mail.host, mail.port and mail.security in sitecrew.yaml",
        ) from None
    finally:
        conversation.close()


def _conversation(mail: Mail, limits: SmtpLimits | None) -> _Conversation:
    if mail.username and mail.security is MailSecurity.NONE and not _is_loopback(mail.host):
        raise DeliveryError(
            f"the password for {mail.host} would be sent unencrypted",
            hint="set mail.security to starttls or tls in sitecrew.yaml",
        )
    return _Conversation(mail, limits or SmtpLimits())


class _Conversation:
    """One SMTP conversation. `message_sent` is True once the last byte of the message was sent."""

    def __init__(self, mail: Mail, limits: SmtpLimits) -> None:
        self.mail = mail
        self.limits = limits
        self.deadline = Deadline(limits)
        self.message_sent = False
        self.accepted: list[str] = []
        self.refused: list[RefusedRecipient] = []

    @property
    def smtp(self) -> smtplib.SMTP | None:
        """The connection, if there is one."""
        return self.deadline.client

    def open(self) -> None:
        """Connect, with the encryption of the settings."""
        mail = self.mail
        if mail.security is MailSecurity.TLS:
            with self._certificates() as context:
                smtp: smtplib.SMTP = TlsClient(self.deadline, mail.host, mail.port, context=context)
        else:
            smtp = PlainClient(self.deadline, mail.host, mail.port)
        smtp.ehlo_or_helo_if_needed()
        if mail.security is MailSecurity.STARTTLS:
            if not smtp.has_extn("starttls"):
                raise DeliveryError(
                    f"{mail.host} does not offer encryption (no STARTTLS)",
                    hint="check mail.host and mail.port; many servers need `security: tls` with port 465",
                )
            with self._certificates() as context:
                smtp.starttls(context=context)
            smtp.ehlo_or_helo_if_needed()

    def login(self, password: str | None) -> None:
        """Log in if the settings have a user name. Errors never contain the password."""
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
            why = f"{host} rejected the login of {user} ({error.smtp_code})"
        except smtplib.SMTPException:
            why = f"{host} does not offer a supported login method"
        if why:  # raised here so that its context does not hold what was sent
            raise DeliveryError(why, hint=hint)

    def send(self, sender: str, recipients: Sequence[str], message: bytes) -> SendResult:
        """Send the envelope, then the message."""
        smtp = self.smtp
        assert smtp is not None  # noqa: S101  # opened before
        smtp.ehlo_or_helo_if_needed()
        utf8 = not all(address.isascii() for address in (sender, *recipients))
        if utf8 and not smtp.has_extn("smtputf8"):
            why = "the server does not accept non-ASCII characters before the @ (no SMTPUTF8)"
            return SendResult(status=SendStatus.REFUSED, reply=why)
        eight_bit = ["BODY=8BITMIME"] if smtp.has_extn("8bitmime") else []
        code, reply = smtp.mail(sender, ["SMTPUTF8", *eight_bit] if utf8 else [])
        if code not in _ACCEPTED:
            return self._refusal(code, reply)
        for address in recipients:
            code, reply = smtp.rcpt(address)
            if code in _ACCEPTED:
                self.accepted.append(address)
            else:
                self.refused.append(RefusedRecipient(address, code, _text(reply)))
        if not self.accepted:
            later = all(refusal.temporary for refusal in self.refused)
            replies = "; ".join(f"{r.address}: {r.code} {r.reply}" for r in self.refused)
            status = SendStatus.LATER if later else SendStatus.REFUSED
            return SendResult(status=status, reply=replies, refused=tuple(self.refused))
        code, reply = smtp.docmd("DATA")
        if code != _START:
            return self._refusal(code, reply)
        smtp.send(_stuffed(message))
        self.message_sent = True
        code, reply = smtp.getreply()
        if code != 250:  # noqa: PLR2004
            return self._refusal(code, reply)
        return self._result(SendStatus.ACCEPTED, _reply(code, reply))

    def close(self) -> None:
        """Send QUIT if possible. The result is known by now, so errors are ignored."""
        if self.smtp is None:
            return
        self.deadline.shorten(_QUIT)
        with suppress(*_ERRORS), self.deadline.enforced():
            if self.smtp.sock is not None:
                self.smtp.quit()
        with suppress(OSError):
            self.smtp.close()

    def _refusal(self, code: int, reply: bytes) -> SendResult:
        if code in _FINAL:
            return self._result(SendStatus.REFUSED, _reply(code, reply))
        unsure = self.message_sent and code not in _TEMPORARY
        return self._result(SendStatus.UNSURE if unsure else SendStatus.LATER, _reply(code, reply))

    def _result(self, status: SendStatus, reply: str) -> SendResult:
        accepted = tuple(self.accepted) if status is SendStatus.ACCEPTED else ()
        return SendResult(status=status, reply=reply, accepted=accepted, refused=tuple(self.refused))

    @contextmanager
    def _certificates(self) -> Iterator[ssl.SSLContext]:
        context = ssl.create_default_context()
        if self.mail.ca_file:
            try:
                context.load_verify_locations(self.mail.ca_file)
            except (OSError, ssl.SSLError) as error:
                raise DeliveryError(
                    f"{self.mail.ca_file} contains no certificates: {error}", hint="check mail.ca_file"
                ) from error
        try:
            yield context
        except ssl.SSLCertVerificationError as error:
            raise DeliveryError(
                f"the certificate of {self.mail.host} is not trusted: {error.verify_message}",
                hint="check mail.host; set mail.ca_file to the certificate authority of the server",
            ) from error


def _log_in(smtp: smtplib.SMTP, user: str, password: str) -> None:
    """Log in with smtplib. It supports only ASCII, so other logins use PLAIN, which is UTF-8."""
    if user.isascii() and password.isascii():
        smtp.login(user, password)
        return
    smtp.ehlo_or_helo_if_needed()
    if "PLAIN" not in smtp.esmtp_features.get("auth", "").upper().split():
        raise smtplib.SMTPNotSupportedError("no PLAIN")
    code, reply = smtp.docmd("AUTH", "PLAIN " + b64encode(f"\0{user}\0{password}".encode()).decode())
    if code != _LOGGED_IN:
        raise smtplib.SMTPAuthenticationError(code, reply)


def _broken_off(conversation: _Conversation, error: Exception) -> SendResult:
    """Return the result of a conversation that failed; it depends on how far the conversation got."""
    why = (
        f"no answer within {conversation.limits.whole:g} s"
        if conversation.deadline.passed
        else _reason(error)
    )
    if conversation.message_sent:
        status = SendStatus.UNSURE
        why = f"the message was sent, but the connection was lost before the answer: {why}"
    elif isinstance(error, smtplib.SMTPResponseException) and error.smtp_code in _FINAL:
        status = SendStatus.REFUSED
    else:
        status = SendStatus.LATER
    return SendResult(status=status, reply=why, refused=tuple(conversation.refused))


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _reply(error.smtp_code, error.smtp_error)
    reason = getattr(error, "strerror", None)
    return _text(str(reason or error)) or type(error).__name__


def _reply(code: int, reply: bytes | str) -> str:
    text = _text(reply)
    return f"{code} {text}".strip() if code > 0 else f"invalid answer: {text}"


def _text(reply: bytes | str) -> str:
    """Clean a server's reply, which is untrusted: one short line without control characters."""
    return sentence(reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply, _REPLY)


def _stuffed(message: bytes) -> bytes:
    """Return the message with doubled dots at line starts and the final dot."""
    ended = message if message.endswith(b"\r\n") else message + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", ended) + b".\r\n"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
