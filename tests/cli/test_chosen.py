"""`--list-sites`, `--list-steps` and `--skip-tags`: what is selected, without connecting to a host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.cli.main import _run

BOOK = """\
name: Tagged
steps:
  - shell: {run: 'true'}
    tags: [early, both]
  - shell: {run: 'true'}
    name: The second
    tags: [late, both]
  - shell: {run: 'true'}
    when: acme-docs
"""


@pytest.fixture(autouse=True)
def _tagged(workspace: Path) -> None:
    (workspace / "playbooks/tagged.yaml").write_text(BOOK)


@pytest.mark.parametrize("name", ["plan", "run"])
@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ((), {"shell": 2, "shell-2": 2, "shell-3": 1}),
        (("-t", "both"), {"shell": 2, "shell-2": 2}),
        (("-t", "both", "--skip-tags", "late"), {"shell": 2}),
        (("--skip-tags", "early", "--skip-tags", "late"), {"shell-3": 1}),
        (("--start-at", "The second", "-l", "acme-shop"), {"shell-2": 1}),
    ],
    ids=["all", "tags", "tags and skipped tags", "two skipped tags", "start at"],
)
def test_list_steps_shows_the_steps_that_would_run(
    name: str, options: tuple[str, ...], steps: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run([name, "tagged", "--list-steps", "--json", *options]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {row["step"]: len(row["sites"]) for row in found["steps"]} == steps
    assert "sites" not in found


def test_list_sites_shows_the_rings(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["run", "tagged", "--list-sites", "--rings", "tag:quiet,all"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["ring", "site", "client", "kind", "host", "url"]
    assert [line.split()[:2] for line in lines] == [["1", "acme-docs"], ["2", "acme-shop"]]
    assert _run(["plan", "tagged", "--list-sites", "--list-steps", "--exclude", "acme-docs"]) == 0
    sites, steps = capsys.readouterr().out.split("\n\n")
    assert [line.split()[0] for line in sites.splitlines()] == ["site", "acme-shop"]
    assert [line.split()[0] for line in steps.splitlines()] == ["step", "shell", "shell-2"]
    assert not (workspace / ".sitecrew").exists(), "neither host nor ledger is used"


def test_unknown_skipped_tag_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["run", "tagged", "--skip-tags", "erly"]) == 2
    assert "did you mean early?" in capsys.readouterr().err


def test_no_step_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    skipped = ["--skip-tags", "both", "-l", "acme-shop"]
    assert _run(["run", "tagged", "--list-steps", *skipped]) == 0
    assert capsys.readouterr().err == "no step would run\n"
