"""Security hints of `doctor`."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import ExitCode
from runner.execute import Endpoint
from runner.inspect.exposure import about_controller, about_login, about_ssh
from runner.inspect.host_checks import about_host, host_questions
from runner.load import Workspace
from runner.model import Client, Host, Inventory, SecretRef, SecretSource, Settings, Site, SiteKind

HOST = Host(name="web1", address="192.0.2.1", user="deploy")
TOOLS = re.compile("no command-line PHP|its PHP|wp-cli|PHP gets|only |.* is not installed")
"""Findings about tools and disk space of the machine that runs the tests."""


def site(name: str, path: str | Path, *, client: str = "acme", kind: SiteKind = SiteKind.STATIC) -> Site:
    return Site(
        name=name, client=client, host="web1", url=f"http://{name}.example", path=str(path), kind=kind
    )


def hints(*sites: Site, home: Path) -> dict[str, list[str]]:
    """Run the questions in a shell with this home; return the findings with hints, by subject."""
    home.mkdir(exist_ok=True, parents=True)
    text = host_questions(HOST, sites)
    answers = subprocess.run(
        ["/bin/sh", "-c", text],
        capture_output=True,
        text=True,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        check=False,
    )
    found: dict[str, list[str]] = {}
    for check in about_host(HOST, sites, answers.stdout):
        if check.hint and not TOOLS.match(check.finding):
            found.setdefault(check.about, []).append(check.finding)
    return found


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    """A folder that other users can enter, like /home."""
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(0o755)
    return tmp_path


def test_secure_login_gives_no_hint(ground: Path) -> None:
    home = ground / "home"
    (home / "www").mkdir(parents=True)
    home.chmod(0o711)
    assert hints(site("shop", home / "www"), home=home) == {}


def test_home_as_document_root_exposes_our_folder(ground: Path) -> None:
    home = ground / "home"
    home.mkdir(mode=0o711)
    [said] = hints(site("shop", home), home=home)["shop"]
    assert "is inside its document root" in said
    assert str(home / ".sitecrew") in said


def test_linked_home_in_the_document_root_is_found(ground: Path) -> None:
    (ground / "real").mkdir(mode=0o711)
    (ground / "home").symlink_to(ground / "real")
    [said] = hints(site("shop", ground / "real"), home=ground / "home")["shop"]
    assert "is inside its document root" in said


def test_nested_site_is_named(ground: Path) -> None:
    home = ground / "home"
    (home / "www/blog").mkdir(parents=True)
    home.chmod(0o711)
    found = hints(site("shop", home / "www"), site("blog", home / "www/blog"), home=home)
    assert list(found) == ["blog"]
    assert "is inside that of shop" in found["blog"][0]


def test_sites_with_the_same_folder_are_named_once(ground: Path) -> None:
    home = ground / "home"
    (home / "www").mkdir(parents=True)
    (home / "other").symlink_to("www")
    home.chmod(0o711)
    found = hints(site("shop", home / "www"), site("blog", home / "other"), home=home)
    assert list(found) == ["shop"]
    assert "has the same folder as blog" in found["shop"][0]


@pytest.mark.parametrize(("mode", "said"), [(0o777, "can write to"), (0o755, "can read")])
def test_home_open_to_others_is_named(ground: Path, mode: int, said: str) -> None:
    home = ground / "home"
    (home / "www").mkdir(parents=True)
    home.chmod(mode)
    [finding] = hints(site("shop", home / "www"), home=home)["web1"]
    assert said in finding


def test_home_readable_by_the_web_server_is_named(ground: Path) -> None:
    group = int(subprocess.run(["id", "-g", "www-data"], capture_output=True, text=True, check=True).stdout)
    home = ground / "home"
    (home / "www").mkdir(parents=True)
    home.chmod(0o750)
    assert hints(site("shop", home / "www"), home=home) == {}
    os.chown(home, -1, group)
    assert "such as the web server" in hints(site("shop", home / "www"), home=home)["web1"][0]


def test_world_writable_site_is_named(ground: Path) -> None:
    home = ground / "home"
    (home / "www").mkdir(parents=True)
    home.chmod(0o711)
    (home / "www").chmod(0o777)
    assert "can write to its folder" in hints(site("shop", home / "www"), home=home)["shop"][0]


def test_world_readable_wp_config_is_named_if_reachable(ground: Path) -> None:
    home = ground / "home"
    (home / "www").mkdir(parents=True)
    home.chmod(0o711)
    config = home / "www/wp-config.php"
    config.write_text("<?php")
    config.chmod(0o644)
    shop = site("shop", home / "www", kind=SiteKind.WORDPRESS)
    assert "can read wp-config.php" in hints(shop, home=home)["shop"][0]
    config.chmod(0o640)
    assert hints(shop, home=home) == {}
    config.chmod(0o644)
    home.chmod(0o700)
    assert hints(shop, home=home) == {}


def test_nonsense_answers_are_ignored() -> None:
    text = "mode.home=x\nmode.0=\nreal.0=\nroot=\nmode.0.config=-\nmode.99999999999.above.x=rwx\nreal.x=1"
    said = list(about_host(HOST, [site("shop", "/srv/shop")], text))
    assert all("document root" not in check.finding for check in said)


def test_login_shared_by_clients_is_named() -> None:
    other = replace(HOST, name="web1-again")
    mine = replace(site("docs", "/srv/docs", client="globex"), host="web1-again")
    inventory = Inventory(
        hosts={"web1": HOST, "web1-again": other},
        clients={name: Client(id=name, name=name) for name in ("acme", "globex")},
        sites={"shop": site("shop", "/srv/shop"), "docs": mine},
    )
    [check] = about_login(HOST, inventory)
    assert (
        "one login has sites of 2 clients (acme, globex): one hacked site reaches all of them"
        in check.finding
    )
    apart = replace(inventory, hosts={"web1": HOST, "web1-again": replace(other, user="globex")})
    assert not list(about_login(HOST, apart))


def test_exposed_files_of_the_controller_are_named(tmp_path: Path) -> None:
    key, secret = tmp_path / "key", tmp_path / "password"
    for path in (key, secret, tmp_path / "inventory.yaml"):
        path.write_text("x")
        path.chmod(0o600)
    host = replace(HOST, identity_file=str(key), password=SecretRef(SecretSource.FILE, "password"))
    inventory = Inventory(hosts={"web1": host}, clients={}, sites={})
    workspace = Workspace(folder=tmp_path, inventory=inventory, settings=Settings(), playbooks={})
    assert not list(about_controller(workspace))
    key.chmod(0o640)
    secret.chmod(0o604)
    (tmp_path / "inventory.yaml").chmod(0o646)
    said = [check.finding for check in about_controller(workspace)]
    assert len(said) == 3
    assert re.search("can change inventory.yaml", said[0])
    assert "the key of web1" in said[1]
    assert "a secret of web1" in said[2]


def ssh_hints(tmp_path: Path, config: str) -> list[tuple[str, str]]:
    """Return finding and hint of each check of this SSH configuration for web1."""
    file = tmp_path / "config"
    file.write_text(config)
    found = list(about_ssh(HOST, Endpoint("web1.example", ssh_config=file)))
    assert {(check.about, check.code) for check in found} <= {("web1", ExitCode.OK)}
    return [(check.finding, check.hint) for check in found]


def test_ignored_ssh_options_are_hints(tmp_path: Path) -> None:
    config = "Host *.example\n  KnownHostsCommand /bin/keys %H\n  PKCS11Provider /lib/token.so\n  Port 2222\n"
    found = ssh_hints(tmp_path, config)
    assert {finding for finding, _ in found} == {"an option of the SSH configuration has no effect"}
    assert sorted(hint.partition(" ")[0] for _, hint in found) == ["KnownHostsCommand", "PKCS11Provider"]


def test_ignored_ssh_option_of_a_gateway_is_a_hint(tmp_path: Path) -> None:
    config = "Host web1.example\n  ProxyJump door\nHost door\n  ProxyUseFdpass yes\n"
    [(finding, hint)] = ssh_hints(tmp_path, config)
    assert finding == "an option of the SSH configuration for its gateway door has no effect"
    assert hint.startswith("ProxyUseFdpass is not supported: use")


def test_supported_ssh_options_give_no_hint(tmp_path: Path) -> None:
    assert ssh_hints(tmp_path, "Host *\n  Port 2222\n  User deploy\n") == []
    assert ssh_hints(tmp_path, "Host other\n  KnownHostsCommand /bin/keys\n") == []
