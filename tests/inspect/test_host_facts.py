"""The facts of a host: what its shell answers, and what is made of strange answers."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from runner.inspect.host_facts import Disk, HostFacts, parse_host, site_questions
from runner.model import Host, Site, SiteKind

if TYPE_CHECKING:
    from pathlib import Path


DATA = Disk(of="site", mount="/srv/my data", size=102_400, free=51_200)


def asked(path: Path, kind: SiteKind) -> HostFacts:
    url = "https://docs.example"
    site = Site(name="docs", client="acme", host="web1", url=url, path=str(path), kind=kind)
    text = site_questions(Host(name="web1", address="192.0.2.1"), site)
    ended = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    return parse_host(ended.stdout)


def test_static_site_with_releases_is_read_by_real_shell(tmp_path: Path) -> None:
    (tmp_path / "it's docs.releases/one").mkdir(parents=True)
    (tmp_path / "it's docs.releases/two").mkdir()
    (tmp_path / "it's docs").symlink_to("it's docs.releases/two")
    found = asked(tmp_path / "it's docs", SiteKind.STATIC)
    assert (found.link, found.releases) == ("it's docs.releases/two", 2)
    assert {disk.of for disk in found.disks} == {"site", "home"}
    assert all(0 <= disk.free <= disk.size for disk in found.disks)
    assert found.tools["tar"].startswith("/")
    assert found.kernel.startswith("Linux")
    assert found.memory is not None
    assert found.memory > 1 << 20
    assert found.php is None
    assert list(tmp_path.iterdir()), "nothing was changed"


def test_missing_folder_has_no_disk(tmp_path: Path) -> None:
    found = asked(tmp_path / "none", SiteKind.STATIC)
    assert [disk.of for disk in found.disks] == ["home"]
    assert (found.link, found.releases) == ("", None)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("user=\x1b[31mroot\x1b[0m", HostFacts(user="root")),
        ("disk=site 100 50 /srv/my data", HostFacts(disks=(DATA,))),
        ("disk=site many 50 /", HostFacts()),
        ("disk=other 100 50 /", HostFacts()),
        ("tool=tar /bin/tar", HostFacts(tools={"tar": "/bin/tar"})),
        ("tool=tar ", HostFacts(tools={"tar": ""})),
        ("tool=other /bin/other", HostFacts()),
        ("load=nan", HostFacts()),
        ("load=0.25", HostFacts(load=0.25)),
        ("memory=-1", HostFacts()),
        ("wp_version=WP-CLI 2.12.0", HostFacts(wp_cli_version="2.12.0")),
        ("nothing", HostFacts()),
    ],
)
def test_answer_is_cleaned_or_ignored(line: str, found: HostFacts) -> None:
    assert parse_host(f"noise\n{line}\n") == found


def test_first_answer_counts() -> None:
    assert parse_host("user=one\nuser=two\n").user == "one"
