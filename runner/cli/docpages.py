"""The pages of the documentation that come with the package, in the order of their index."""

from __future__ import annotations

import difflib
import os.path
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.errors import UsageError

__all__ = ["Page", "docs_folder", "find_page", "pages", "terminal_markdown"]

_SECTION = re.compile(r"## (.+)")
_LINK = re.compile(r"\[([^][]{0,200})\]\(([^()#\s]{0,200})(?:#[^()#\s]{0,200})?\)")
_APART = "developers/"
"""Pages for developers are in the repository only."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page: `name` is its path in the folder of the docs, without `.md`."""

    name: str
    title: str
    section: str
    path: Path

    @property
    def text(self) -> str:
        """Its Markdown."""
        return self.path.read_text(encoding="utf-8")

    def as_json(self) -> dict[str, str]:
        """Return it as printed by `docs --json`."""
        return {"page": self.name, "title": self.title, "section": self.section, "path": str(self.path)}


def docs_folder() -> Path:
    """Return the folder with the pages."""
    from runner.load import shipped

    return Path(str(shipped("docs")))


def pages() -> list[Page]:
    """Return all pages: those of the index under its headings, then the other ones."""
    folder = docs_folder()
    found = {page.name: page for page in reversed(list(_indexed(folder)))}
    listed = list(reversed(found.values()))
    others = sorted(path for path in folder.glob("steps/*.md") if path.name != "README.md")
    return listed + [
        Page(f"steps/{path.stem}", _summary(path), "Steps", path)
        for path in others
        if f"steps/{path.stem}" not in found
    ]


def _indexed(folder: Path) -> Iterator[Page]:
    """Yield each link of the index to a page; one page may be linked several times."""
    section = ""
    for line in (folder / "README.md").read_text(encoding="utf-8").splitlines():
        if heading := _SECTION.fullmatch(line):
            section = heading[1]
        for title, target in _LINK.findall(line) if section else ():
            path = folder / target
            if path.is_file() and not target.startswith(("../", _APART)):
                yield Page(_name(target), title, section, path)


def _name(target: str) -> str:
    """Return the name of a page from the target of a link: `steps/README.md` is `steps`."""
    return target.removesuffix(".md").removesuffix("/README")


def _summary(path: Path) -> str:
    """Return the first sentence below the title of a page."""
    paragraph = path.read_text(encoding="utf-8").split("\n\n")[1]
    return " ".join(paragraph.split()).partition(". ")[0].rstrip(".")


def find_page(name: str) -> Page:
    """Return the page of this name; the last part of a name is enough, as in `shell`.

    Raises:
        UsageError: there is no such page.
    """
    asked = name.lower().removeprefix("docs/").removesuffix(".md").strip("/")
    known = {page.name: page for page in pages()}
    by_last_part = {page.rpartition("/")[2]: page for page in reversed(known)}
    found = known.get(asked) or known.get(by_last_part.get(asked, ""))
    if found is None:
        raise UsageError(f"there is no page {name!r}", hint=_hint(asked, known, set(by_last_part)))
    return found


def _hint(asked: str, known: dict[str, Page], short: set[str]) -> str:
    """Suggest pages of a similar name, else those that contain the words, else the list."""
    near = difflib.get_close_matches(asked, [*known, *sorted(short - known.keys())], 3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    words = [page for page in known if asked and asked in known[page].text.lower()]
    if words:
        return f"pages that mention it: {', '.join(words[:6])}"
    return "list all pages: sitecrew docs"


def terminal_markdown(page: Page) -> str:
    """Return the Markdown of a page with the names of other pages instead of links to files."""
    folder = docs_folder()

    def named(link: re.Match[str]) -> str:
        text, target = link[1], link[2]
        if "://" in target:
            return link[0]
        path = Path(os.path.normpath(page.path.parent / target))
        if not target or path == page.path or not path.is_relative_to(folder):
            return text
        name = _name(path.relative_to(folder).as_posix())
        return text if name == text.strip("`") or name.startswith(_APART) else f"{text} (`{name}`)"

    return re.sub(r"(?<!!)" + _LINK.pattern, named, page.text)
