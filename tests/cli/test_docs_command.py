"""`docs`: the pages of the documentation in the terminal, and the manual page."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.terminal import Terminal
from runner.cli.docpages import find_page, pages, terminal_markdown
from runner.cli.manual import manual, subcommands
from runner.errors import ExitCode, UsageError
from tests.crew import sitecrew

DOCS = Path(__file__).parents[2] / "docs"
PAGE = [sys.executable, "-m", "runner", "docs"]


def test_list_has_every_page_for_users() -> None:
    names = [page.name for page in pages()]
    assert len(names) == len(set(names))
    files = {path.relative_to(DOCS).as_posix() for path in [*DOCS.glob("*.md"), *DOCS.glob("steps/*.md")]}
    expected = {name.removesuffix(".md").removesuffix("/README") for name in files - {"README.md"}}
    assert set(names) == expected


def test_list_is_printed_as_text_and_json() -> None:
    said = sitecrew("docs")
    assert re.search(r"^  policy +Decide which updates", said.out, re.MULTILINE)
    found = {page["page"]: page for page in sitecrew("docs", "--json").json}
    assert found["policy"]["path"] == str(DOCS / "policy.md")


def test_piped_page_is_its_markdown() -> None:
    said = sitecrew("docs", "policy")
    assert (said.code, said.out) == (0, (DOCS / "policy.md").read_text())


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("policy", "policy"),
        ("Policy.md", "policy"),
        ("docs/undo.md", "undo"),
        ("wordpress.plugins", "steps/wordpress.plugins"),
        ("steps/shell", "steps/shell"),
        ("steps", "steps"),
    ],
)
def test_page_is_found_by_any_usual_name(name: str, page: str) -> None:
    assert find_page(name).name == page


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("polcy", "did you mean policy?"),
        ("wordpress.plugin", "did you mean wordpress.plugins"),
        ("trellis", "pages that mention it: "),
        ("../README", "list all pages: sitecrew docs"),
        ("quxquux", "list all pages: sitecrew docs"),
    ],
)
def test_unknown_page_suggests_what_exists(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as error:
        find_page(name)
    assert error.value.hint.startswith(hint)


def test_path_of_a_page_and_of_all_pages() -> None:
    assert sitecrew("docs", "undo", "--path").out == f"{DOCS / 'undo.md'}\n"
    assert sitecrew("docs", "--path").out == f"{DOCS}\n"


def test_terminal_shows_names_instead_of_links() -> None:
    text = "\n".join(terminal_markdown(page) for page in pages())
    assert "[which rule decides]" not in text
    assert "which rule decides (`policy`)" in text
    assert not re.search(r"(?<!!)\]\([^)]*\.md", text)


def test_terminal_pages_and_formats(tmp_path: Path) -> None:
    with Terminal([*PAGE, "policy"], folder=tmp_path, env={"PAGER": None, "LESS": None}) as terminal:
        terminal.wait_for(r"^:$")
        assert terminal.screen.splitlines()[0].strip() == "What is updated when"
        assert b"\x1b[1m" in terminal.output
        terminal.type("q")
        assert terminal.wait_for_exit() == 0


def test_short_page_needs_no_key(tmp_path: Path) -> None:
    with Terminal([*PAGE, "multisite"], folder=tmp_path, rows=60, env={"NO_COLOR": "1"}) as terminal:
        assert terminal.wait_for_exit() == 0
        assert "Multisite networks" in terminal.text
        assert b"\x1b[1m" not in terminal.output


@pytest.mark.skipif(not shutil.which("man"), reason="needs man")
def test_manual_page_has_no_warnings(tmp_path: Path) -> None:
    page = tmp_path / "sitecrew.1"
    page.write_text(sitecrew("docs", "--man").out)
    shown = subprocess.run(
        ["man", "--warnings=w", "-l", page],
        env={"MANWIDTH": "80", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stderr == ""
    assert re.search(r"sitecrew run \[PLAYBOOK\]\n +Run PLAYBOOK on all sites", shown.stdout)
    assert "--plan FILE" in shown.stdout


@pytest.mark.skipif(not shutil.which("mandoc"), reason="needs mandoc")
def test_manual_page_passes_mandoc() -> None:
    command = ["mandoc", "-Tlint", "-Wwarning", DOCS / "sitecrew.1"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    assert [
        line for line in found if "missing date" not in line
    ] == []  # a page without a date is the same each day


def test_manual_page_has_every_command_and_exit_code() -> None:
    import click

    from runner.cli.main import root

    text = manual()
    context = click.Context(root, info_name="sitecrew")
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        assert command
        for found, inside in subcommands(command, context, name):
            assert f"\\fB{inside.command_path}\\fR" in text
            for option in found.params:
                assert not isinstance(option, click.Option) or option.opts[-1].replace("-", r"\-") in text
    for code in ExitCode:
        assert f"\n\\fB{code.value}\\fR\n" in text
