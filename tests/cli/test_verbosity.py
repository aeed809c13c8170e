"""What commands print by default, with `-q` and with `-v`."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.cli.main import _run
from runner.cli.progress.lines import Errors
from runner.errors import ExitCode
from runner.inspect.check import Check
from runner.model import Action, Change, ItemKind, Outcome, Plan, RunEvent, SitePlan
from tests.cli.workspaces import sitecrew
from tests.workflows.scheduling import write

WEEKLY = '  weekly: {playbook: hello, day: tuesday, at: "02:00"}\n'
RENAMED = "site c0-site is now c0-home; its history is kept"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, WEEKLY, 2)


@pytest.fixture
def closed_port(folder: Path) -> Iterator[int]:
    """A port of the host that refuses connections, in the inventory."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        inventory = folder / "inventory.yaml"
        inventory.write_text(inventory.read_text().replace("port: 9", f"port: {port}"))
        yield port


def rename(folder: Path) -> None:
    inventory = folder / "inventory.yaml"
    inventory.write_text(inventory.read_text().replace("c0-site: {", "c0-home: {was: c0-site, "))


def test_tick_emits_rename_as_event(folder: Path) -> None:
    sitecrew(folder, "tick", "--json")  # prunes the ledger, once a day
    rename(folder)
    done = sitecrew(folder, "tick", "--json")
    (event,) = map(json.loads, done.stdout.splitlines())
    assert (event["event"], event["said"]) == ("inventory.recognised", RENAMED)
    assert RENAMED not in done.stderr
    assert sitecrew(folder, "tick", "--json").stdout == "", "it is applied once"


def test_tick_prints_rename(folder: Path) -> None:
    assert sitecrew(folder, "tick").returncode == 0
    rename(folder)
    done = sitecrew(folder, "tick")
    assert (done.returncode, done.stdout) == (0, "")
    assert RENAMED in done.stderr


def test_quiet_run_prints_failed_sites(folder: Path, closed_port: int) -> None:
    done = sitecrew(folder, "run", "hello", "-y", "-q")
    assert (done.returncode, done.stdout) == (4, "")
    lines = done.stderr.splitlines()
    for name in ("c0-site", "c1-site"):
        (line,) = [line for line in lines if line.startswith(f"{name}: unreachable (")]
        assert str(closed_port) in line


@pytest.mark.parametrize(
    ("outcome", "more", "expected", "printed"),
    [
        ("failed", {}, (), True),
        ("missed", {}, (), True),
        ("skipped", {"locked": True}, (), True),
        ("skipped", {}, (), False),
        ("changed", {}, (), False),
        ("undone", {}, (), True),
        ("undone", {}, (Outcome.UNDONE,), False),
    ],
)
def test_quiet_run_prints_site_by_its_outcome(
    outcome: str,
    more: dict[str, object],
    expected: tuple[Outcome, ...],
    printed: bool,  # noqa: FBT001
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = {"outcome": outcome, "why": "because", **more}
    at = datetime.now(UTC)
    Errors(expected)(RunEvent(event="site.finished", at=at, run="r1", site="shop", data=data))
    assert capsys.readouterr().err == (f"shop: {outcome} (because)\n" if printed else "")


CHECKS = (
    Check(about="controller", finding="the clock is right"),
    Check(about="acme-shop", finding="unreachable", code=ExitCode.UNREACHABLE, hint="check the port"),
)


TOTALS = "\n1 problem (acme-shop) in 2 checks\nto print only the problems  sitecrew doctor -q\n"


@pytest.mark.parametrize(
    ("option", "checks", "totals"),
    [
        ((), "ok  controller: the clock is right\n", TOTALS),
        (("-q",), "", ""),
        (
            ("-v",),
            "ok  controller: the clock is right\n",
            f"checking 2 sites on 1 host\n{TOTALS}",
        ),
    ],
    ids=["default", "quiet", "verbose"],
)
@pytest.mark.usefixtures("workspace")
def test_doctor_prints_checks_by_verbosity(
    option: tuple[str, ...],
    checks: str,
    totals: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("runner.inspect.doctor.examine", lambda *_: CHECKS)
    assert _run(["doctor", *option]) == ExitCode.UNREACHABLE
    printed = capsys.readouterr()
    assert printed.out == f"{checks}!!  acme-shop: unreachable\n      check the port\n"
    assert printed.err == totals


@pytest.mark.usefixtures("workspace")
def test_quiet_doctor_prints_nothing_without_problems(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("runner.inspect.doctor.examine", lambda *_: CHECKS[:1])
    assert _run(["doctor", "-q"]) == ExitCode.OK
    assert capsys.readouterr() == ("", "")


def planned(item: str, action: Action, why: str) -> Change:
    return Change(
        step="plugins",
        item=item,
        kind=ItemKind.PLUGIN,
        from_version="1.0",
        to_version="1.1",
        action=action,
        why=why,
    )


HEALTHY = SitePlan(
    site="acme-shop",
    client="acme",
    changes=(
        planned("slider", Action.CHANGE, "a patch release"),
        planned("forms", Action.SKIP, "excluded by the playbook"),
    ),
)
BROKEN = SitePlan(site="acme-docs", client="acme", problems=("its folder is missing",))


@pytest.mark.parametrize(
    ("option", "shown", "hidden"),
    [
        ((), ("slider", "its folder is missing", "1 to change"), ("a patch release", "forms")),
        (("-q",), ("its folder is missing",), ("acme-shop", "slider", "to change")),
        (("-v",), ("slider", "a patch release", "forms", "its folder is missing", "1 to change"), ()),
        (("-D",), ("slider", "a patch release", "forms", "its folder is missing", "1 to change"), ()),
    ],
    ids=["default", "quiet", "verbose", "diff"],
)
@pytest.mark.usefixtures("workspace")
def test_plan_prints_sites_by_verbosity(
    option: tuple[str, ...],
    shown: tuple[str, ...],
    hidden: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = Plan(playbook="nightly", sites=(HEALTHY, BROKEN))
    monkeypatch.setattr("runner.inspect.plan.make_plan", lambda *_, **__: made)
    assert _run(["plan", "nightly", *option]) == ExitCode.FAILED
    printed = "".join(capsys.readouterr())
    assert [text for text in shown if text not in printed] == []
    assert [text for text in hidden if text in printed] == []


CONTENTS = "no mistakes found: 1 client, 2 sites, 1 host, 0 windows, 3 playbooks\n"
NAMES = """\
  files: inventory.yaml
  clients: acme
  sites: acme-shop, acme-docs
  hosts: web1
  playbooks: patch, weekly, nightly
"""


@pytest.mark.parametrize(
    ("option", "printed"),
    [
        ((), CONTENTS),
        (("-q",), ""),
        (("-v",), CONTENTS + NAMES),
    ],
    ids=["default", "quiet", "verbose"],
)
@pytest.mark.usefixtures("workspace")
def test_validate_prints_contents_by_verbosity(
    option: tuple[str, ...], printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["validate", *option]) == ExitCode.OK
    assert capsys.readouterr() == (printed, "")


@pytest.mark.parametrize("option", [(), ("-q",), ("-v",)], ids=["default", "quiet", "verbose"])
def test_validate_prints_every_mistake(
    option: tuple[str, ...], workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "playbooks/nightly.yaml").write_text("name: Nightly\nsteps:\n  - shel: {run: 'true'}\n")
    assert _run(["validate", *option]) == ExitCode.USAGE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "playbooks/nightly.yaml:3:" in printed.err
