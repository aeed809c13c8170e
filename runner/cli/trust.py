"""`trust`: record a host's key after the operator has compared it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.cli.open_ledger import open_for_writing
from runner.cli.options import operated, with_workspace
from runner.cli.output import closest_hint, say
from runner.cli.screen import style
from runner.errors import ExitCode, HostKeyError, UnknownNameError
from runner.shell import command

if TYPE_CHECKING:
    from runner.hosts.hosts import Hosts
    from runner.load import Workspace

__all__ = ["trust"]


@click.command()
@with_workspace
@operated
@click.argument("hosts", nargs=-1, required=True, metavar="HOST...")
@click.option("-y", "--yes", is_flag=True, help="Record the key without asking; compare it first.")
@click.option("--replace", is_flag=True, help="Replace the recorded key, for a host that was reinstalled.")
def trust(workspace: Workspace, hosts: tuple[str, ...], yes: bool, replace: bool) -> int:
    """Show the key of each HOST and record it after you have compared it.

    To print the key to compare with, run on the host: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
    """
    from runner.execute import Pool
    from runner.hosts.hosts import Hosts
    from runner.load import Redactor

    for name in hosts:
        if name not in workspace.inventory.hosts:
            raise UnknownNameError(
                f"there is no host {name!r} in the inventory",
                hint=closest_hint(name, workspace.inventory.hosts),
            )
    with Pool() as pool:
        access = Hosts(workspace, pool, Redactor())
        return max(_trust(access, name, yes=yes, replace=replace) for name in hosts)


def _trust(access: Hosts, name: str, *, yes: bool, replace: bool) -> int:
    from runner.execute import KnownHosts, record

    endpoint = access.endpoint(access.workspace.inventory.hosts[name])
    target, key = access.pool.host_key(endpoint)
    known = KnownHosts(target.known_hosts)
    recorded = known.keys(target.key_name, target.key_port)
    where = f"{target.host}:{target.port}"
    if known.is_revoked(target.key_name, target.key_port, key.blob):
        known.check(target.key_name, target.key_port, key, called=name)
    if key in recorded:
        say(f"{name} ({where}): already recorded, {key.fingerprint}")
        return ExitCode.OK
    if recorded:
        if not replace:
            raise HostKeyError(
                f"{name} ({where}) has a different key than recorded: {key.fingerprint} ({key.type}); "
                f"recorded is {', '.join(f'{k.fingerprint} ({k.type})' for k in recorded)}",
                hint="Was the host reinstalled? Ask its provider, and only then: "
                + command("trust", name, "--replace"),
            )
        say(f"{name} ({where}): recorded with another key: {', '.join(k.fingerprint for k in recorded)}")
    say(f"{name} ({where}) has this key:")
    say(f"  {key.type}  {style(key.fingerprint, bold=True)}")
    if not yes and not click.confirm("Is this the key that the host itself prints?", default=False, err=True):
        say("not recorded")
        return ExitCode.FAILED
    with open_for_writing(access.workspace) as ledger:
        subject = f"{name} ({where}): {key.type} {key.fingerprint}"
        ledger.acts.record("trust", subject, details={"replace": replace})
    record(
        target.user_known_hosts,
        target.key_name,
        target.key_port,
        key,
        hashed=target.options.hash_known_hosts and not endpoint.known_hosts,
        replace=replace,
    )
    say(f"recorded in {target.user_known_hosts[0]}")
    recorded = KnownHosts(target.known_hosts).keys(target.key_name, target.key_port)
    if left := [old for old in recorded if replace and old.type == key.type and old != key]:
        system = ", ".join(str(path) for path in target.known_hosts[len(target.user_known_hosts) :])
        say(f"the old key {left[0].fingerprint} is still accepted: it is also in {system}")
    return ExitCode.OK
