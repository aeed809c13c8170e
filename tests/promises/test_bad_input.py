"""Promise: what is wrong in the files is said at once, at its place, with what to write; nothing runs."""

from __future__ import annotations

import io
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from runner.cli.main import main
from tests.crew import sitecrew as run_sitecrew

if TYPE_CHECKING:
    from collections.abc import Callable

    from syrupy.assertion import SnapshotAssertion

ROOT = Path(__file__).parents[2]
CANARY = "hunter2-canary"
GOOD = {
    "inventory.yaml": """\
hosts:
  web1:
    address: 203.0.113.10
    user: deploy
    port: 22
  web2:
    address: web2.example
clients:
  acme:
    name: Acme Bakery
    timezone: Europe/Berlin
    contacts: [{name: Office, email: office@acme.example}]
    sites:
      acme-shop:
        url: https://shop.acme.example
        host: web1
        path: /srv/shop
        tags: [woocommerce, ring-0]
  globex:
    name: Globex
    sites:
      globex-www:
        url: https://www.globex.example
        host: web1
        path: /srv/globex
windows:
  nightly:
    playbook: patch
    day: tuesday
    at: "02:00"
    sites: [tag:woocommerce]
""",
    "sitecrew.yaml": """\
agency: {name: Northwind}
mail:
  host: smtp.northwind.example
  from: care@northwind.example
  username: care
  password: {env: SMTP_PASSWORD}
parallel: {sites: 10}
""",
    "playbooks/patch.yaml": """\
name: Patch
steps:
  - backup: {include: [database, files]}
  - wordpress.plugins: {update: all}
    timeout: 10m
    when: tag:woocommerce
  - shell: {run: uptime}
    tags: [late]
""",
}


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Edits = dict[str, "tuple[str, str] | str | bytes"]
"""By file: what stands there instead, or a text of it and what takes its place."""

