"""`trust`: put a host's key on record, after a person has looked at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.cli.acting import acting
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
@click.option("-y", "--yes", is_flag=True, help="Record without asking; for keys that you compared before.")
@click.option("--replace", is_flag=True, help="Take the new key of a host that was set up anew.")
def trust(workspace: Workspace, hosts: tuple[str, ...], yes: bool, replace: bool) -> int:
    """Show the key of each HOST of the inventory, and record it once you have compared it.

    On the host, this prints what to compare with: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
    """
    from runner.execute import Pool
    from runner.hosts.hosts import Hosts
    from runner.load import Redactor

    for name in hosts:
        if name not in workspace.inventory.hosts:
            raise UnknownNameError(
                f"there is no host {name!r} in inventory.yaml",
                hint=closest_hint(name, workspace.inventory.hosts),
            )
    with Pool() as pool:
        reach = Hosts(workspace, pool, Redactor())
        return max(_trust(reach, name, yes=yes, replace=replace) for name in hosts)


def _trust(reach: Hosts, name: str, *, yes: bool, replace: bool) -> int:
    from runner.execute import KnownHosts, record

    endpoint = reach.endpoint(reach.workspace.inventory.hosts[name])
    target, key = reach.pool.host_key(endpoint)
    known = KnownHosts(target.known_hosts)
    recorded = known.keys(target.key_name, target.key_port)
    where = f"{target.host}:{target.port}"
    if known.is_revoked(target.key_name, target.key_port, key.blob):
        known.check(target.key_name, target.key_port, key, called=name)
    if key in recorded:
        say(f"{name} ({where}): on record already, {key.fingerprint}")
        return ExitCode.OK
    if recorded:
        if not replace:
            raise HostKeyError(
                f"{name} ({where}) shows another key than the one on record: {key.fingerprint} ({key.type}); "
                f"on record is {', '.join(f'{k.fingerprint} ({k.type})' for k in recorded)}",
                hint="Was it set up anew? Ask its provider; only then: "
                + command("trust", name, "--replace"),
            )
        say(f"{name} ({where}) is on record with another key: {', '.join(k.fingerprint for k in recorded)}")
    say(f"{name} ({where}) shows this key:")
    say(f"  {key.type}  {style(key.fingerprint, bold=True)}")
    if not yes and not click.confirm("Is that what the host itself says?", default=False, err=True):
        say("not recorded")
        return ExitCode.FAILED
    with acting(reach.workspace) as ledger:
        subject = f"{name} ({where}): {key.type} {key.fingerprint}"
        ledger.record_act("trust", subject, details={"replace": replace})
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
        say(f"the old key {left[0].fingerprint} is still accepted: it is in {system} too")
    return ExitCode.OK
