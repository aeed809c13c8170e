"""Any file is loaded or refused with a Sitecrew error, in bounded time."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from runner.errors import SitecrewError, UsageError, ValidationError
from runner.load import load_workspace
from runner.load.frozen import thaw
from runner.load.nodes import Problems
from runner.load.planfile import read_plan
from runner.load.text import masked, names_a_secret, suggest_again
from runner.load.yamlnodes import read_yaml
from tests.fuzz import endure, hostile

INVENTORY = b"""\
hosts:
  web1: {address: web1.example, user: deploy}
clients:
  acme:
    timezone: Europe/Berlin
    sites:
      shop: {url: "https://shop.example", host: web1, path: /var/www/shop, pages: [/]}
windows:
  night: {playbook: weekly, day: second tuesday, at: "02:00", sites: [all],
    blackouts: [2026-12-20/2027-01-02]}
"""
PLAN = b'{"format": 1, "playbook": "weekly", "made": "2026-11-24T01:00:00Z", "steps": [], "sites": []}'
ORDER = b'{"run": "r", "playbook": {"name": "p", "title": "", "steps": []}, "sites": [], "rings": []}'


def test_hostile_yaml_is_read_or_refused(tmp_path: Path):
    def read(raw: bytes) -> None:
        problems: Problems = []
        read_yaml(raw, "inventory.yaml", tmp_path, problems)

    endure(read, hostile([INVENTORY, b"a: &a [1]\nb: [*a, *a]\n", b"<<: {a: 1}\n"], 10_000))


def test_hostile_inventory_is_loaded_or_refused(tmp_path: Path):
    def read(raw: bytes) -> None:
        (tmp_path / "inventory.yaml").write_bytes(raw)
        load_workspace(tmp_path, environ={})

    endure(read, hostile([INVENTORY], 60, seed=2), seconds=10)


@pytest.mark.long
def test_many_hostile_inventories_are_loaded_or_refused(tmp_path: Path):
    def read(raw: bytes) -> None:
        (tmp_path / "inventory.yaml").write_bytes(raw)
        load_workspace(tmp_path, environ={})

    endure(read, hostile([INVENTORY], 10_000, seed=3), seconds=10)


def test_hostile_plan_file_is_read_or_refused(tmp_path: Path):
    file = tmp_path / "plan.json"

    def read(raw: bytes) -> None:
        file.write_bytes(raw)
        read_plan(file)

    endure(read, hostile([PLAN], 10_000))


def test_hostile_order_is_thawed_or_refused():
    endure(
        lambda raw: thaw(raw.decode("utf-8", "surrogateescape")),
        hostile([ORDER], 10_000),
        refusals=(SitecrewError, ValueError),
    )


@pytest.mark.long
@pytest.mark.parametrize(
    "text",
    [
        "".join(f"key{n}: 1\n" for n in range(300_000)),
        "{" + ", ".join(f"key{n}: 1" for n in range(300_000)) + "}",
    ],
    ids=["lines", "one line"],
)
def test_many_unknown_keys_are_refused_quickly(tmp_path: Path, text: str):
    (tmp_path / "inventory.yaml").write_text(text)
    started = time.process_time()
    with pytest.raises(ValidationError) as caught:
        load_workspace(tmp_path, environ={})
    assert time.process_time() - started < 15
    assert len(caught.value.problems) < 500


def test_time_for_unknown_keys_is_linear(tmp_path: Path):
    def took(number: int) -> float:
        (tmp_path / "inventory.yaml").write_text("".join(f"key{number}x{n}: 1\n" for n in range(number)))
        started = time.process_time()
        with pytest.raises(ValidationError):
            load_workspace(tmp_path, environ={})
        return time.process_time() - started

    took(10)
    assert took(20_000) < 10 * took(5_000) + 0.2


@pytest.mark.parametrize("days", ["2026-01-01/9999-12-31", "0001-01-01", "9999-12-31"])
def test_blackout_outside_of_the_allowed_years_is_refused(tmp_path: Path, days: str):
    (tmp_path / "inventory.yaml").write_text(INVENTORY.decode().replace("2026-12-20/2027-01-02", days))
    with pytest.raises(ValidationError) as caught:
        load_workspace(tmp_path, environ={})
    assert "out of range" in str(caught.value.problems)


def test_endless_file_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "fifo")
    for name in ("/dev/zero", str(tmp_path / "fifo")):
        (tmp_path / "inventory.yaml").unlink(missing_ok=True)
        (tmp_path / "inventory.yaml").symlink_to(name)
        with pytest.raises((ValidationError, UsageError)):
            load_workspace(tmp_path, environ={})
    with pytest.raises(UsageError):
        read_plan(tmp_path / "fifo")


def test_huge_sparse_file_is_refused(tmp_path: Path):
    with (tmp_path / "inventory.yaml").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ValidationError, match="mistake"):
        load_workspace(tmp_path, environ={})


def test_misspelt_secret_keys_are_recognised():
    suggest_again()
    assert [word for word in ("passwrod", "tokne", "secrte", "pasphrase") if not names_a_secret(word)] == []
    assert not any(map(names_a_secret, ("address", "timezone", "key1", "sites", "host")))


@pytest.mark.parametrize("piece", ["password", "://", "token: ", "pwd", "@", " "])
def test_masking_takes_linear_time(piece: str):
    def took(times: int) -> float:
        started = time.process_time()
        masked(piece * times)
        return time.process_time() - started

    took(100)
    assert took(40_000) < 12 * took(10_000) + 0.1
