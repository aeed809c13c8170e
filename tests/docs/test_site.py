"""The site is built from all pages, and a wrong link or anchor fails."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.wheel import checkout

ROOT = Path(__file__).parents[2]


def script() -> Any:
    loader = SourceFileLoader("build_docs", str(ROOT / "scripts/docs"))
    spec = importlib.util.spec_from_loader("build_docs", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_navigation_names_existing_pages() -> None:
    nav = tomllib.loads(script().config())["project"]["nav"]
    files = [
        file for section in nav[1:] for pages in section.values() for page in pages for file in page.values()
    ]
    assert [file for file in files if not (ROOT / file).is_file()] == []
    names = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")}
    assert names - set(files) == {"docs/README.md"}
    assert nav[0] == {"Home": "README.md"}


def build(source: Path, site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, source / "scripts/docs", site], capture_output=True, text=True, check=False
    )


@pytest.mark.long
@pytest.mark.skipif(not importlib.util.find_spec("zensical"), reason="needs zensical")
def test_site_is_built_strictly(tmp_path: Path) -> None:
    source = checkout(tmp_path / "source")
    done = build(source, tmp_path / "site")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Quick start" in (tmp_path / "site/docs/quick-start.html").read_text()
    for wrong in ("[x](policy.md#no-such-heading)", "[x](no-such-page.md)"):
        page = source / "docs/faq.md"
        text = page.read_text()
        page.write_text(f"{text}\n{wrong}\n")
        assert build(source, tmp_path / "broken").returncode != 0, wrong
        page.write_text(text)
