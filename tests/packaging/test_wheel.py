"""Promise: an installed wheel does what a checkout does, from `init` to a report in the mailbox."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from datetime import UTC, datetime
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from runner import __version__
from tests.packaging.wheel import ROOT, build, checkout, install, outside

if TYPE_CHECKING:
    from lab import Fleet

STRAY = (
    "playbooks/.#weekly.yaml", "playbooks/._weekly.yaml", "playbooks/.weekly.yaml.swp",
    "playbooks/weekly.yaml~", "playbooks/#weekly.yaml#", "playbooks/weekly.yaml.orig",
    "reports/out/acme-2026-11.html", "reports/.DS_Store",
    "runner/.crew.py.swp", "runner/__pycache__/errors.cpython-311.pyc",
)  # fmt: skip

SHIPPED = "runner/shipped/"
LEFT_OUT = ("docs/developers/", "docs/pictures/")
DATA = f"sitecrew-{__version__}.data/data/"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository, with files in it that nobody wrote."""
    folder = checkout(tmp_path_factory.mktemp("source"))
    for name in STRAY:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("of nobody's business")
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sitecrew(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(wheel, tmp_path_factory.mktemp("venv"))


def content(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as opened:
        names = [name for name in opened.namelist() if ".dist-info/" not in name]
        return {name: opened.read(name) for name in names}


def expected(source: Path) -> dict[str, bytes]:
    found = {}
    for top, inside in {"runner": "", **dict.fromkeys(("playbooks", "reports", "docs"), SHIPPED)}.items():
        for path in (source / top).rglob("*"):
            name = path.relative_to(source).as_posix()
            if path.is_file() and name not in STRAY and not name.startswith(LEFT_OUT):
                found[inside + name] = path.read_bytes()
    found[DATA + "share/man/man1/sitecrew.1"] = (source / "docs/sitecrew.1").read_bytes()
    return found


def test_wheel_holds_exactly_the_files_of_the_repository(source: Path, wheel: Path) -> None:
    assert content(wheel) == expected(source)


def test_wheel_of_the_sdist_is_the_same(source: Path, tmp_path: Path) -> None:
    with tarfile.open(build("sdist", source, tmp_path)) as opened:
        opened.extractall(tmp_path, filter="data")
    [unpacked] = (path for path in tmp_path.iterdir() if path.is_dir())
    assert content(build("wheel", unpacked, tmp_path / "again")) == expected(source)


def test_everything_that_is_imported_is_declared() -> None:
    """The lab and the tests install more than a service has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = ("postgres",)  # the others belong to the lab, the tests and the docs
    texts = [
        *project["dependencies"],
        *(one for name in extras for one in project["optional-dependencies"][name]),
    ]
    declared = {Requirement(text).name.lower() for text in texts}
    declared.add("pydantic_core")  # comes with pydantic, in the one version that fits
    of = packages_distributions()
    undeclared = set()
    for path in (ROOT / "runner").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names.append(node.module or "")
            for top in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"runner"}:
                if not declared & {name.lower() for name in of.get(top, ["?"])}:
                    undeclared.add(f"{path.relative_to(ROOT)}: {top}")
    assert undeclared == set()


def test_installed_wheel_has_docs_and_manual(sitecrew: Path, tmp_path: Path) -> None:
    def crew(*arguments: str) -> str:
        command = [sitecrew, "docs", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=outside(), check=True, capture_output=True, text=True
        ).stdout

    installed = sitecrew.parents[1]
    found = json.loads(crew("--json"))
    assert all(installed in Path(page["path"]).parents and Path(page["path"]).is_file() for page in found)
    assert crew("policy") == (ROOT / "docs/policy.md").read_text()
    assert (installed / "share/man/man1/sitecrew.1").read_text() == crew("--man")


def test_installed_wheel_goes_from_init_to_a_mailed_report(
    sitecrew: Path, fresh_fleet: Fleet, tmp_path: Path
) -> None:
    work = tmp_path / "crew"

    def crew(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [sitecrew, *arguments], cwd=tmp_path, env={**outside(), "SITECREW_WORKSPACE": str(work)},
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    crew("init", str(work))
    assert (work / "playbooks/weekly.yaml").read_text().endswith((ROOT / "playbooks/weekly.yaml").read_text())
    crew("validate")
    (work / "playbooks/weekly.yaml").unlink()  # the shipped one is used
    lab = fresh_fleet.write_workspace(tmp_path / "lab")
    for name in ("inventory.yaml", "sitecrew.yaml", "known_hosts"):
        (work / name).write_bytes((lab / name).read_bytes())

    site = ("-l", "acme-blog")
    assert "(shipped)" not in crew("validate")
    crew("doctor", *site)
    assert "acme-blog" in crew("plan", "weekly", *site)
    crew("run", "weekly", *site)
    shown = json.loads(crew("show", "--json"))
    assert shown["outcome"] == "changed"
    crew("report", "acme", "--period", f"{datetime.now(UTC):%Y-%m}", "--send")
    [letter] = fresh_fleet.mailbox.letters()
    assert letter.recipients == ("office@acme.example",)
    text = letter.message.get_body(("plain",)).get_content()
    assert re.search(r"What we did", text)
    assert "Was wir getan haben" not in text
    for command in (
        "list sites",
        "schedule next",
        "schema playbook",
        "completion bash",
        "docs",
        "docs policy",
        "docs --man",
        "ledger verify",
        "backup list acme-blog",
    ):
        crew(*command.split())
