"""The documentation is part of the product: what is missing from it fails here."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from runner.errors import ExitCode
from runner.steps import registry

DOCS = Path(__file__).parents[2] / "docs"
README = DOCS.parent / "README.md"
PAGES = sorted([*DOCS.rglob("*.md"), README])


def test_commands_md_is_what_the_commands_say() -> None:
    from runner.cli.reference import reference

    assert (DOCS / "commands.md").read_text() == reference(), (
        "write it again: python -m runner.cli.reference > docs/commands.md"
    )


@pytest.mark.parametrize("code", list(ExitCode), ids=lambda code: code.name)
def test_every_exit_code_is_explained(code: ExitCode) -> None:
    assert re.search(rf"^\| {code.value} \|", (DOCS / "exit-codes.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("kind", sorted(registry()))
def test_every_step_has_a_page_with_its_options(kind: str) -> None:
    about = [page.read_text() for page in (DOCS / "steps").glob("*.md") if f"- {kind}:" in page.read_text()]
    assert about, f"no page in docs/steps shows {kind}"
    for field in fields(registry()[kind].options):
        name = field.metadata.get("alias", field.name)
        assert any(f"`{name}" in page for page in about), f"{kind} has an option {name}"


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
    sources = Path(__file__).parents[2] / "runner/workflows"
    text = "\n".join(path.read_text() for path in sources.rglob("*.py"))
    told = (DOCS / "json.md").read_text()
    for event in set(re.findall(r'"((?:run|site|step|segment|backup|look|trial)\.[a-z]+)"', text)):
        assert f"`{event}`" in told or f'"{event}"' in told, event
