from __future__ import annotations

import os
import shutil
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab import Fleet


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def work(fleet: Fleet) -> float:
    """Seconds of processor time so far: ours, our children's, the database's. The machine may be busy."""
    process = fleet.processes.find("mariadb")
    assert process is not None
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    database = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return sum(os.times()[:4]) + database


def test_a_reset_under_a_second_brings_back_files_and_database(fresh_fleet: Fleet) -> None:
    site = fresh_fleet.sites["acme-shop"]
    files, rows = contents(site.path), fresh_fleet.database.dump(site.database)

    fresh_fleet.wp("acme-shop", "plugin", "update", "--all")
    fresh_fleet.wp("acme-shop", "post", "create", "--post_title=Later", "--post_status=publish")
    fresh_fleet.sql("acme-shop", "CREATE TABLE more (id int); DROP TABLE wp_harbour_entries;")
    shutil.rmtree(site.path / "wp-includes/blocks")
    (site.path / ".maintenance").write_text("<?php $upgrading = 1;")
    assert contents(site.path) != files

    began = work(fresh_fleet)
    fresh_fleet.reset("acme-shop")
    assert work(fresh_fleet) - began < 1
    assert contents(site.path) == files
    assert fresh_fleet.database.dump(site.database) == rows


def test_a_reset_of_one_site_leaves_the_others_alone(fresh_fleet: Fleet) -> None:
    fresh_fleet.wp("acme-blog", "option", "update", "blogname", "Changed")
    fresh_fleet.reset("acme-shop")
    assert fresh_fleet.wp("acme-blog", "option", "get", "blogname") == "Changed\n"


def test_a_full_reset_clears_homes_and_the_catalogue(fresh_fleet: Fleet) -> None:
    left = fresh_fleet.hosts["web2"].home / ".sitecrew/jobs/one"
    left.mkdir(parents=True)
    fresh_fleet.catalogue.plugin("harbour-forms", "9.0")
    fresh_fleet.catalogue.switch(outage=True)
    fresh_fleet.reset()
    assert not left.parents[1].exists()
    assert "9.0" not in fresh_fleet.wp("acme-shop", "plugin", "list", "--field=update_version")
    assert fresh_fleet.catalogue.downloads() == []


def test_php_sees_a_reset_at_once(fresh_fleet: Fleet) -> None:
    site = fresh_fleet.sites["acme-shop"]
    footer = site.path / "wp-content/themes/millstone/footer.php"
    footer.write_text("now without an end")
    with urllib.request.urlopen(site.url, timeout=20) as answer:  # noqa: S310 (our own http)
        assert b"now without an end" in answer.read()
    fresh_fleet.reset("acme-shop")
    with urllib.request.urlopen(site.url, timeout=20) as answer:  # noqa: S310 (our own http)
        assert b"</html>" in answer.read()
