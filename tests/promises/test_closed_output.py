"""Promise: a reader who leaves (`| head`, `less` left with q) ends a run as Ctrl-C does; no site is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.crew import ROOT, Crew

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Fleet

SLOW = """\
name: Slow
steps:
  - shell: {run: 'sleep 1; echo done >>"$HOME/marks"', changes: true}
"""


@pytest.fixture
def crew(fleet: Fleet, tmp_path: Path) -> Iterator[Crew]:
    for host in fleet.spec.hosts:
        (fleet.spec.home(host.name) / "marks").unlink(missing_ok=True)
    yield Crew(fleet, tmp_path, SLOW)
    for host in fleet.spec.hosts:
        (fleet.spec.home(host.name) / "marks").unlink(missing_ok=True)


def outcomes(crew: Crew) -> list[str]:
    return sorted(site["outcome"] for site in crew.show()["sites"])


def check_drained(crew: Crew, code: int) -> None:
    """One site was finished, the others were not started, and nobody calls them lost."""
    assert code == 130
    assert outcomes(crew) == ["cancelled", "cancelled", "cancelled", "changed"]
    assert not (crew.folder / ".sitecrew/logs").exists()
    assert crew.say("resume", "--json").code == 0
    assert outcomes(crew) == ["changed"] * 4


@pytest.mark.parametrize("arguments", [("--json",), ("-v",)], ids=["json on stdout", "lines on stderr"])
def test_run_whose_reader_leaves_finishes_what_runs_and_starts_nothing(
    crew: Crew, arguments: tuple[str, ...]
) -> None:
    process = crew.start("run", "slow", "-f", "1", *arguments)
    assert process.stdout
    assert process.stderr
    stream = process.stdout if "--json" in arguments else process.stderr
    for line in stream:
        if "site.started" in line or ": started" in line:
            break
    stream.close()
    other = process.stderr if stream is process.stdout else process.stdout
    with other:
        assert "Error" not in other.read()
    process.wait(60)
    check_drained(crew, process.returncode)


def test_run_whose_output_has_no_room_on_its_disk_says_so_and_stops_as_with_ctrl_c(crew: Crew) -> None:
    with Path("/dev/full").open("w") as full:
        done = run(crew, "run", "slow", "-f", "1", "--json", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 130
    assert done.stderr.count("the output cannot be written: No space left on device") == 1
    assert "lost" not in outcomes(crew)


@pytest.mark.parametrize(
    "closed", ["0 1 2", *(pytest.param(one, marks=pytest.mark.long) for one in ("1", "2", "0"))]
)
def test_run_started_with_closed_streams_goes_on_silently(crew: Crew, closed: str) -> None:
    redirections = " ".join(f"{number}>&-" for number in closed.split())
    done = shell(crew, f'"$0" -m runner run slow -l acme-blog --json {redirections}')
    assert done.returncode == 0, done
    assert outcomes(crew) == ["changed"]


def test_run_whose_stderr_has_no_room_goes_on(crew: Crew) -> None:
    assert shell(crew, '"$0" -m runner run slow -l acme-blog 2>/dev/full').returncode == 0
    assert outcomes(crew) == ["changed"]


def test_tick_goes_on_when_nobody_reads_it(crew: Crew) -> None:
    start = datetime.now(UTC) - timedelta(minutes=10)
    old = 'playbook: weekly\n    day: tuesday\n    at: "02:00"\n    lasts: 2h\n    timezone: client'
    new = f'playbook: slow\n    day: {start:%A}\n    at: "{start:%H:%M}"\n    lasts: 2h\n    timezone: UTC'
    crew.edit("inventory.yaml", old, new.replace(f"{start:%A}", f"{start:%A}".lower()))
    done = shell(crew, '"$0" -m runner tick --json | head -n 1; exit "${PIPESTATUS[0]}"')
    assert done.returncode == 0, done
    assert set(outcomes(crew)) == {"changed"}


PRINTING = (
    "list sites", "list playbooks", "list steps", "schema inventory", "completion bash", "schedule next",
    "--help", "run --help", "validate",
)  # fmt: skip


@pytest.fixture
def quiet(tmp_path: Path) -> Path:
    (tmp_path / "inventory.yaml").write_text(
        "hosts: {web1: {address: web1.example}}\n"
        'clients: {acme: {name: Acme, sites: {shop: {url: "https://a.example", host: web1, path: /srv}}}}\n'
    )
    return tmp_path


@pytest.mark.parametrize(
    ("command", "sink"),
    [
        pytest.param(command, sink, marks=[] if (number + turn) % 3 == 0 else [pytest.mark.long])
        for number, command in enumerate(PRINTING)
        for turn, sink in enumerate(("closed pipe", "full disk", "closed"))
    ],
)
def test_commands_that_print_end_plainly(quiet: Path, command: str, sink: str) -> None:
    if sink == "closed pipe":
        reader, writer = os.pipe()
        os.close(reader)
    else:
        writer = os.open("/dev/full", os.O_WRONLY)
    shut = ">&-" if sink == "closed" else ""
    done = subprocess.run(
        ["bash", "-c", f'"$0" -m runner {command} {shut}', sys.executable],
        cwd=quiet, env=environment(), stdout=writer, stderr=subprocess.PIPE, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    os.close(writer)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert "defect" not in done.stderr
    if sink == "closed pipe":
        assert (done.returncode, done.stderr) == (130, "")
    elif sink == "full disk":
        assert done.returncode in {1, 2}
        assert done.stderr.startswith("error: ")
        assert "output" in done.stderr
        assert "No space left on device\n" in done.stderr
    else:
        assert (done.returncode, done.stderr) == (0, "")


def test_no_file_takes_the_place_of_a_closed_stream(quiet: Path) -> None:
    program = "import os; from runner.cli.process import prepare; prepare(); print(os.open('/dev/null', 0))"
    done = subprocess.run(
        ["bash", "-c", '"$0" -c "$1" <&- 2>&-', sys.executable, program],
        cwd=quiet, env=environment(), stdout=subprocess.PIPE, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert int(done.stdout) > 2


def run(crew: Crew, *arguments: str, **streams: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runner", *arguments]
    return subprocess.run(
        command, cwd=crew.folder, env=environment(), text=True, timeout=120, check=False, **streams
    )


def shell(crew: Crew, text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", text, sys.executable], cwd=crew.folder, env=environment(), text=True,
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}
