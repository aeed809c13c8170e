"""Composer runs with the environment of the site, such as the credentials of a private repository."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runner.errors import SecretError
from runner.execute.pool import Pool
from runner.hosts.hosts import Hosts
from runner.hosts.remote import SshRemote
from runner.inspect.composer import with_composer
from runner.load import Redactor, load_workspace
from runner.model import SecretRef, SecretSource
from runner.model.facts import Package
from tests.steps.wordpress_sites import FACTS

if TYPE_CHECKING:
    from pathlib import Path

    from runner.model import Site

INVENTORY = """\
clients:
  acme:
    name: ACME
    sites:
      shop: {host: web1, url: "https://shop.example", path: /srv/shop, kind: wordpress}
hosts:
  web1: {address: 127.0.0.2}
"""
REF = SecretRef(SecretSource.ENV, "SHOP_KEY")
KEY = '{"http-basic": {"packages.example": {"username": "u", "password": "hush"}}}'


@pytest.fixture
def hosts(tmp_path: Path) -> Hosts:
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    (tmp_path / "sitecrew.yaml").write_text("")
    return Hosts(load_workspace(tmp_path), Pool(), Redactor())


def commands(hosts: Hosts, monkeypatch: pytest.MonkeyPatch, site: Site):
    """Return the commands that would run on the host."""
    found = []

    def read(_self, tasks):
        found.extend(tasks)
        raise InterruptedError

    monkeypatch.setattr(SshRemote, "read", read)
    facts = replace(
        FACTS, project="/srv/shop/", packages=(Package(name="a/b", part="plugin", slug="b", version="1.0"),)
    )
    with pytest.raises(InterruptedError):
        with_composer(hosts.remote_of(site), [site], {site.name: facts})
    return found


def test_secret_of_the_site_is_passed_as_a_secret(hosts, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", KEY)
    site = hosts.workspace.inventory.sites["shop"]
    site = replace(site, env={"COMPOSER_AUTH": REF, "APP_ENV": "production"})
    [task] = commands(hosts, monkeypatch, site)
    assert (task.env, task.secret) == ({"APP_ENV": "production"}, {"COMPOSER_AUTH": KEY})
    assert "hush" not in task.text


def test_unreadable_secret_is_an_error(hosts, monkeypatch):
    monkeypatch.delenv("SHOP_KEY", raising=False)
    site = hosts.workspace.inventory.sites["shop"]
    site = replace(site, env={"COMPOSER_AUTH": REF})
    with pytest.raises(SecretError):
        commands(hosts, monkeypatch, site)
