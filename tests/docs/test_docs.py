"""The documentation is part of the product: what is missing from it fails here."""

from __future__ import annotations

import re
import textwrap
from dataclasses import fields
from pathlib import Path

import pytest

from runner.errors import ExitCode
from runner.load import load_playbook
from runner.steps import StepKind, registry

DOCS = Path(__file__).parents[2] / "docs"
README = DOCS.parent / "README.md"
PAGES = sorted([*DOCS.rglob("*.md"), README])


def test_the_page_of_the_gauntlet_has_every_case() -> None:
    from lab.gauntlet import CASES

    rows = [
        line.split(" | ")[0].removeprefix("| ") for line in (DOCS / "gauntlet.md").read_text().splitlines()
    ]
    missing = [case.name for case in CASES if case.name not in rows]
    assert not missing, "run tests/promises/test_gauntlet.py with GAUNTLET_PAGE=docs/gauntlet.md"


def test_written_pages_say_what_the_code_says() -> None:
    from runner.cli.reference import pages

    written = pages(DOCS)
    stale = [path.name for path, text in written.items() if not path.exists() or path.read_text() != text]
    assert not stale, "write them again: python -m runner.cli.reference docs"
    assert set((DOCS / "steps").glob("*.md")) <= set(written), "a page of a step that does not exist"


@pytest.mark.parametrize("code", list(ExitCode), ids=lambda code: code.name)
def test_every_exit_code_is_explained(code: ExitCode) -> None:
    assert re.search(rf"^\| {code.value} \|", (DOCS / "exit-codes.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("kind", registry().values(), ids=list(registry()))
def test_every_step_tells_how_it_works(kind: StepKind) -> None:
    assert all((kind.reads, kind.plans, kind.changes, kind.understood, kind.undone))
    assert all(field.metadata.get("doc") for field in fields(kind.options))


@pytest.mark.parametrize("kind", registry().values(), ids=list(registry()))
def test_the_example_of_a_step_is_a_playbook(kind: StepKind, tmp_path: Path) -> None:
    (tmp_path / "playbooks").mkdir()
    text = f"name: Example\nsteps:\n{textwrap.indent(kind.example, '  ')}"
    (tmp_path / "playbooks/example.yaml").write_text(text)
    assert kind.name in {step.kind for step in load_playbook(tmp_path, "example").steps}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_docs_exist(page: Path) -> None:
    import click

    from runner.cli.main import root

    context = click.Context(root)
    for name in re.findall(r"^(?:\$ )?sitecrew ([a-z]+)", page.read_text(), re.MULTILINE):
        assert root.get_command(context, name), f"{page.name}: sitecrew {name}"


def test_every_event_is_explained() -> None:
    rooms = [Path(__file__).parents[2] / "runner" / name for name in ("workflows", "apply")]
    text = "\n".join(path.read_text() for room in rooms for path in room.rglob("*.py"))
    told = (DOCS / "json.md").read_text()
    for event in set(re.findall(r'"((?:run|site|step|segment|backup|look|trial|ring)\.[a-z]+)"', text)):
        assert f"`{event}`" in told or f'"{event}"' in told, event
