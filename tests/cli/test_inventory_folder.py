"""Commands in a workspace whose inventory is a folder of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.cli.workspaces import sitecrew
from tests.crew import Crew

if TYPE_CHECKING:
    from lab import Fleet

FILES = {
    "inventory/hosts.yaml": """\
defaults: {port: 1, user: deploy}
groups: {hetzner: {become: sudo}}
hosts:
  web1: {address: 127.0.0.1, group: hetzner}
  web2: {address: 127.0.0.2}
""",
    "inventory/acme.yaml": """\
clients:
  acme:
    name: Acme
    sites:
      shop: {url: "https://shop.acme.example", host: web1, path: /srv/shop, kind: static}
      docs: {url: "https://docs.acme.example", host: web2, path: /srv/docs, kind: static}
""",
    "inventory/globex.yaml": """\
clients:
  globex:
    name: Globex
    sites:
      blog: {url: "https://globex.example", host: web1, path: /srv/blog, kind: static}
windows:
  weekly: {playbook: nightly, day: tuesday, at: "02:00", sites: [group:hetzner]}
""",
    "playbooks/nightly.yaml": "steps:\n  - shell: {run: 'true'}\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace of three files, without inventory.yaml."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_validate_lists_the_files(folder: Path):
    result = sitecrew(folder, "validate", "-v")
    assert result.returncode == 0, result.stderr
    assert "no mistakes found: 2 clients, 3 sites, 2 hosts, 1 window" in result.stdout
    assert "  files: inventory/acme.yaml, inventory/globex.yaml, inventory/hosts.yaml" in result.stdout


def test_mistake_is_printed_with_its_file_and_line(folder: Path):
    path = folder / "inventory/acme.yaml"
    path.write_text(path.read_text().replace("host: web2", "host: web3"))
    result = sitecrew(folder, "validate")
    assert result.returncode == 2
    assert result.stderr.splitlines()[:3] == [
        'inventory/acme.yaml:6:54: clients.acme.sites.docs.host: unknown host "web3" (did you mean "web2"?)',
        '          docs: {url: "https://docs.acme.example", host: web3, path: /srv/docs, kind: static}',
        " " * 57 + "^",
    ]


def test_sites_of_a_group_are_selected(folder: Path):
    result = sitecrew(folder, "list", "sites", "-l", "group:hetzner", "--json")
    assert result.returncode == 0, result.stderr
    assert [site["site"] for site in json.loads(result.stdout)] == ["shop", "blog"]
    unknown = sitecrew(folder, "list", "sites", "-l", "group:hetzne")
    assert "unknown group 'hetzne'" in unknown.stderr
    assert "did you mean group:hetzner?" in unknown.stderr


def test_plan_uses_the_login_of_defaults_and_group(folder: Path):
    result = sitecrew(folder, "plan", "nightly", "-l", "shop")
    assert result.returncode == 4
    assert "ssh -p 1 deploy@127.0.0.1" in result.stdout


def test_place_of_a_client_is_named(folder: Path):
    result = sitecrew(folder, "ledger", "erase", "acme")
    assert result.returncode == 2
    assert "acme is in inventory/acme.yaml:2" in result.stderr


def test_init_keeps_the_inventory_and_schema_names_both_lines(folder: Path):
    assert sitecrew(folder, "init").returncode == 0
    assert not (folder / "inventory.yaml").exists()
    result = sitecrew(folder, "schema", "--write")
    assert (
        "inventory/*.yaml: # yaml-language-server: $schema=../.sitecrew/schema/inventory.json"
        in result.stderr
    )
    assert "inventory.yaml:" not in result.stderr


@pytest.mark.long
def test_hosts_are_reached_with_options_of_defaults_and_group(fleet: Fleet, tmp_path: Path):
    crew = Crew(fleet, tmp_path)
    whole = tmp_path / "inventory.yaml"
    tree = yaml.safe_load(whole.read_text())
    hosts = tree.pop("hosts")
    keys = {host.pop("identity_file") for host in hosts.values()}
    ports = {host.pop("port") for host in hosts.values()}
    user = hosts["web1"].pop("user")
    hosts["web1"]["group"] = "first"
    shared = {"identity_file": keys.pop(), "port": ports.pop()}
    assert not keys | ports
    whole.unlink()
    (tmp_path / "inventory").mkdir()
    for name, part in {
        "hosts": {"defaults": shared, "groups": {"first": {"user": user}}, "hosts": hosts},
        **{id_: {"clients": {id_: client}} for id_, client in tree.pop("clients").items()},
        "windows": tree,
    }.items():
        (tmp_path / f"inventory/{name}.yaml").write_text(yaml.safe_dump(part))
    listed = crew.say("list", "hosts", "-l", "group:first", "--json").json
    assert [(host["host"], host["group"], host["user"]) for host in listed] == [("web1", "first", user)]
    sites = crew.say("list", "sites", "-l", "group:first", "--json").json
    (tmp_path / "playbooks/hello.yaml").write_text(
        "steps:\n  - shell: {run: 'echo \"$USER\"', changes: true}\n"
    )
    done = crew.say("run", "hello", "-l", "group:first", "--yes", "--json")
    assert done.code == 0, done.err
    ran = {event["site"] for event in done.events if event["event"] == "step.finished"}
    assert ran == {site["site"] for site in sites}
