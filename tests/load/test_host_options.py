"""Options of hosts: the host's own, else those of its group, else the defaults."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.load.host_options import HostOptions
from runner.load.inventory import InventoryFile, inventory_of
from runner.model import Host, SecretRef, SecretSource

BASE = Path("/workspace")
KEYS = ("port", "user", "gateway", "php")
VALUES = {"port": "22", "user": "deploy", "gateway": "me@gate:22", "php": "/usr/bin/php"}


def hosts(text: dict[str, object]) -> dict[str, Host]:
    return dict(inventory_of([InventoryFile.model_validate(text)], BASE).hosts)


@pytest.mark.parametrize(
    ("defaults", "group", "host", "user"),
    [
        ({}, {}, {}, None),
        ({"user": "d"}, {}, {}, "d"),
        ({}, {"user": "g"}, {}, "g"),
        ({}, {}, {"user": "h"}, "h"),
        ({"user": "d"}, {"user": "g"}, {}, "g"),
        ({"user": "d"}, {}, {"user": "h"}, "h"),
        ({}, {"user": "g"}, {"user": "h"}, "h"),
        ({"user": "d"}, {"user": "g"}, {"user": "h"}, "h"),
        ({"user": "d"}, {"user": None}, {}, None),
        ({"user": "d"}, {"user": "g"}, {"user": None}, None),
        ({"user": "d"}, {"user": None}, {"user": "h"}, "h"),
    ],
)
def test_host_precedes_group_and_group_defaults(defaults, group, host, user):
    text = {
        "defaults": defaults,
        "groups": {"g": group},
        "hosts": {
            "in": {"address": "a", "group": "g", **host},
            "out": {"address": "b"},
        },
    }
    found = hosts(text)
    assert found["in"].user == user
    assert found["out"].user == defaults.get("user")
    assert (found["in"].group, found["out"].group) == ("g", "")


def test_every_option_can_be_a_default():
    secret = {"env": "A"}
    options = {
        "port": "2222",
        "user": "deploy",
        "identity_file": "keys/id",
        "passphrase": secret,
        "password": secret,
        "gateway": "me@gate:22",
        "become": "sudo",
        "become_password": secret,
        "php": "/usr/bin/php",
        "wp": "/usr/bin/wp",
    }
    assert set(options) == set(HostOptions.model_fields)
    reference = SecretRef(SecretSource.ENV, "A")
    wanted = Host(
        name="web1",
        address="a",
        port=2222,
        user="deploy",
        identity_file="/workspace/keys/id",
        passphrase=reference,
        password=reference,
        gateway="me@gate:22",
        become="sudo",
        become_password=reference,
        php="/usr/bin/php",
        wp="/usr/bin/wp",
    )
    assert hosts({"defaults": options, "hosts": {"web1": {"address": "a"}}})["web1"] == wanted


level = st.dictionaries(st.sampled_from(KEYS), st.booleans())


@given(level, level, level, st.booleans())
def test_options_at_any_level_equal_the_same_on_the_host(defaults, group, host, in_group):
    def options(given: dict[str, bool], mark: str) -> dict[str, str | None]:
        return {key: (f"{VALUES[key]}{mark}" if has else None) for key, has in given.items()}

    levels = [options(defaults, "0"), *([options(group, "1")] if in_group else []), options(host, "2")]
    merged = {key: value for one in levels for key, value in one.items()}
    text = {
        "defaults": levels[0],
        "groups": {"g": options(group, "1")},
        "hosts": {"web1": {"address": "a", **levels[-1], **({"group": "g"} if in_group else {})}},
    }
    alone = {
        "groups": {"g": {}},
        "hosts": {"web1": {"address": "a", "group": "g" if in_group else None, **merged}},
    }
    assert hosts(text) == hosts(alone)
