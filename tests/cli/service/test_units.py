"""The unit files, judged by systemd's own tools."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cli.service.quoting import command_line, quoted
from runner.cli.service.units import UnitOptions, is_edited, is_ours, units
from runner.errors import UsageError

ODD = Path('/srv/it\'s 100% $HOME "q" \\b ü @USER@ ;#')
LEAST = 4.0
"""Exposure that systemd calls OK."""


def options(**changes: object) -> UnitOptions:
    found: dict[str, object] = {
        "name": "sitecrew",
        "program": ("/bin/true",),
        "workspace": Path("/srv/crew"),
        "account": "daemon",
        "timer": False,
        "writable": (Path("/srv/crew/.sitecrew"), Path("/srv/crew/reports/out")),
        "stop_seconds": 1200,
    }
    return UnitOptions(**{**found, **changes})  # type: ignore[arg-type]


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)


def write(folder: Path, options: UnitOptions) -> list[Path]:
    for unit in units(options):
        (folder / unit.name).write_text(unit.text)
    return [folder / unit.name for unit in units(options)]


@pytest.mark.parametrize("account", ["daemon", ""])
@pytest.mark.parametrize("timer", [False, True])
@pytest.mark.parametrize("workspace", [Path("/srv/crew"), ODD])
def test_systemd_accepts_units(account: str, workspace: Path, tmp_path: Path, *, timer: bool) -> None:
    files = write(
        tmp_path,
        options(account=account, timer=timer, workspace=workspace, writable=(workspace / ".sitecrew",)),
    )
    found = analyze("verify", "--man=no", *map(str, files))
    assert found.stdout + found.stderr == ""
    assert found.returncode == 0


def test_systemd_names_mistakes_in_units(tmp_path: Path) -> None:
    (file,) = write(tmp_path, options(stop_seconds=-1, program=("relative",)))
    assert analyze("verify", "--man=no", str(file)).stderr


@pytest.mark.parametrize("timer", [False, True])
def test_exposure_is_small(tmp_path: Path, *, timer: bool) -> None:
    service = write(tmp_path, options(timer=timer))[0]
    found = analyze("security", "--offline=true", "--no-pager", str(service))
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", found.stdout)
    assert level, found.stdout + found.stderr
    assert float(level[1]) < LEAST


@pytest.mark.parametrize("name", ["$$ ${HOME}", "%h", "a  b ", "-@+!:x", "ü\u202f", "#;"])
def test_systemd_finds_program_with_odd_path(name: str, tmp_path: Path) -> None:
    program = tmp_path / name / "sitecrew"
    program.parent.mkdir()
    (file,) = write(tmp_path, options(program=(str(program),)))
    assert "is not executable" in analyze("verify", "--man=no", str(file)).stderr
    program.touch(mode=0o755)
    found = analyze("verify", "--man=no", str(file))
    assert found.stdout + found.stderr == ""


@pytest.mark.parametrize("character", ["'", '"', "\\"])
def test_program_that_systemd_refuses_is_refused(character: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="systemd cannot start"):
        command_line(f"/srv/{character}/sitecrew", [])


WORDS = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], include_characters="\"'\\%$ ;#@:{}"), max_size=40
)


@given(WORDS, WORDS)
def test_systemd_reads_arguments_as_written(
    tmp_path_factory: pytest.TempPathFactory, one: str, two: str
) -> None:
    assert read_command(command_line("/bin/true", [one, two])) == ["/bin/true", one, two]


def read_command(text: str) -> list[str]:
    """Split a value of ExecStart= by the rules of systemd.service(5): quotes, escapes, `%%` and `$$`."""
    found, word, quote, position = [], None, False, 0
    while position < len(text):
        character = text[position]
        position += 1
        if character == "\\":
            word = (word or "") + text[position]
            position += 1
        elif character == '"' and (quote or word is None):
            word, quote = word or "", not quote
        elif character == " " and not quote:
            found += [] if word is None else [word]
            word = None
        else:
            word = (word or "") + character
    assert not quote
    found += [] if word is None else [word]
    for single in ("%", "$"):
        assert not re.search(rf"(?<!\{single})(\{single}\{single})*\{single}(?!\{single})", " ".join(found))
        found = [word.replace(single * 2, single) for word in found]
    return found


@pytest.mark.parametrize("path", ["/srv/a\nb", "/srv/a\x7fb", "/srv/\udcff"])
def test_paths_that_units_cannot_contain_are_refused(path: str) -> None:
    with pytest.raises(UsageError, match="unit file"):
        quoted(path)


def test_edited_units_are_recognised() -> None:
    (unit,) = units(options())
    assert is_ours(unit.text)
    assert not is_edited(unit.text)
    changed = unit.text.replace("RestartSec=60", "RestartSec=5")
    assert is_ours(changed)
    assert is_edited(changed)
    assert not is_ours("[Service]\nExecStart=/bin/true\n")
    assert is_edited("[Service]\nExecStart=/bin/true\n")


def test_systemd_is_installed() -> None:
    assert shutil.which("systemd-analyze"), "scripts/test installs it"