MISTAKES: dict[str, Edits] = {
    "unknown key": {"inventory.yaml": ("port: 22", "prot: 22")},
    "unknown key of a step": {"playbooks/patch.yaml": ("timeout: 10m", "time_out: 10m")},
    "unknown option of a step": {"playbooks/patch.yaml": ("{update: all}", "{udpate: all}")},
    "unknown setting": {"sitecrew.yaml": ("parallel:", "paralel:")},
    "duplicate key": {"inventory.yaml": ("    port: 22", "    port: 22\n    user: root")},
    "wrong type": {"inventory.yaml": ("port: 22", "port: [22]")},
    "text for a number": {"sitecrew.yaml": ("{sites: 10}", "{sites: many}")},
    "no duration": {"playbooks/patch.yaml": ("timeout: 10m", "timeout: 10 minutes")},
    "missing key": {"inventory.yaml": ("        path: /srv/shop\n", "")},
    "unknown zone": {"inventory.yaml": ("Europe/Berlin", "Europe/Berln")},
    "unknown host": {
        "inventory.yaml": ("host: web1\n        path: /srv/shop", "host: wbe1\n        path: /srv/shop")
    },
    "unknown site": {"inventory.yaml": ("[tag:woocommerce]", "[acme-shpo]")},
    "unknown tag": {"inventory.yaml": ("[tag:woocommerce]", "[tag:woocomerce]")},
    "unknown tag of a step": {"playbooks/patch.yaml": ("when: tag:woocommerce", "when: tag:woo")},
    "no selector": {"inventory.yaml": ("[tag:woocommerce]", "[team:shops]")},
    "unknown step": {"playbooks/patch.yaml": ("wordpress.plugins:", "wordpress.plugin:")},
    "a contact without an address": {"inventory.yaml": ("office@acme.example", "office(at)acme.example")},
    "a window without its playbook": {"inventory.yaml": ("playbook: patch", "playbook: pacth")},
    "two sites with one path": {"inventory.yaml": ("path: /srv/globex", "path: /srv/shop/")},
    "one name for two sites": {"inventory.yaml": ("globex-www:", "acme-shop:")},
    "an empty playbook": {"playbooks/patch.yaml": "name: Patch\nsteps: []\n"},
    "an empty file": {"playbooks/patch.yaml": "# later\n"},
    "tabs": {"inventory.yaml": ("    address: web2.example", "\taddress: web2.example")},
    "bad indentation": {"inventory.yaml": ("    user: deploy", "   user: deploy")},
    "a text with a colon": {"inventory.yaml": ("name: Acme Bakery", "name: Acme: Bakery")},
    "a bracket that stays open": {"inventory.yaml": ("ring-0]", "ring-0")},
    "not UTF-8": {"inventory.yaml": GOOD["inventory.yaml"].replace("Acme Bakery", "Café").encode("latin-1")},
    "no time of day": {"inventory.yaml": ('"02:00"', "25:00")},
    "a plain secret": {"sitecrew.yaml": ("{env: SMTP_PASSWORD}", CANARY)},
    "a plain secret under a misspelt key": {
        "sitecrew.yaml": ("password: {env: SMTP_PASSWORD}", f"pasword: {CANARY}")
    },
    "a password in an address": {
        "inventory.yaml": ("https://www.globex.example", f"https://me:{CANARY}@www.globex.example")
    },
    "what a step itself refuses": {"playbooks/patch.yaml": ("{run: uptime}", '{run: " "}')},
    "what this version cannot do": {"playbooks/patch.yaml": ("tags: [late]", "on_failure: undo")},
    "several mistakes in several files": {
        "inventory.yaml": ("port: 22\n  web2:\n    address: web2.example", "prot: 22\n  web2: {}"),
        "sitecrew.yaml": ("parallel: {sites: 10}", "parallel: {sites: 0}\nlimits: {look: 5}"),
        "playbooks/patch.yaml": ("{update: all}\n    timeout: 10m", "{update: al}\n    timeout: soon"),
        "playbooks/other.yaml": "steps:\n  - bakcup:\n",
    },
}
UNSEEN = {
    "unknown host",
    "unknown site",
    "unknown tag",
    "unknown tag of a step",
    "no selector",
    "a window without its playbook",
    "two sites with one path",
    "one name for two sites",
    "unknown zone",
    "an empty file",
    "duplicate key",
    "what a step itself refuses",
    "a password in an address",
}
"""What one file's schema cannot know: other files, other entries, the words of a program."""


