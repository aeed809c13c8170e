"""What lies open is a hint of `doctor`, in words that say what to type."""

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


def site(name: str, path: str | Path, *, client: str = "acme", kind: SiteKind = SiteKind.STATIC) -> Site:
    return Site(
        name=name, client=client, host="web1", url=f"http://{name}.example", path=str(path), kind=kind
    )


def hints(*sites: Site, home: Path) -> dict[str, list[str]]:
    """What a real shell answers for a login with this home, and what `doctor` makes of it."""
    home.mkdir(exist_ok=True, parents=True)
    text = host_questions(HOST, sites)
    said = subprocess.run(
        ["/bin/sh", "-c", text],
        capture_output=True,
        text=True,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        check=False,
    )
    found: dict[str, list[str]] = {}
    for check in about_host(HOST, sites, said.stdout):
        if check.hint and not re.match("no PHP|its PHP|wp-cli|lacks|gives PHP|only ", check.finding):
            found.setdefault(check.about, []).append(check.finding)
    return found


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    """A folder that others may enter, as /home is."""
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(0o755)
    return tmp_path


def test_a_login_in_good_order_gives_no_hint(ground: Path) -> None:
    home = ground / "home"
    (home / "www").mkdir(parents=True)
    home.chmod(0o711)
    assert hints(site("shop", home / "www"), home=home) == {}


def test_a_site_whose_document_root_is_the_home_holds_our_folder(ground: Path) -> None:
    home = ground / "home"
    home.mkdir(mode=0o711)
    [said] = hints(site("shop", home), home=home)["shop"]
    assert "lies below its document root" in said
    assert str(home / ".sitecrew") in said


def test_a_home_behind_a_link_is_found_below_the_document_root(ground: Path) -> None:
    (ground / "real").mkdir(mode=0o711)
    (ground / "home").symlink_to(ground / "real")
    [said] = hints(site("shop", ground / "real"), home=ground / "home")["shop"]
    assert "lies below its document root" in said


def test_a_site_below_another_is_named(ground: Path) -> None:
    home = ground / "home"
    (home / "www/blog").mkdir(parents=True)
    home.chmod(0o711)
    found = hints(site("shop", home / "www"), site("blog", home / "www/blog"), home=home)
    assert list(found) == ["blog"]
    assert "lies below that of shop" in found["blog"][0]


def test_two_sites_of_one_folder_are_named_once(ground: Path) -> None:
    home = ground / "home"
    (home / "www").mkdir(parents=True)
    (home / "other").symlink_to("www")
    home.chmod(0o711)
    found = hints(site("shop", home / "www"), site("blog", home / "other"), home=home)
    assert list(found) == ["shop"]
    assert "has the same folder as blog" in found["shop"][0]


@pytest.mark.parametrize(("mode", "said"), [(0o777, "can write to"), (0o755, "can read")])
def test_a_home_that_is_open_to_others_is_named(ground: Path, mode: int, said: str) -> None:
    home = ground / "home"
    (home / "www").mkdir(parents=True)
    home.chmod(mode)
    [finding] = hints(site("shop", home / "www"), home=home)["web1"]
    assert said in finding


def test_a_home_that_the_web_servers_group_may_read_is_named(ground: Path) -> None:
    group = int(subprocess.run(["id", "-g", "www-data"], capture_output=True, text=True, check=True).stdout)
    home = ground / "home"
    (home / "www").mkdir(parents=True)
    home.chmod(0o750)
    assert hints(site("shop", home / "www"), home=home) == {}
    os.chown(home, -1, group)
    assert "like the web server's" in hints(site("shop", home / "www"), home=home)["web1"][0]


def test_a_site_that_all_may_write_is_named(ground: Path) -> None:
    home = ground / "home"
    (home / "www").mkdir(parents=True)
    home.chmod(0o711)
    (home / "www").chmod(0o777)
    assert "can write to its folder" in hints(site("shop", home / "www"), home=home)["shop"][0]


def test_a_wp_config_that_all_may_read_is_named_unless_a_folder_above_is_closed(ground: Path) -> None:
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


def test_answers_that_make_no_sense_give_no_hint_and_no_error() -> None:
    text = "mode.home=x\nmode.0=\nreal.0=\nroot=\nmode.0.config=-\nmode.99999999999.above.x=rwx\nreal.x=1"
    said = list(about_host(HOST, [site("shop", "/srv/shop")], text))
    assert all("document root" not in check.finding for check in said)


def test_one_login_for_the_sites_of_several_clients_is_named() -> None:
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


def test_files_here_that_others_can_change_or_read_are_named(tmp_path: Path) -> None:
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
    """What `doctor` says of this configuration of ssh for web1."""
    file = tmp_path / "config"
    file.write_text(config)
    found = list(about_ssh(HOST, Endpoint("web1.example", ssh_config=file)))
    assert {(check.about, check.code) for check in found} <= {("web1", ExitCode.OK)}
    return [(check.finding, check.hint) for check in found]


def test_what_of_sshs_configuration_is_not_honoured_is_a_hint(tmp_path: Path) -> None:
    config = "Host *.example\n  KnownHostsCommand /bin/keys %H\n  PKCS11Provider /lib/token.so\n  Port 2222\n"
    found = ssh_hints(tmp_path, config)
    assert {finding for finding, _ in found} == {"ssh's configuration is not honoured in full"}
    assert sorted(hint.partition(" ")[0] for _, hint in found) == ["KnownHostsCommand", "PKCS11Provider"]


def test_what_is_not_honoured_of_a_jump_host_is_a_hint_of_the_host(tmp_path: Path) -> None:
    config = "Host web1.example\n  ProxyJump door\nHost door\n  ProxyUseFdpass yes\n"
    [(finding, hint)] = ssh_hints(tmp_path, config)
    assert finding == "ssh's configuration of its gateway door is not honoured in full"
    assert hint.startswith("ProxyUseFdpass is not supported: use")


def test_an_honoured_configuration_gives_no_hint(tmp_path: Path) -> None:
    assert ssh_hints(tmp_path, "Host *\n  Port 2222\n  User deploy\n") == []
    assert ssh_hints(tmp_path, "Host other\n  KnownHostsCommand /bin/keys\n") == []
