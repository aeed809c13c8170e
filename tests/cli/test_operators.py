"""The recorded operator: `--as`, else SITECREW_OPERATOR, else the login."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.record import Ledger
from tests.cli.workspaces import sitecrew
from tests.crew import Crew

if TYPE_CHECKING:
    from lab import Fleet

LOGIN = getpass.getuser()
CASES = [
    (("--as", "Ada"), {"SITECREW_OPERATOR": "Bob"}, "Ada"),
    ((), {"SITECREW_OPERATOR": "Bob"}, "Bob"),
    ((), {}, LOGIN),
]


def acts(workspace: Path) -> list[tuple[str, str, str]]:
    with Ledger.open(f"sqlite:///{workspace}/.sitecrew/ledger.db", read_only=True) as ledger:
        return [(act.act, act.operator, act.login) for act in ledger.acts.list()]


@pytest.mark.parametrize(("flag", "env", "name"), CASES)
def test_run_records_its_operator(
    workspace: Path, flag: tuple[str, ...], env: dict[str, str], name: str
) -> None:
    sitecrew(workspace, "run", "nightly", "-l", "acme-docs", "-y", *flag, **env)
    listed = sitecrew(workspace, "list", "runs", "--json")
    assert [run["operator"] for run in json.loads(listed.stdout)] == [name], listed.stderr
    shown = json.loads(sitecrew(workspace, "show", "--json").stdout)
    assert [(act["act"], act["operator"], act["login"]) for act in shown["acts"]] == [("run", name, LOGIN)]


@pytest.mark.parametrize(("flag", "env", "name"), CASES)
def test_unhold_records_its_operator(
    workspace: Path, flag: tuple[str, ...], env: dict[str, str], name: str
) -> None:
    with Ledger.open(f"sqlite:///{workspace}/.sitecrew/ledger.db") as ledger:
        ledger.holds.add("acme-shop", "slider", "4.2", why="white page")
    done = sitecrew(workspace, "unhold", "slider", "-l", "acme-shop", *flag, **env)
    assert (done.returncode, acts(workspace)) == (0, [("unhold", name, LOGIN)]), done.stderr


@pytest.mark.fleet
def test_trust_records_its_operator_once(fleet: Fleet, tmp_path: Path) -> None:
    crew = Crew(fleet, tmp_path)
    (crew.folder / "known_hosts").write_text("")
    done = crew.say("trust", "web3", "-y", "--as", "Ada", env={"SITECREW_OPERATOR": "Bob"})
    assert (done.code, [act[:2] for act in acts(crew.folder)]) == (0, [("trust", "Ada")]), done
