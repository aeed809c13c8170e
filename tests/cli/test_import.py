"""`import` adds the sites of a file to the inventory, once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.cli.main import main
from runner.load import load_workspace
from runner.modes import user_umask
from tests.crew import Crew

if TYPE_CHECKING:
    from lab import Fleet

TEXT = """\
# Ours.
hosts:
  web1: {address: web1.example}
clients:
  acme:
    name: Acme Bakery   # since 2019
    sites:
      shop: {url: "https://shop.example", host: web1, path: /srv/shop}
"""
ROWS = """\
name,url,client,host,path
Shop,http://www.shop.example,acme,,
Blog,https://blog.example,ACME bakery,web1,/srv/blog
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inventory.yaml").write_text(TEXT)
    (tmp_path / "sites.csv").write_text(ROWS + "News,https://news.example,New: one,,\n")
    return tmp_path


def run(folder: Path, *words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["-w", str(folder), "import", str(folder / "sites.csv"), *words])
    return int(ended.value.code or 0)


def test_sites_are_added_once_and_comments_are_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "-y", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "format": "csv",
        "added": ["Blog"],
        "incomplete": ["News"],
        "existing": ["shop"],
        "ignored_columns": [],
        "dry_run": False,
    }
    text = (folder / "inventory.yaml").read_text()
    assert text.startswith(TEXT)
    assert "      # News:\n      #   url: https://news.example\n" in text
    inventory = load_workspace(folder, environ={}).inventory
    assert {site.name: site.client for site in inventory.sites.values()} == {"shop": "acme", "Blog": "acme"}
    assert inventory.clients["new-one"].name == "New: one"
    assert run(folder, "-y") == 0
    assert (folder / "inventory.yaml").read_text() == text


def test_dry_run_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "--dry-run") == 0
    assert "https://blog.example" in capsys.readouterr().out
    assert (folder / "inventory.yaml").read_text() == TEXT


def test_sites_are_added_to_the_file_of_their_client(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "inventory").mkdir()
    own = (folder / "inventory.yaml").rename(folder / "inventory/ours.yaml")
    assert run(folder, "-y") == 0
    assert "added 1 site to inventory/ours.yaml, inventory/new-one.yaml" in capsys.readouterr().err
    assert own.read_text().startswith(TEXT)
    assert "Blog:" in own.read_text()
    new = folder / "inventory/new-one.yaml"
    assert new.read_text().startswith("# yaml-language-server: $schema=../.sitecrew/schema/inventory.json\n")
    assert new.stat().st_mode & 0o777 == 0o644 & ~user_umask() | 0o600
    inventory = load_workspace(folder, environ={}).inventory
    assert {client.id: client.name for client in inventory.clients.values()} == {
        "acme": inventory.clients["acme"].name,
        "new-one": "New: one",
    }


def test_invalid_result_in_several_files_is_not_kept(folder: Path) -> None:
    (folder / "inventory").mkdir()
    own = (folder / "inventory.yaml").rename(folder / "inventory/ours.yaml")
    own.write_text(TEXT.replace("clients:", "  web2: {address: web1.example}\nclients:"))
    before = own.read_text()
    rows = (
        "url,client,host,path\nhttps://x.example,other,web2,/srv/shop\nhttps://y.example,acme,web1,/srv/y\n"
    )
    (folder / "sites.csv").write_text(rows)
    assert run(folder, "-y") == 2
    assert own.read_text() == before
    assert [path.name for path in (folder / "inventory").iterdir()] == ["ours.yaml"]


def test_mistakes_in_a_row_leave_the_inventory_unchanged(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "sites.csv").write_text(ROWS + "x,nonsense,,web9,/srv/x\n")
    assert run(folder, "-y") == 2
    err = capsys.readouterr().err
    assert "sites.csv:4:2: url:" in err
    assert "sites.csv:4:4: host:" in err
    assert "2 mistakes found" in err
    assert (folder / "inventory.yaml").read_text() == TEXT


def test_result_that_is_no_valid_inventory_is_not_kept(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "inventory.yaml"
    path.write_text(TEXT.replace("clients:", "  web2: {address: web1.example}\nclients:"))
    before = path.read_text()
    (folder / "sites.csv").write_text("url,host,path\nhttps://x.example,web2,/srv/shop\n")
    assert run(folder, "-y") == 2
    assert "/srv/shop" in capsys.readouterr().err
    assert path.read_text() == before
    assert not list(folder.glob(".inventory*"))


@pytest.mark.long
def test_folders_are_found_on_a_host(fleet: Fleet, tmp_path: Path) -> None:
    crew = Crew(fleet, tmp_path)
    path = tmp_path / "inventory.yaml"
    head, _, tail = path.read_text().partition("clients:\n")
    path.write_text(f"{head}windows:\n{tail.partition('windows:')[2]}")
    site = fleet.sites["acme-blog"]
    (tmp_path / "export.csv").write_text(f'site name,url,admin name\n"Notes","{site.url}/","admin"\n')
    assert crew.say("import", "export.csv", "--yes").code == 0
    assert "# Notes:" in path.read_text()
    said = crew.say("import", "export.csv", "--host", "web2", "--yes", "--json")
    assert said.json["added"] == ["Notes"], said
    assert "# Notes:" not in path.read_text()
    [found] = load_workspace(tmp_path).inventory.sites.values()
    assert (found.path, found.host) == (str(site.path), "web2")
