"""Options of hosts. Each is taken from the host, else from its group, else from `defaults`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, ClassVar

from runner.load import fields as f
from runner.load.fields import D, Shape
from runner.load.habits import HOST_KEYS
from runner.load.nodes import Node
from runner.load.text import joined
from runner.model import Host

__all__ = ["HostOptions", "HostShape", "effective_hosts", "host_of", "option_sources"]


class HostOptions(Shape):
    """Options of hosts. Those that are not set are left to the SSH configuration."""

    instead: ClassVar[Mapping[str, str]] = {
        **HOST_KEYS,
        "address": "write it in each host",
        "group": "write it in each host",
        "hosts": "write `group: NAME` in each host",
        "vars": "write the options without it",
    }

    port: Annotated[f.Port | None, D("Port of the SSH server.")] = None
    user: Annotated[f.Account | None, D("Account to log in as.")] = None
    identity_file: Annotated[f.Line | None, D("Private key file, relative to the workspace.")] = None
    passphrase: Annotated[f.Secret | None, D("Passphrase of the private key.")] = None
    password: Annotated[f.Secret | None, D("Password of the account.")] = None
    gateway: Annotated[f.Line | None, D("Jump host: a host of this inventory, or user@address:port.")] = None
    become: Annotated[f.Become | None, D("How steps with `become: true` become root: sudo.")] = None
    become_password: Annotated[f.Secret | None, D("Password for sudo.")] = None
    php: Annotated[f.RemotePath | None, D("Path of the command-line PHP on the host.")] = None
    wp: Annotated[f.RemotePath | None, D("Path of wp-cli on the host.")] = None

    def given(self) -> dict[str, object]:
        """Return the options that are in the file, also those without a value."""
        return {key: value for key, value in dict(self).items() if key in self.model_fields_set}


class HostShape(HostOptions):
    """A machine reached by SSH. Options that are not set are those of its group, then the defaults."""

    instead = HOST_KEYS

    address: Annotated[f.Address, D("Host name, IP address, or a name from ~/.ssh/config.")]
    group: Annotated[f.Line | None, D("Group of the host, from `groups`.")] = None


def host_of(
    name: str, shape: HostShape, groups: Mapping[str, HostOptions], defaults: Mapping[str, object], base: Path
) -> Host:
    """Convert to the model. An option without a value replaces that of the group or default by nothing."""
    group = groups[shape.group].given() if shape.group else {}
    options = {**defaults, **group, **shape.given()} | {
        "address": shape.address,
        "group": shape.group or "",
    }
    if identity := options.get("identity_file"):
        options["identity_file"] = str(base / Path(str(identity)).expanduser())
    return Host(name=name, **options)  # type: ignore[arg-type]


def option_sources(inventory: Node, name: str, host: Node) -> Iterator[tuple[str, Node]]:
    """Yield the mappings that a host's options are taken from, highest precedence first, with their paths."""
    yield joined("hosts", name), host
    groups, group = inventory.get("groups"), host.get("group")
    if groups and group and isinstance(group.value, str) and (found := groups.get(group.value)):
        yield joined("groups", group.value), found
    if defaults := inventory.get("defaults"):
        yield "defaults", defaults


def effective_hosts(inventory: Node) -> dict[str, Node]:
    """Return each host with the options of its group and the defaults merged into it."""
    merged = {}
    for name, host in inventory.below("hosts"):
        values: dict[str, Node] = {}
        for _, source in option_sources(inventory, name, host):
            values = {**dict(source.items()), **values}
        merged[name] = Node(host.origin, host.line, host.column, values, host.keys)
    return merged
