"""No web server hands out a restore point, and nobody computes where one is."""

from __future__ import annotations

import dataclasses
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.gauntlet import CASES, SLUG, prepare
from runner.apply.jobs import restore_point_id
from runner.execute import Command, Job, Restore, read, run_job
from runner.load import freeze, thaw
from tests.crew import Crew, plugin_version
from tests.execute.conftest import hosts, pool, shell
from tests.load.test_load_frozen import big
from tests.promises.test_dead_man import ONE
from tests.promises.test_gauntlet import SITE

if TYPE_CHECKING:
    from lab import Fleet

__all__ = ["hosts", "pool", "shell"]

FINE = {case.name: case for case in CASES}["good"]
WHERE = Command("a", 'echo "$SITECREW_RESTORE"')


def test_a_root_in_a_document_root_is_passed_over(hosts, pool, shell) -> None:
    home = hosts.homes[shell]
    public = (f"{home}/nothing-there", str(home))
    made = read(pool, hosts.endpoint(shell), [WHERE], restore=Restore("r", "shop", public))["a"].text.strip()
    assert made.startswith("/var/tmp/.sitecrew-")
    assert stat.S_IMODE(Path(made).stat().st_mode) == 0o700


@pytest.mark.parametrize("way", ["home", "home above", "link to home"])
def test_document_roots_are_compared_by_their_physical_paths(hosts, pool, tmp_path: Path, way: str) -> None:
    home = hosts.homes["sh"]
    link = home / "public-link"
    if way == "link to home" and not link.is_symlink():
        link.symlink_to(home)
    public = {"home": home, "home above": home.parent, "link to home": link}[way]
    made = read(pool, hosts.endpoint(), [WHERE], restore=Restore("r", "shop", (f"{public}/.",)))["a"]
    link.unlink(missing_ok=True)
    assert not made.text.strip().startswith(f"{home}/")


def test_a_document_root_beside_or_below_the_root_changes_nothing(hosts, pool) -> None:
    home = hosts.homes["sh"]
    public = (f"{home}/www", f"{home}/.sitecre", f"{home}/.sitecrew-x")
    for path in public:
        Path(path).mkdir(exist_ok=True)
    made = read(pool, hosts.endpoint(), [WHERE], restore=Restore("r", "shop", public))["a"].text.strip()
    assert made == f"{home}/.sitecrew/restore/r/shop"


def test_a_job_is_refused_where_every_root_lies_open(hosts, pool, shell) -> None:
    job = Job(hosts.new_id(), (Command("a", "echo begun"),), restore=Restore("r", "shop", ("/",)))
    record = run_job(pool, hosts.endpoint(shell), job)
    assert (record.status, record.commands["a"].why, record.commands["a"].output) == ("public", "public", b"")


def test_a_root_denies_every_web_server(hosts, pool) -> None:
    read(pool, hosts.endpoint(), [WHERE], restore=Restore("r", "shop"))
    root = hosts.homes["sh"] / ".sitecrew"
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    assert "Require all denied" in (root / ".htaccess").read_text()
    assert (root / "index.html").read_bytes() == b""


def test_names_of_restore_points_cannot_be_computed_and_older_runs_keep_theirs() -> None:
    old = big()
    assert (old.secret_folder, old.restore_folder) == ("", "r")
    new = dataclasses.replace(old, secret_folder="s" * 32)
    assert thaw(freeze(new)).restore_folder == "s" * 32

    class Of:
        order = new

    class OfOld:
        order = old

    job = "0123456789abcdef" * 2
    assert restore_point_id(OfOld(), job) == job[:12]  # type: ignore[arg-type]
    assert restore_point_id(Of(), job) not in job  # type: ignore[arg-type]
    assert restore_point_id(Of(), job) == restore_point_id(Of(), job)  # type: ignore[arg-type]


@pytest.mark.long
@pytest.mark.fleet
def test_where_the_home_is_a_document_root_nothing_of_a_run_lies_there_and_an_undo_finds_it(
    fleet: Fleet, tmp_path: Path
) -> None:
    prepare(fleet, SITE, FINE)
    host = fleet.sites[SITE].host
    home = fleet.spec.home(host)
    fleet.clear_host(host)
    crew = Crew(fleet, tmp_path / "crew", ONE)
    site = f"at-home: {{url: http://home.test, host: {host}, path: {home}, kind: static}}"
    crew.edit("inventory.yaml", "      acme-blog:\n", f"      {site}\n      acme-blog:\n")
    said = crew.say("run", "one", "-l", SITE)
    assert said.code == 0, said
    assert not list(home.glob(".sitecrew/restore/*"))
    assert not list(home.rglob("database.sql*"))
    undone = crew.say("undo", "last", "-l", SITE, "-y")
    assert undone.code == 0, undone
    assert plugin_version(fleet, SITE, SLUG) == "1.0"
