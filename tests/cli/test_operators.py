"""Who acts is on record: by `--as`, else by SITECREW_OPERATOR, else by the login."""

from __future__ import annotations

import getpass
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.record import Ledger
from tests.cli.test_door import INVENTORY, ROOT
from tests.crew import Crew

if TYPE_CHECKING:
    from lab import Fleet

LOGIN = getpass.getuser()
WAYS = [
    (("--as", "Ada"), {"SITECREW_OPERATOR": "Bob"}, "Ada"),
    ((), {"SITECREW_OPERATOR": "Bob"}, "Bob"),
    ((), {}, LOGIN),
]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """One static site, on a host where nothing listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    text = INVENTORY.replace("address: 127.0.0.1,", f"address: 127.0.0.1, port: {port},")
    (tmp_path / "inventory.yaml").write_text(text)
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks/nightly.yaml").write_text("name: Nightly\nsteps:\n  - shell: {run: 'true'}\n")
    return tmp_path


def sitecrew(workspace: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    ours = {
        name: value for name, value in os.environ.items() if name not in {"SITECREW_OPERATOR", "SUDO_USER"}
    }
    return subprocess.run(
        [sys.executable, "-m", "runner", *arguments],
        cwd=workspace,
        env={**ours, "PYTHONPATH": str(ROOT), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def acts(workspace: Path) -> list[tuple[str, str, str]]:
    with Ledger.open(f"sqlite:///{workspace}/.sitecrew/ledger.db", read_only=True) as ledger:
        return [(act.act, act.operator, act.login) for act in ledger.list_acts()]


@pytest.mark.parametrize(("flag", "env", "name"), WAYS)
def test_a_run_names_its_operator(
    workspace: Path, flag: tuple[str, ...], env: dict[str, str], name: str
) -> None:
    sitecrew(workspace, "run", "nightly", "-l", "acme-docs", "-y", *flag, **env)
    listed = sitecrew(workspace, "list", "runs", "--json")
    assert [run["operator"] for run in json.loads(listed.stdout)] == [name], listed.stderr
    shown = json.loads(sitecrew(workspace, "show", "--json").stdout)
    assert [(act["act"], act["operator"], act["login"]) for act in shown["acts"]] == [("run", name, LOGIN)]


@pytest.mark.parametrize(("flag", "env", "name"), WAYS)
def test_unhold_names_its_operator(
    workspace: Path, flag: tuple[str, ...], env: dict[str, str], name: str
) -> None:
    with Ledger.open(f"sqlite:///{workspace}/.sitecrew/ledger.db") as ledger:
        ledger.add_hold("acme-shop", "slider", "4.2", why="white page")
    done = sitecrew(workspace, "unhold", "acme-shop", "slider", *flag, **env)
    assert (done.returncode, acts(workspace)) == (0, [("unhold", name, LOGIN)]), done.stderr


@pytest.mark.fleet
def test_trust_names_its_operator_once(fleet: Fleet, tmp_path: Path) -> None:
    crew = Crew(fleet, tmp_path)
    (crew.folder / "known_hosts").write_text("")
    said = crew.say("trust", "web3", "-y", "--as", "Ada", env={"SITECREW_OPERATOR": "Bob"})
    assert (said.code, [act[:2] for act in acts(crew.folder)]) == (0, [("trust", "Ada")]), said
