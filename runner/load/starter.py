"""The text of the files of a new workspace. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.load.additions import NewClient, NewHost, client_lines, host_lines, yaml_value
from runner.model import MailSecurity, SecretRef

__all__ = [
    "EXAMPLE_INVENTORY",
    "EXAMPLE_SETTINGS",
    "IGNORED",
    "StarterMail",
    "inventory_text",
    "playbook_text",
    "settings_text",
]

IGNORED = "/.sitecrew/\n/reports/out/\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class StarterMail:
    """The mail server of a new workspace. Empty values are left out."""

    host: str
    port: int
    security: MailSecurity
    sender: str
    username: str = ""
    password: SecretRef | None = None


def inventory_text(hosts: Sequence[NewHost], clients: Sequence[NewClient]) -> str:
    """Return inventory.yaml with these hosts and clients, and a weekly window."""
    lines = ["# Hosts, clients, sites and windows. All keys: sitecrew docs inventory."]
    lines += ["hosts:", *(one for host in hosts for one in host_lines(host, 2))]
    if not hosts:
        lines += _commented(_HOST)
    lines += ["clients:", *(one for client in clients for one in client_lines(client, 2))]
    if not clients:
        lines += _commented(_CLIENT)
    else:
        lines += _commented(_MORE)
    return "\n".join(lines) + "\n" + _WINDOW


def settings_text(agency: str, mail: StarterMail | None) -> str:
    """Return sitecrew.yaml."""
    head = "# Settings of the agency. All keys: sitecrew docs settings.\n"
    head += f"agency:\n  name: {yaml_value(agency)}\n{_AGENCY}"
    return head + (_mail_text(mail) if mail else _NO_MAIL) + _POLICY


def playbook_text(shipped: str) -> str:
    """Return playbooks/weekly.yaml: the shipped playbook with an introduction."""
    return _PLAYBOOK + shipped


def _mail_text(mail: StarterMail) -> str:
    lines = [
        "mail:",
        f"  host: {yaml_value(mail.host)}",
        f"  port: {mail.port}",
        f"  security: {mail.security}",
        f"  from: {yaml_value(mail.sender)}",
    ]
    if mail.username:
        lines.append(f"  username: {yaml_value(mail.username)}")
    if mail.password:
        lines.append(f"  password: {{{mail.password.source}: {yaml_value([mail.password.value])[1:-1]}}}")
    return "\n".join(lines) + "\n"


def _commented(text: str) -> list[str]:
    return [f"  # {line}" for line in text.splitlines()]


_HOST = """\
web1:
  address: web1.example.com     # a name from ~/.ssh/config works too
  user: deploy"""
_CLIENT = """\
acme:
  name: Acme Bakery
  timezone: Europe/Berlin
  contacts: [{name: Office, email: office@acme.example}]
  sites:
    acme-shop:
      url: https://www.acme.example
      host: web1
      path: /var/www/acme        # the folder with wp-config.php
      pages: [/]                 # checked before and after a change"""
_MORE = """\
More keys of a site: pages to check, a text that each must contain, tags.
      pages: [/, /shop/]
      expect: Fresh bread every morning
      tags: [shop]"""
_WINDOW = """\
windows:
  weekly:                        # run by `sitecrew serve`
    playbook: weekly
    day: tuesday
    at: "02:00"
    timezone: client             # 02:00 in the time zone of each client
    sites: [all]
"""
_AGENCY = """\
  # logo: logo.png
  # accent: "#0b6b57"
  # reply_to: care@example.com   # for answers to reports
"""
_NO_MAIL = """\
# mail:
#   host: smtp.example.com
#   port: 587
#   security: starttls
#   from: care@example.com
#   username: care
#   password: {env: SMTP_PASSWORD}
"""
_POLICY = """\
# policy:
#   updates:
#     major: {after: 7d}         # wait a week before major versions
#     security: at-once
"""
_PLAYBOOK = """\
# What is done in the weekly window. All steps: docs/steps/, or `sitecrew list steps`.
# An update that breaks a site is rolled back, and the item that caused it is held.
"""

EXAMPLE_INVENTORY = (
    "# Hosts, clients, sites and windows. All keys: sitecrew docs inventory.\n"
    "hosts:\n"
    + "".join(f"  {line}\n" for line in _HOST.splitlines())
    + "clients:\n"
    + "".join(f"  {line}\n" for line in _CLIENT.splitlines())
    + _WINDOW
)
EXAMPLE_SETTINGS = settings_text("Your web care", None)
