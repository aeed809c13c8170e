"""`init`: create a workspace, from the answers to a few questions or from flags."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli.first_host import FirstHost, choose_sites, named_sites, try_host
from runner.cli.hints import set_workspace
from runner.cli.mail_setup import ask_mail, mail_of_options, send_test
from runner.cli.new_workspace import create_workspace, system_language, system_timezone
from runner.cli.questions import ask, can_ask, checked, confirm
from runner.cli.screen import say
from runner.errors import UsageError
from runner.shell import command

if TYPE_CHECKING:
    from runner.load.additions import NewClient, NewHost
    from runner.load.starter import StarterMail

__all__ = ["init"]

_AGENCY = "Your web care"
_FILES = ("inventory.yaml", "sitecrew.yaml", "playbooks/weekly.yaml", ".gitignore")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    """What the files are made of."""

    agency: str
    hosts: tuple[NewHost, ...] = ()
    clients: tuple[NewClient, ...] = ()
    mail: StarterMail | None = None
    trusted: str = ""
    """The host key that was recorded; empty for none."""


@click.command()
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option("--agency", metavar="NAME", help="Name of your agency.")
@click.option("--host", metavar="ADDRESS", help="First host: name, IP address or name from ~/.ssh/config.")
@click.option("--host-name", metavar="NAME", help="Its name in the inventory. Default: from its address.")
@click.option("--user", metavar="USER", help="Account to log in as.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the SSH server.")
@click.option("--identity", metavar="FILE", help="Private key file.")
@click.option(
    "--fingerprint", default="", metavar="SHA256:...", help="Record the host's key if it is this one."
)
@click.option(
    "--site",
    "sites",
    multiple=True,
    metavar="URL",
    help="Only this site of those that are found: its URL, domain or folder (repeatable).",
)
@click.option("--client", metavar="NAME", help="Client of the sites that are found on the host.")
@click.option("--email", metavar="ADDRESS", help="Email address of the client.")
@click.option("--timezone", metavar="ZONE", help="Time zone of the client. Default: that of this machine.")
@click.option("--language", metavar="LANGUAGE", help="Language of the client's reports.")
@click.option("--mail-host", metavar="ADDRESS", help="Mail server.")
@click.option("--mail-port", type=click.IntRange(1, 65535), help="Port of the mail server.")
@click.option("--mail-security", type=click.Choice(["none", "starttls", "tls"]), help="Its encryption.")
@click.option("--mail-from", metavar="ADDRESS", help="Sender of the reports.")
@click.option("--mail-user", metavar="USER", help="User name at the mail server.")
@click.option("--mail-password", metavar="REF", help="Where its password is read: env:NAME or file:PATH.")
@click.option("--mail-test", metavar="ADDRESS", help="Send a test mail to this address.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: use the flags and the defaults.")
def init(folder: Path, *, yes: bool, **options: Any) -> None:
    """Create a workspace in FOLDER, by default the current folder. Existing files are kept.

    On a terminal, asks for the agency, the first host, the sites on it, their client and the mail server.
    Every question has a flag. Without a terminal and without flags, writes an example.
    """
    from runner.load.inventory_files import has_inventory

    if folder != Path():
        set_workspace(click.get_current_context(), str(folder))
    interactive = can_ask() and not yes
    replaced = _may_create(folder, interactive=interactive)
    if interactive:
        answers = _ask_all(options, folder)
    elif any(options.values()):
        answers = _from_flags(options, folder)
    else:
        answers = None
    has_own = has_inventory(folder) and not (folder / "inventory.yaml").exists()
    created = create_workspace(folder, _files(answers, has_own=has_own), replace=replaced)
    if answers and answers.trusted and "inventory.yaml" in created:
        _record_trust(folder, answers.trusted)
    where = "" if folder == Path() else f" in {folder}"
    say(f"created {', '.join(created)}{where}")
    _print_next(answers)


def _may_create(folder: Path, *, interactive: bool) -> frozenset[str]:
    """Return the existing files to replace, after asking.

    Raises:
        UsageError: all files exist, and none is to be replaced.
    """
    from runner.load.inventory_files import has_inventory

    existing = [name for name in _FILES if (folder / name).exists()]
    replaced = [
        name
        for name in existing[: len(existing) if interactive else 0]
        if name != ".gitignore" and confirm(f"{folder / name} exists. Replace it?", default=False)
    ]
    if (
        set(existing) >= set(_FILES) - ({"inventory.yaml"} if has_inventory(folder) else set())
        and not replaced
    ):
        raise UsageError(f"{folder} is already a workspace", hint="check it with: sitecrew validate")
    return frozenset(replaced)


def _files(answers: _Answers | None, *, has_own: bool) -> dict[str, str]:
    """Return the text of each file; the example without answers. `has_own`: the inventory has other files."""
    from runner.load import modeline, shipped, starter

    weekly = shipped("playbooks/weekly.yaml").read_text("utf-8")
    inventory, settings = starter.EXAMPLE_INVENTORY, starter.EXAMPLE_SETTINGS
    if answers:
        inventory = starter.inventory_text(answers.hosts, answers.clients)
        settings = starter.settings_text(answers.agency, answers.mail)
    files = {} if has_own else {"inventory.yaml": modeline("inventory") + inventory}
    return files | {
        "sitecrew.yaml": modeline("settings") + settings,
        "playbooks/weekly.yaml": modeline("playbook") + starter.playbook_text(weekly),
        ".gitignore": starter.IGNORED,
    }


def _ask_all(options: dict[str, Any], folder: Path) -> _Answers:
    """Ask for everything that no flag gives. Nothing is written before the last answer."""
    from runner.load import addresses
    from runner.load.values import line

    say("Enter accepts the default. Ctrl-C stops; nothing is written before the end.\n")
    agency = options["agency"] or ask("Name of your agency", line, default=_AGENCY)
    agency = checked("--agency", agency, line)
    host, found = _ask_host(options)
    named = options["sites"] and found.is_reached
    chosen = named_sites(found.sites, options["sites"]) if named else choose_sites(found.sites)
    clients = _clients(options, host, chosen, interactive=True) if host else ()
    mail = ask_mail(options, agency)
    if mail:
        recipient = options["mail_test"] or ask("Send a test mail to", addresses.email, empty="nobody")
        if recipient:
            send_test(mail, recipient, agency, folder)
    return _Answers(
        agency=agency, hosts=(host,) if host else (), clients=clients, mail=mail, trusted=found.trusted
    )


def _ask_host(options: dict[str, Any]) -> tuple[NewHost | None, FirstHost]:
    """Ask for the first host until the login works, or until the person goes on."""
    from runner.load import addresses
    from runner.load.values import whole

    address, user, port = options["host"], options["user"], options["port"]
    trusted, again = "", False
    while True:
        if again or not address:
            address = ask("First host", addresses.address, default=address or "", empty="later")
        if not address:
            return None, FirstHost()
        if again or not user:
            user = ask("User", addresses.account, default=user or "", empty="from ~/.ssh/config")
        if again or not port:
            usual = "from ~/.ssh/config, else 22"
            port = ask("Port", whole(1, 65535), default=str(port or ""), empty=usual)
        host = _host({**options, "host": address, "user": user, "port": port})
        found = try_host(host, fingerprint=options["fingerprint"], can_ask=True)
        trusted = found.trusted or trusted
        if found.is_reached or not confirm("Try again with other values?", default=True):
            return host, replace(found, trusted=trusted)
        again = True


def _from_flags(options: dict[str, Any], folder: Path) -> _Answers:
    """Return the answers that the flags give, with defaults for the others.

    Raises:
        UsageError: a flag is invalid.
    """
    from runner.load import addresses
    from runner.load.values import line

    agency = checked("--agency", options["agency"] or _AGENCY, line)
    mail = mail_of_options(options, agency)
    test = checked("--mail-test", options["mail_test"], addresses.email) if options["mail_test"] else ""
    host, found = None, FirstHost()
    if options["host"]:
        host = _host(options)
        found = try_host(host, fingerprint=options["fingerprint"], can_ask=False)
    chosen = named_sites(found.sites, options["sites"]) if found.is_reached else []
    clients = _clients(options, host, chosen, interactive=False) if host else ()
    if mail and test:
        send_test(mail, test, agency, folder)
    return _Answers(
        agency=agency, hosts=(host,) if host else (), clients=clients, mail=mail, trusted=found.trusted
    )


def _host(options: dict[str, Any]) -> NewHost:
    from runner.load import addresses
    from runner.load.additions import NewHost
    from runner.load.candidates import slug
    from runner.load.values import line, name

    address = checked("--host", options["host"], addresses.address)
    user = checked("--user", options["user"], addresses.account) if options["user"] else ""
    identity = checked("--identity", options["identity"], line) if options["identity"] else ""
    if identity and not identity.startswith("~"):
        identity = str(Path(identity).absolute())
    first = address if address.replace(".", "").isdigit() or ":" in address else address.partition(".")[0]
    given = checked("--host-name", options["host_name"], name) if options["host_name"] else ""
    return NewHost(
        name=given or slug(first) or "host",
        address=address,
        port=options["port"],
        user=user,
        identity_file=identity,
    )


def _clients(
    options: dict[str, Any], host: NewHost, sites: Sequence[Any], *, interactive: bool
) -> tuple[NewClient, ...]:
    """Return the client of the sites; none if there are no sites."""
    from runner.cli.discover import candidate_of
    from runner.load import addresses
    from runner.load.candidates import arranged
    from runner.load.times import zone
    from runner.load.values import language, line
    from runner.model import Inventory

    if not sites:
        return ()
    candidates = [candidate_of(site, host.name) for site in sites]
    empty = Inventory(hosts={}, clients={}, sites={})
    usual = options["client"] or arranged(candidates[:1], empty)[0].name
    values = {
        "client": ("Client of these sites", line, usual),
        "timezone": ("Its time zone", zone, options["timezone"] or system_timezone(os.environ)),
        "language": ("Language of its reports", language, options["language"] or system_language(os.environ)),
    }
    chosen = {
        key: ask(question, parse, default=default)
        if interactive and not options[key]
        else checked(f"--{key}", default, parse)
        for key, (question, parse, default) in values.items()
    }
    email = options["email"]
    if interactive and not email:
        email = ask("Email address for its reports", addresses.email, empty="later")
    contact = checked("--email", email, addresses.email) if email else ""
    return tuple(
        arranged(
            [
                replace(
                    one,
                    client=chosen["client"],
                    timezone=chosen["timezone"],
                    language=chosen["language"],
                    contact=contact,
                )
                for one in candidates
            ],
            empty,
        )
    )


def _record_trust(folder: Path, subject: str) -> None:
    """Record in the new ledger which key was trusted."""
    from runner.cli.open_ledger import open_for_writing
    from runner.load import load_workspace

    with open_for_writing(load_workspace(folder)) as ledger:
        ledger.acts.record("trust", subject, details={"replace": False})


def _print_next(answers: _Answers | None) -> None:
    """Print what to type next."""
    host = answers.hosts[0].name if answers and answers.hosts else "HOST"
    sites = bool(answers and answers.clients)
    if not sites:
        say("next: add your first host to inventory.yaml, then" if host == "HOST" else "next:")
        say(f"  {command('trust', host):<28} record the host's key")
        say(f"  {command('discover', host, '--add'):<28} find the sites on it and add them")
    else:
        say("next:")
    say("  sitecrew validate            check the files for mistakes")
    say("  sitecrew doctor              check hosts and sites for problems")
    say("  sitecrew plan weekly         show the planned changes")
    say("  sitecrew run weekly          apply them")