def write(folder: Path, edits: Edits) -> Path:
    """A good workspace with a mistake in it."""
    for name, text in GOOD.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name, edit in edits.items():
        path = folder / name
        if isinstance(edit, bytes):
            path.write_bytes(edit)
        elif isinstance(edit, str):
            path.write_text(edit)
        else:
            assert path.read_text().count(edit[0]) == 1, f"{name} holds {edit[0]!r} not once"
            path.write_text(path.read_text().replace(*edit))
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A good one."""
    return write(tmp_path / "workspace", {})


def _environment(folder: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(folder / "user"), "COLUMNS": "80"}


def sitecrew(folder: Path, *arguments: str, **environment: str) -> Said:
    """The command, as a process of its own, eighty columns wide."""
    unset = dict.fromkeys(name for name in os.environ if name.startswith("SITECREW_"))
    done = run_sitecrew(*arguments, folder=folder, env=unset | _environment(folder) | environment)
    assert "Traceback" not in done.err, done.err
    return Said(done.code, done.out, done.err.replace(str(folder), "WORKSPACE"))


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """The command within this process, which takes a tenth of the time; as wide, and as unseen."""

    def said(folder: Path, *arguments: str) -> Said:
        for name, value in _environment(folder).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.stdin", io.StringIO())
        monkeypatch.chdir(folder)
        with pytest.raises(SystemExit) as ended:
            main([*arguments])
        told = capsys.readouterr()
        return Said(int(ended.value.code or 0), told.out, told.err.replace(str(folder), "WORKSPACE"))

    return said


@pytest.mark.parametrize("edits", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_shown_at_its_place(
    edits: Edits, tmp_path: Path, at_once: Callable[..., Said], snapshot: SnapshotAssertion
) -> None:
    folder = write(tmp_path / "workspace", edits)
    said = at_once(folder, "validate")
    assert (said.code, said.out) == (2, "")
    assert said.err == snapshot
    assert CANARY not in said.err

    told = at_once(folder, "validate", "--json")
    assert told.code == 2
    assert CANARY not in told.out + told.err
    document = json.loads(told.out)
    assert document["ok"] is False
    places = [(e["file"], e["line"], e["column"]) for e in document["errors"]]
    assert places == sorted(places)
    shown = re.findall(r"^(\S+\.yaml):(\d+):(\d+): ", said.err, re.MULTILINE)
    assert [(file, str(line), str(column)) for file, line, column in places] == shown


def test_a_good_workspace_is_well(workspace: Path, snapshot: SnapshotAssertion) -> None:
    said = sitecrew(workspace, "validate")
    assert said == Said(0, snapshot, "")
    assert json.loads(sitecrew(workspace, "validate", "--json").out) == {"ok": True, "errors": []}


@pytest.mark.parametrize("time", ["22:30", "'22:30'", '"22:30"', "02:00", "2:00", "0:05"])
def test_times_are_read_as_they_are_written(time: str, tmp_path: Path) -> None:
    """YAML 1.1 makes 1350 of an unquoted 22:30."""
    folder = write(tmp_path / "workspace", {"inventory.yaml": ('"02:00"', time)})
    said = sitecrew(folder, "schedule", "next", "--count", "1", "--from", "2026-11-23T00:00:00Z", "--json")
    starts = time.strip("'\"").rjust(5, "0")
    assert json.loads(said.out)[0]["starts_local"].startswith(f"2026-11-24T{starts}")


@pytest.mark.parametrize(
    "name",
    [
        ".",
        "inventory.yaml",
        "sitecrew.yaml",
        "playbooks",
        "playbooks/patch.yaml",
        "reports/mail.html.j2",
        "user/sitecrew/sitecrew.yaml",
    ],
)
def test_a_workspace_that_everybody_may_write_to_is_refused(
    name: str, workspace: Path, at_once: Callable[..., Said], snapshot: SnapshotAssertion
) -> None:
    path = workspace / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    path.chmod(path.stat().st_mode | 0o002)
    for command in (("validate",), ("run", "patch"), ("list", "sites")):
        said = at_once(workspace, *command)
        assert (said.code, said.out, said.err) == (2, "", snapshot(name=name))


def test_nothing_is_run_while_a_file_has_a_mistake(tmp_path: Path) -> None:
    folder = write(tmp_path / "workspace", MISTAKES["unknown zone"])
    for command in ("run", "plan"):
        said = sitecrew(folder, command, "patch")
        assert said.code == 2
        assert "inventory.yaml:11:15" in said.err
    assert not (folder / ".sitecrew").exists()


def test_an_unknown_variable_is_a_warning(workspace: Path, snapshot: SnapshotAssertion) -> None:
    said = sitecrew(workspace, "validate", "--json", SITECREW_PARALEL_SITES="3", SITECREW_COLOR="red")
    assert (said.code, json.loads(said.out)["ok"]) == (0, True)
    assert said.err == snapshot


def test_a_wrong_value_in_the_environment_is_shown_there(
    workspace: Path, snapshot: SnapshotAssertion
) -> None:
    said = sitecrew(workspace, "validate", SITECREW_PARALLEL_SITES="many")
    assert (said.code, said.out, said.err) == (2, "", snapshot)


WRONG_WORDS = {
    "no such command": ("vaildate",),
    "no such option": ("run", "patch", "--limt", "acme-shop"),
    "no such playbook": ("run", "pacth"),
    "no such site": ("run", "patch", "-l", "acme-shpo"),
    "no such tag": ("run", "patch", "-l", "tag:shops"),
    "no such tag of a step": ("run", "patch", "-t", "lat"),
    "no such step": ("run", "patch", "--start-at", "wordpress.plugin"),
    "no such client": ("report", "acmee", "--period", "2026-11"),
    "no such host": ("trust", "web3"),
    "no such period": ("report", "acme", "--period", "november"),
    "no such instant": ("schedule", "next", "--from", "tomorrow"),
    "no variable": ("run", "patch", "-e", "verbose"),
    "a limit that names nothing": ("run", "patch", "-l", ""),
    "no site left": ("run", "patch", "-l", "acme-shop", "--exclude", "all"),
    "no terminal to ask on": ("run", "patch", "--confirm"),
    "no run yet": ("show",),
    "no workspace": ("validate", "-w", "/nowhere"),
    "no such folder": ("-w", "/nowhere", "run", "patch"),
    "no playbook named": ("run",),
    "forks": ("run", "patch", "-f", "0"),
    "no failed sites yet": ("run", "patch", "-l", "@failed"),
}


@pytest.mark.parametrize("words", WRONG_WORDS.values(), ids=WRONG_WORDS)
def test_a_wrong_command_line_is_answered_with_a_sentence(
    words: tuple[str, ...], workspace: Path, at_once: Callable[..., Said], snapshot: SnapshotAssertion
) -> None:
    said = at_once(workspace, *words)
    assert (said.code, said.out, said.err) == (2, "", snapshot)


def as_editors_read(text: str) -> Any:
    """YAML 1.2, as editors have it: dates and times are text."""
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers: ClassVar = {
            first: [
                (tag, pattern)
                for tag, pattern in found
                if tag.rpartition(":")[2] not in {"timestamp", "int", "bool"}
            ]
            for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789"))
    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), list("tf"))
    return yaml.load(text, Loader)  # noqa: S506  # a safe loader


def complaints(name: str, text: str) -> list[str]:
    """What an editor would underline."""
    from jsonschema import Draft202012Validator

    from runner.load import json_schema

    what: Any = {"inventory.yaml": "inventory", "sitecrew.yaml": "settings"}.get(name, "playbook")
    editor = Draft202012Validator(json_schema(what), format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [error.message for error in editor.iter_errors(as_editors_read(text))]


SHIPPED = (
    "inventory.yaml",
    "sitecrew.yaml",
    *(f"playbooks/{path.name}" for path in (ROOT / "playbooks").iterdir()),
)


@pytest.mark.parametrize("what", ["inventory", "playbook", "settings"])
def test_the_schemas_are_schemas(what: Any) -> None:
    from jsonschema import Draft202012Validator

    from runner.load import json_schema

    Draft202012Validator.check_schema(json_schema(what))


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_editors_find_nothing_in_what_is_shipped(name: str) -> None:
    assert complaints(name, (ROOT / name).read_text()) == []


@pytest.mark.parametrize("name", GOOD)
def test_editors_find_nothing_in_good_files(name: str) -> None:
    assert complaints(name, GOOD[name]) == []


@pytest.mark.parametrize("title", sorted(set(MISTAKES) - UNSEEN))
def test_editors_underline_what_a_schema_can_know(title: str, tmp_path: Path) -> None:
    import yaml

    folder = write(tmp_path / "workspace", MISTAKES[title])
    for name, edit in MISTAKES[title].items():
        if isinstance(edit, bytes):
            continue
        try:
            assert complaints(name, (folder / name).read_text()), name
        except yaml.YAMLError:
            assert title in {"tabs", "bad indentation", "a text with a colon", "a bracket that stays open"}


def test_init_makes_what_editors_find_by_the_first_line(tmp_path: Path) -> None:
    said = sitecrew(tmp_path, "init", "mine")
    assert said.code == 0
    folder = tmp_path / "mine"
    for name in ("inventory.yaml", "sitecrew.yaml", "playbooks/weekly.yaml"):
        path = folder / name
        text = path.read_text()
        target = re.findall(r"\A# yaml-language-server: \$schema=(\S+)$", text, re.MULTILINE)[0]
        schema = json.loads((path.parent / target).read_text())
        assert schema["title"].startswith("Sitecrew ")
        assert complaints(name, text) == []
    assert sitecrew(folder, "validate").code == 0
