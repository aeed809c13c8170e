"""A workspace without a reachable host, and processes that run commands in it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.crew import ended, start_sitecrew

__all__ = ["INVENTORY", "ROOT", "sitecrew", "write_workspace"]

ROOT = Path(__file__).parents[2]
INVENTORY = """\
hosts:
  web1: {address: 127.0.0.1, port: 1, user: deploy}
clients:
  acme:
    name: Acme Bakery
    sites:
      acme-shop: {url: "https://shop.acme.example", host: web1, path: /srv/shop, kind: static}
      acme-docs: {url: "https://docs.acme.example", host: web1, path: /srv/docs, kind: static, tags: [quiet]}
"""
"""Two static sites on a host where nothing listens."""
_IDENTITY = {"SITECREW_OPERATOR", "SUDO_USER"}


def write_workspace(folder: Path, inventory: str = INVENTORY) -> Path:
    """Write a workspace with the playbook `nightly` and return its folder."""
    (folder / "playbooks").mkdir(parents=True)
    (folder / "inventory.yaml").write_text(inventory)
    (folder / "playbooks/nightly.yaml").write_text("name: Nightly\nsteps:\n  - shell: {run: 'true'}\n")
    return folder


def sitecrew(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command in its own process."""
    process = start_sitecrew(*words, folder=folder, env={**dict.fromkeys(_IDENTITY), **env})
    done = ended(process)
    return subprocess.CompletedProcess(process.args, done.code, done.out, done.err)
