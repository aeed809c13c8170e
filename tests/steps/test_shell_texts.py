"""Shell scripts of WordPress sites and backups in sh, bash and busybox, with a fake wp-cli."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from runner.model import Host, Site, SiteKind
from runner.steps.backup import database_script, dump_is_complete, files_script, left_out
from runner.steps.wordpress.shell import program, site_script

SHELLS = [["sh"], ["bash"], ["busybox", "ash"]]


@pytest.fixture(params=SHELLS, ids=" ".join)
def shell(request):
    if not shutil.which(request.param[0]):
        pytest.skip(f"no {request.param[0]} here")
    return request.param


NO_HOST = Host(name="h", address="h", php="/nowhere/php", wp="/nowhere/wp")
"""A host without PHP and wp-cli."""


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / 'it\'s $HOME "x" ü*'
    folder.mkdir()
    return Site(name="s", client="c", host="h", url="http://x.example", path=str(folder))


def wp(tmp_path, text):
    tool = tmp_path / "wp"
    tool.write_text(f"#!/bin/sh\n{text}\n")
    tool.chmod(0o700)
    return Host(name="h", address="h", php="/bin/sh", wp=str(tool))


def run(shell, script, *, stdin=True):
    """Run a script from stdin, or as an argument with empty stdin."""
    given = {"input": script.text.encode()} if stdin else {"stdin": subprocess.DEVNULL}
    arguments = [*shell] if stdin else [*shell, "-c", script.text]
    return subprocess.run(arguments, capture_output=True, check=False, timeout=20, **given)


@pytest.mark.parametrize("stdin", [True, False])
def test_script_runs_in_site_folder_with_empty_stdin(shell, site, tmp_path, stdin):
    host = wp(tmp_path, 'echo "in $(pwd) with $* and $(cat | wc -c) bytes"')
    done = run(shell, site_script(site, host, "m4rk", "wp one\ncat\nwp 'two three'\nsay end"), stdin=stdin)
    assert done.stdout.decode().splitlines() == [
        f"in {site.path} with --no-color --url={site.url} one and 0 bytes",
        f"in {site.path} with --no-color --url={site.url} two three and 0 bytes",
        "",
        "m4rk end",
    ]
    assert done.returncode == 0


def test_program_and_data_arrive_unchanged_on_stdin(shell, site, tmp_path):
    host = wp(tmp_path, 'echo "$*"; cat')
    data = {
        "items": ["SITECREW_DATA", "SITECREW_PROGRAM\nSITECREW_PROGRAM", "'; rm -rf /; echo `id` $(id) \\ ü"]
    }
    text = program("facts", "m4rk", data)
    done = run(shell, site_script(site, host, "m4rk", text)).stdout.decode()
    arguments, php = done.split("\n", 1)
    assert arguments == f"--no-color --url={site.url} eval-file -"
    assert php.rstrip("\n") == text.split("\n", 1)[1].removesuffix("SITECREW_PROGRAM").rstrip("\n")
    assert [line for line in php.splitlines() if line.startswith("SITECREW")] == ["SITECREW_DATA"]


def test_truncated_script_does_nothing(shell, site, tmp_path):
    host = wp(tmp_path, "echo ran")
    whole = site_script(site, host, "m4rk", "wp one").text
    for length in range(0, len(whole) - len("sitecrew </dev/null\n"), 37):
        done = subprocess.run([*shell], input=whole[:length].encode(), capture_output=True, check=False)
        assert b"ran" not in done.stdout


@pytest.mark.parametrize(
    ("path", "host", "word"),
    [
        ("/nowhere/at/all", {}, "no-folder"),
        ("/", {"php": "/nowhere/php", "wp": "/bin/sh"}, "no-php"),
        ("/", {"php": "/bin/sh", "wp": "/nowhere/wp"}, "no-wp"),
    ],
)
def test_missing_tools_are_reported(shell, path, host, word):
    site = Site(name="s", client="c", host="h", url="http://x.example", path=path)
    done = run(shell, site_script(site, Host(name="h", address="h", **host), "m4rk", "echo never"))
    assert (done.returncode, done.stdout.decode()) == (3, f"\nm4rk problem {word}\n")


CANNOT = "exit 9"


def dumper(tmp_path, php, client=CANNOT):
    """Return a host whose PHP runs `php` to dump; if that exits with 9, wp-cli runs `client`."""
    host = wp(tmp_path, client)
    tool = tmp_path / "php"
    tool.write_text(f"#!/bin/sh\ncat >/dev/null\n{php}\n")
    tool.chmod(0o700)
    return replace(host, php=str(tool))


WHOLE = "echo SQL; echo '-- Dump completed on x'"
HALF = "echo SQL; echo 'no space' >&2; exit"


@pytest.mark.parametrize("tools", [(WHOLE,), (CANNOT, WHOLE)], ids=["php", "client"])
def test_dump_is_gzip_with_a_trailer(shell, site, tmp_path, tools):
    host = dumper(tmp_path, *tools)
    done = run(shell, database_script(site, host, "m4rk"))
    assert done.returncode == 0, done.stderr
    text = gzip.decompress(done.stdout)
    assert text == b"SQL\n-- Dump completed on x\n"
    assert dump_is_complete(text[-100:])
    lacking = left_out(done.stderr.decode(), "m4rk")
    assert [one for one in lacking if "FLOAT" not in one] == []
    assert len(lacking) == len(tools) - 1


@pytest.mark.parametrize("tools", [(f"{HALF} 1",), (CANNOT, f"{HALF} 2")], ids=["php", "client"])
def test_dump_failure_is_reported_despite_gzip(shell, site, tmp_path, tools):
    done = run(shell, database_script(site, dumper(tmp_path, *tools), "m4rk"))
    assert done.returncode == 1
    assert done.stderr.endswith(b"no space\n")
    assert gzip.decompress(done.stdout) == b"SQL\n"


def test_archive_leaves_out_caches_and_includes_config_above(tmp_path):
    root = tmp_path / "site"
    names = [
        "wp-load.php",
        "a b.txt",
        "wp-content/cache/x",
        "wp-content/plugins/p/cache/kept",
        "deep/er/debug.log",
    ]
    for name in [*names, "private/keys", "drop.tmp"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    (tmp_path / "wp-config.php").write_text("<?php")
    site = Site(name="s", client="c", host="h", url="http://x.example", path=str(root))
    done = run(["sh"], files_script(site, NO_HOST, "m4rk", ("/private/", "*.tmp")))
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        files = {entry.name for entry in archive if entry.isfile()}
    assert files == {"./wp-load.php", "./a b.txt", "./wp-content/plugins/p/cache/kept", "./wp-config.php"}
    assert (done.returncode, done.stderr) == (0, b"")


def test_archive_includes_content_outside_the_site(shell, tmp_path):
    root, app = tmp_path / "it's a site/wp", tmp_path / "it's a site/app"
    for path in (
        root / "wp-load.php",
        app / "plugins/a b.php",
        app / "cache/x",
        app / "raw/x",
        tmp_path / "env",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    lines = tmp_path / "lines"
    lines.write_text(
        f"m4rk at content {app}\nm4rk at other {tmp_path}/env\nm4rk at other /gone\nm4rk at ../x\n"
    )
    host = wp(tmp_path, f"cat '{lines}'")
    site = Site(name="s", client="c", host="h", url="http://x.example", path=str(root))
    done = run(shell, files_script(site, host, "m4rk", ("wp-content/raw",)))
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        files = {entry.name for entry in archive if entry.isfile()}
    kept = {"./wp-load.php", f"{app}/plugins/a b.php"[1:], f"{tmp_path}/env"[1:]}
    left_out = {f"{app}/cache/x"[1:], f"{app}/raw/x"[1:]}
    assert files == (kept | left_out if b"has no --exclude" in done.stderr else kept)
    assert done.returncode == 0


def test_archive_of_static_site_has_all_files(shell, tmp_path):
    (tmp_path / "error_log").write_text("x")
    site = Site(
        name="s", client="c", host="h", url="http://x.example", path=str(tmp_path), kind=SiteKind.STATIC
    )
    done = run(shell, files_script(site, NO_HOST, "m4rk"))
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        assert "./error_log" in archive.getnames()
    assert done.returncode == 0


def test_archive_fails_without_site_folder(shell, tmp_path):
    site = Site(name="s", client="c", host="h", url="http://x.example", path=str(tmp_path / "gone"))
    assert run(shell, files_script(site, NO_HOST, "m4rk")).returncode == 3
    Path(site.path).symlink_to(tmp_path / "loop")
    assert run(shell, files_script(site, NO_HOST, "m4rk")).returncode == 3
