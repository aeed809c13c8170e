"""The files that a crew would write for this fleet; its playbook is the shipped one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from lab.shell import write

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lab.hosts import Host
    from lab.spec import FleetSpec

__all__ = ["inventory", "settings", "write_workspace"]

WEEKLY = Path(__file__).parents[1] / "playbooks/weekly.yaml"


def write_workspace(
    folder: Path,
    spec: FleetSpec,
    hosts: Mapping[str, Host],
    *,
    identity_file: Path,
    mail: tuple[str, int],
    known_hosts: Iterable[str],
) -> Path:
    """Writes a workspace and returns its folder; `known_hosts` are the lines of the file of that name."""
    write(folder / "inventory.yaml", inventory(spec, hosts, identity_file))
    write(folder / "sitecrew.yaml", settings(mail, f"http://{spec.services}:{spec.wporg_port}"))
    write(folder / "playbooks/weekly.yaml", WEEKLY.read_bytes())
    write(folder / "known_hosts", "".join(f"{line}\n" for line in known_hosts))
    return folder


def inventory(spec: FleetSpec, hosts: Mapping[str, Host], identity_file: Path) -> str:
    """The text of inventory.yaml."""
    lines = ["hosts:"]
    for host in hosts.values():
        lines += [
            f"  {host.name}:",
            f"    address: {host.address}",
            f"    port: {host.port}",
            f"    user: {host.user}",
            f"    identity_file: {identity_file}",
        ]
    lines.append("clients:")
    for client in spec.clients:
        lines += [
            f"  {client.id}:",
            f"    name: {client.name}",
            f"    timezone: {client.timezone}",
            f"    language: {client.language}",
            f"    contacts: [{{name: Office, email: {client.email}}}]",
            "    sites:",
        ]
        for site in spec.sites:
            if site.client != client.id:
                continue
            lines += [
                f"      {site.name}:",
                f"        url: {spec.url(site)}",
                f"        host: {site.host}",
                f"        path: {spec.path(site)}",
                f"        kind: {site.kind}",
                f"        tags: [{', '.join(site.tags)}]",
                f"        expect: {json.dumps(site.expect)}",
            ]
    lines += [
        "windows:",
        "  weekly:",
        "    playbook: weekly",
        "    day: tuesday",
        '    at: "02:00"',
        "    lasts: 2h",
        "    timezone: client",
    ]
    return "\n".join(lines) + "\n"


def settings(mail: tuple[str, int], wordpress_org: str) -> str:
    """The text of sitecrew.yaml; `wordpress_org` is the address of the stand-in for wordpress.org."""
    host, port = mail
    return f"""\
agency: {{name: Northwind Web Care, accent: "#0b6b57", reply_to: care@northwind.example}}
mail: {{host: {host}, port: {port}, from: care@northwind.example, security: none}}
ssh: {{known_hosts: known_hosts}}
tools: {{wordpress_org: {wordpress_org}}}
"""
