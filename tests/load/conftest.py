from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.errors import ValidationError
from runner.load import Workspace, load_workspace

INVENTORY = """\
hosts:
  web1:
    address: 203.0.113.10
clients:
  acme:
    name: Acme Bakery
    sites:
      shop:
        url: https://shop.acme.example
        host: web1
        path: /srv/shop
        tags: [woocommerce, ring-1]
windows:
  weekly:
    playbook: patch
    day: tuesday
    at: 02:00
"""
PLAYBOOK = """\
name: Patch
steps:
  - backup:
"""

Files = dict[str, str | bytes]
Make = Callable[[Files], Path]
Mistakes = Callable[[Files], list[str]]


@pytest.fixture(autouse=True)
def _no_user_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the settings of the user who runs the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    for name in [name for name in os.environ if name.startswith("SITECREW_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a valid workspace, with some of its files replaced by the given ones."""

    def write(files: Files) -> Path:
        folder = tmp_path / "workspace"
        for name, content in (
            {"inventory.yaml": INVENTORY, "playbooks/patch.yaml": PLAYBOOK, "logo.png": b""} | files
        ).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    return write


@pytest.fixture
def load(make: Make) -> Callable[[Files], Workspace]:
    """Write and load a workspace."""
    return lambda files: load_workspace(make(files))


@pytest.fixture
def mistakes(make: Make) -> Mistakes:
    """Write and load a workspace; return its problems as `file:line:column: path: message (hint)`."""

    def formatted(files: Files) -> list[str]:
        with pytest.raises(ValidationError) as caught:
            load_workspace(make(files))
        return [
            f"{p.file}:{p.line}:{p.column}: {p.path}: {p.message}" + (f" ({p.hint})" if p.hint else "")
            for p in caught.value.problems
        ]

    return formatted
