"""`docs`: the pages of the documentation, in the terminal."""

from __future__ import annotations

import os
import sys

import click

from runner.cli.docpages import Page, docs_folder, find_page, pages, terminal_markdown
from runner.cli.options import as_json
from runner.cli.output import emit_json
from runner.cli.screen import cell, out, style, terminal_width

__all__ = ["docs"]

_WIDEST = 100
"""Columns of the text on a wide terminal."""


@click.command()
@click.argument("page", required=False)
@click.option("--path", "path_", is_flag=True, help="Print the path of PAGE, or of all pages.")
@click.option("--man", is_flag=True, help="Print sitecrew.1, the manual page.")
@as_json
def docs(page: str | None, *, path_: bool, man: bool, json_: bool) -> None:
    """Show PAGE of the documentation. Without PAGE, list all pages.

    On a terminal, the page is formatted and shown in a pager (PAGER, else less). Otherwise its Markdown is
    printed as it is.

    To read the manual page: man "$(sitecrew docs --man --path)"
    """
    if man:
        file = docs_folder() / "sitecrew.1"
        out(file if path_ else file.read_text(encoding="utf-8").rstrip("\n"))
        return
    chosen = find_page(page) if page else None
    if path_:
        out(chosen.path if chosen else docs_folder())
    elif json_:
        emit_json([one.as_json() for one in pages()] if chosen is None else chosen.as_json())
    elif chosen is None:
        _print_list(pages())
    elif sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        _show(chosen)
    else:
        out(chosen.text.rstrip("\n"))


def _print_list(found: list[Page]) -> None:
    """Print the pages by section, on a terminal within its width."""
    import textwrap

    width = max(len(page.name) for page in found)
    columns = terminal_width(sys.stdout)
    for section in dict.fromkeys(page.section for page in found):
        out(style(section, bold=True))
        for page in found:
            if page.section == section:
                line = f"  {cell(page.name):{width}}  {cell(page.title)}"
                out(textwrap.fill(line, columns, subsequent_indent=" " * (width + 4)))
        out()
    out("Show a page with: sitecrew docs PAGE")


def _show(page: Page) -> None:
    """Format a page and show it in the pager, which exits at once if the page fits on the screen."""
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.theme import Theme

    width = min(terminal_width(sys.stdout), _WIDEST)
    theme = Theme({"markdown.code": "bold", "markdown.h1": "bold", "markdown.h2": "bold underline"})
    console = Console(width=width, highlight=False, theme=theme)
    with console.capture() as captured:
        console.print(Markdown(terminal_markdown(page), code_theme="ansi_dark", hyperlinks=False))
    options = os.environ.setdefault("LESS", "FRX")
    click.echo_via_pager(captured.get(), color="r" in options.lower() and not os.environ.get("NO_COLOR"))
