"""The mail server of a new workspace: its questions, and a test mail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.cli.errors import complain
from runner.cli.questions import ask, checked
from runner.cli.screen import say
from runner.errors import SitecrewError
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.load.starter import StarterMail
    from runner.model import SecretRef

__all__ = ["ask_mail", "mail_of_options", "send_test"]

_PORT = 587
_SECURITY = {25: "starttls", 465: "tls", 587: "starttls"}
_VARIABLE = "SMTP_PASSWORD"


def mail_of_options(options: Mapping[str, Any], agency: str) -> StarterMail | None:
    """Return the mail server of the options; None if there is none.

    Raises:
        UsageError: an option is invalid.
    """
    from runner.load import addresses
    from runner.load.starter import StarterMail
    from runner.model import MailSecurity

    if not options["mail_host"]:
        return None
    host = checked("--mail-host", options["mail_host"], addresses.mail_server)
    port = options["mail_port"] or _PORT
    domain = host.partition(".")[2]
    sender = options["mail_from"] or f"care@{domain if '.' in domain else host}"
    return StarterMail(
        host=host,
        port=port,
        security=MailSecurity(options["mail_security"] or _SECURITY.get(port, "starttls")),
        sender=_named(checked("--mail-from", sender, addresses.sender), agency),
        username=options["mail_user"] or "",
        password=checked("--mail-password", options["mail_password"], _reference)
        if options["mail_password"]
        else None,
    )


def ask_mail(options: Mapping[str, Any], agency: str) -> StarterMail | None:
    """Ask for the mail server; options that were given are not asked for."""
    from runner.load import addresses
    from runner.load.values import line, one_of, whole
    from runner.model import MailSecurity

    given = dict(options)
    given["mail_host"] = given["mail_host"] or ask("Mail server", addresses.mail_server, empty="later")
    if not given["mail_host"]:
        return None
    if not given["mail_port"]:
        given["mail_port"] = ask("Port", whole(1, 65535), default=str(_PORT))
    if not given["mail_security"]:
        usual = _SECURITY.get(given["mail_port"], "none")
        given["mail_security"] = ask("Encryption", one_of(list(MailSecurity)), default=usual)
    given["mail_from"] = given["mail_from"] or ask("Sender address", addresses.return_address)
    given["mail_user"] = given["mail_user"] or ask("User name at the server", line, empty="none") or ""
    if given["mail_user"] and not given["mail_password"]:
        say("The password is not stored; name its source: env:VARIABLE or file:PATH")
        given["mail_password"] = ask("Password", _reference_text, default=f"env:{_VARIABLE}")
    return mail_of_options(given, agency)


def _named(sender: str, agency: str) -> str:
    """Add the name of the agency to a bare address, if it can be written without quotes."""
    plain = re.fullmatch(r"[\w .&'-]{1,80}", agency)
    return f"{agency} <{sender}>" if "<" not in sender and plain else sender


def _reference_text(value: object) -> str:
    _reference(value)
    return str(value)


def _reference(value: object) -> SecretRef:
    """Parse env:NAME or file:PATH. The message never repeats the value, which may be the password itself."""
    from runner.load.values import Wrong, secret

    source, colon, rest = str(value).partition(":")
    if not colon or source not in {"env", "file"}:
        raise Wrong("expected a reference to the password", "env:VARIABLE or file:PATH")
    return secret({source: rest})


def send_test(mail: StarterMail, recipient: str, agency: str, folder: Path) -> bool:
    """Send a test mail; return whether the server accepted it. Errors are printed."""
    from email.message import EmailMessage
    from email.policy import SMTP
    from email.utils import format_datetime, make_msgid, parseaddr

    from runner.deliver import SendStatus, send
    from runner.load import resolve
    from runner.model import Mail

    settings = Mail(
        host=mail.host,
        sender=mail.sender,
        port=mail.port,
        security=mail.security,
        username=mail.username or None,
        password=mail.password,
    )
    address = parseaddr(mail.sender)[1]
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = address, recipient
    message["Subject"] = "Test of Sitecrew"
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain=address.partition("@")[2])
    message.set_content(f"This is a test of the mail server of {agency}. Reports can be sent.\n")
    try:
        password = resolve(mail.password, base=folder) if mail.password else None
        result = send(settings, address, [recipient], bytes(message), password=password)
    except SitecrewError as error:
        complain(error)
        return False
    if result.status is SendStatus.ACCEPTED:
        say(f"test mail sent to {recipient}: {sentence(result.reply)}")
        return True
    say(f"the test mail was not sent: {sentence(result.reply)}")
    return False
