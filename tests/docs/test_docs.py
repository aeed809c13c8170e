"""The docs are complete, and their links, commands, tests and generated pages are right."""

from __future__ import annotations

import re
import subprocess
import textwrap
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from runner.errors import ExitCode
from runner.load import load_playbook
from runner.steps import StepKind, registry

DOCS = Path(__file__).parents[2] / "docs"
DEVELOPERS = DOCS / "developers"
ROOT = DOCS.parent
README = ROOT / "README.md"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])


def test_every_misbehaving_update_is_documented() -> None:
    from lab.gauntlet import CASES

    rows = [
        line.split(" | ")[0].removeprefix("| ")
        for line in (DEVELOPERS / "gauntlet.md").read_text().splitlines()
    ]
    missing = [case.name for case in CASES if case.name not in rows]
    assert not missing, (
        "run: GAUNTLET_PAGE=docs/developers/gauntlet.md scripts/test long tests/promises/test_gauntlet.py"
    )


def test_generated_pages_are_up_to_date() -> None:
    from runner.cli.reference import pages

    written = pages(DOCS)
    stale = [path.name for path, text in written.items() if not path.exists() or path.read_text() != text]
    assert not stale, "run: python -m runner.cli.reference docs"
    assert set((DOCS / "steps").glob("*.md")) <= set(written), "a page of an unknown step"


@pytest.mark.parametrize("code", list(ExitCode), ids=lambda code: code.name)
def test_every_exit_code_is_documented(code: ExitCode) -> None:
    assert re.search(rf"^\| {code.value} \|", (DOCS / "exit-codes.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("kind", registry().values(), ids=list(registry()))
def test_every_step_documents_itself(kind: StepKind) -> None:
    assert all((kind.reads, kind.plans, kind.changes, kind.understood, kind.undone))
    assert all(field.metadata.get("doc") for field in fields(kind.options))


@pytest.mark.parametrize("kind", registry().values(), ids=list(registry()))
def test_example_of_step_is_a_valid_playbook(kind: StepKind, tmp_path: Path) -> None:
    (tmp_path / "playbooks").mkdir()
    text = f"name: Example\nsteps:\n{textwrap.indent(kind.example, '  ')}"
    (tmp_path / "playbooks/example.yaml").write_text(text)
    assert kind.name in {step.kind for step in load_playbook(tmp_path, "example").steps}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_have_targets(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(file), f"{page.name} links to {target}#{anchor}"


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_index_lists_every_page() -> None:
    listed = re.findall(r"\]\(([^)#/]+\.md)", (DOCS / "README.md").read_text())
    assert {page.name for page in DOCS.glob("*.md")} - set(listed) == {"README.md"}


def test_numbers_of_decisions_are_unique() -> None:
    numbers = [path.name[:4] for path in (DEVELOPERS / "decisions").glob("[0-9]*.md")]
    assert len(set(numbers)) == len(numbers)


def test_changelog_is_generated_from_entries() -> None:
    subprocess.run([ROOT / "scripts/changelog", "check"], check=True)


def test_cited_tests_exist() -> None:
    page = (DEVELOPERS / "wp-cli-scenarios.md").read_text()
    missing = []
    for file, names in re.findall(r"`([\w/]+/test_\w+\.py)`((?:,? `test_\w+`)*)", page):
        source = (ROOT / "tests" / file).read_text()
        missing += [
            f"{file}: {name}" for name in re.findall(r"test_\w+", names) if f"def {name}(" not in source
        ]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_docs_exist(page: Path) -> None:
    import click

    from runner.cli.main import root

    context = click.Context(root)
    for name in re.findall(r"^(?:\$ )?sitecrew ([a-z]+)", page.read_text(), re.MULTILINE):
        assert root.get_command(context, name), f"{page.name}: sitecrew {name}"


def test_every_event_is_documented() -> None:
    rooms = [ROOT / "runner" / name for name in ("workflows", "apply")]
    text = "\n".join(path.read_text() for room in rooms for path in room.rglob("*.py"))
    page = (DOCS / "json.md").read_text()
    for event in set(re.findall(r'"((?:run|site|step|segment|backup|look|trial|ring)\.[a-z]+)"', text)):
        assert f"`{event}`" in page or f'"{event}"' in page, event


@pytest.mark.parametrize(
    "page", [ROOT / "CONTRIBUTING.md", DEVELOPERS / "architecture.md"], ids=lambda page: page.name
)
def test_paths_in_developer_docs_exist(page: Path) -> None:
    paths = re.findall(
        r"`((?:runner|tests|lab|scripts|docs|reports|playbooks|changelog)/[\w./*-]*)`", page.read_text()
    )
    assert paths
    missing = [
        path for path in paths if "NAME" not in path and "ROOM" not in path and not list(ROOT.glob(path))
    ]
    assert not missing
