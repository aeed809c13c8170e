"""All mistakes in the files are reported at once, each with its position and a hint."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.cli.errors import complain
from runner.errors import ExitCode, ValidationError
from runner.load import load_workspace
from tests.load.conftest import INVENTORY

TABLE = Path(__file__).with_name("mistakes.txt").read_text(encoding="utf-8")
CASES = {
    title: (title.partition(":")[0], *body.split("-----\n"))
    for title, _, body in (case.partition("\n") for case in TABLE.split("=== ")[1:])
}
"""By title: the file, its text and the expected problems."""


@pytest.mark.parametrize(("file", "text", "expected"), CASES.values(), ids=CASES)
def test_mistake_is_reported_with_position_and_hint(mistakes, file, text, expected):
    assert mistakes({file: text}) == [f"{file}:{line}" for line in expected.splitlines() if line]


def test_playbook_without_steps_is_refused(mistakes):
    assert mistakes({"playbooks/patch.yaml": "name: x\nsteps: []\n"}) == [
        "playbooks/patch.yaml:2:1: steps: the playbook has no steps (add a step)"
    ]


def test_playbook_ending_in_yml_is_reported(mistakes):
    assert mistakes({"playbooks/new.yml": "steps: []"}) == [
        "playbooks/new.yml:1:1: : ignored: a playbook's name ends in .yaml (mv new.yml new.yaml)"
    ]


def test_invalid_text_is_reported_with_its_position(mistakes):
    raw = {
        "playbooks/a.yaml": b"name: caf\xe9\n",
        "playbooks/b.yaml": "name: x\n".encode("utf-16"),
        "playbooks/c.yaml": b"name: x\nsteps: \x1b[31m\n",
        "playbooks/d.yaml": b"name: x\n---\nname: y\n",
    }
    hint = "(delete it, or save the file as UTF-8)"
    assert mistakes(raw) == [
        "playbooks/a.yaml:1:10: : invalid UTF-8 (save the file as UTF-8)",
        "playbooks/b.yaml:1:1: : the file is UTF-16 (save the file as UTF-8)",
        "playbooks/c.yaml:2:8: : unexpected control character (U+001B) " + hint,
        "playbooks/d.yaml:2:1: : a second document starts here (use one file per document)",
    ]


def test_duplicate_site_is_reported_at_the_second(mistakes):
    text = """\
hosts: {web1: {address: a.example}}
clients:
  a:
    name: A
    sites:
      x: {url: 'https://x.example', host: web1, path: /srv/x}
  b:
    name: B
    sites:
      x: {url: 'https://y.example', host: web1, path: /srv/y}
      z: {url: 'https://z.example', host: web1, path: /srv//x/}
"""
    hints = "site names must be unique in the inventory", "each site needs its own folder"
    assert mistakes({"inventory.yaml": text}) == [
        f'inventory.yaml:10:7: clients.b.sites.x: duplicate site "x", first on line 6 ({hints[0]})',
        f'inventory.yaml:11:55: clients.b.sites.z.path: same path on "web1" as site "x" ({hints[1]})',
    ]


def test_same_folder_on_two_names_of_a_machine_is_refused(mistakes):
    text = """\
hosts:
  web1: {address: a.example, user: deploy}
  again: {address: A.example, port: 22, user: deploy}
  jailed: {address: a.example, user: other}
clients:
  a:
    name: A
    sites:
      x: {url: 'https://x.example', host: web1, path: /srv/x}
      y: {url: 'https://y.example', host: again, path: /srv/./x/}
      z: {url: 'https://z.example', host: jailed, path: /srv/x}
"""
    [mistake] = mistakes({"inventory.yaml": text})
    assert mistake.startswith(
        'inventory.yaml:10:56: clients.a.sites.y.path: same path on "again" as site "x"'
    )


def test_mistakes_of_all_files_are_sorted(make):
    folder = make(
        {
            "inventory.yaml": "hosts: {a: {}}\nclients: {b: {nmae: B}}\n",
            "sitecrew.yaml": "parallel: {sites: many}\nlimits: {look: 5}\n",
            "playbooks/a.yaml": "steps: []\n",
            "playbooks/b.yaml": "name: [\n",
        }
    )
    with pytest.raises(ValidationError) as caught:
        load_workspace(folder)
    places = [(p.file, p.line, p.column) for p in caught.value.problems]
    assert places == sorted(places)
    assert places == [
        ("inventory.yaml", 1, 9),
        ("inventory.yaml", 2, 11),
        ("inventory.yaml", 2, 15),
        ("playbooks/a.yaml", 1, 1),
        ("playbooks/b.yaml", 2, 1),
        ("sitecrew.yaml", 1, 19),
        ("sitecrew.yaml", 2, 16),
    ]
    assert caught.value.exit_code is ExitCode.USAGE


def test_plain_secret_is_never_shown(make):
    canary = "hunter2-canary"
    folder = make(
        {
            "inventory.yaml": f"hosts:\n  w: {{adress: a, password: '{canary}', prot: 1}}\n"
            f"  v:\n    address: a\n    become_password: >\n      {canary}\n      {canary}\n"
            f"  u: {{address: a, password: {{value: {canary}}}}}\n",
            "sitecrew.yaml": f"mail: {{host: a, from: b@c.d, pasword: {canary}, x: 1}}\n"
            f"ledger: postgresql://me:{canary}@db/x\ncrew: {{heartbeat: 'https://me:{canary}@x.example'}}\n",
            "playbooks/patch.yaml": f"name: 'x\npassword: {canary}\n",
            "playbooks/other.yaml": f"steps:\n  - shell: {{run: x, env: {{API: {canary}}}, rnu: 1}}\n",
        }
    )
    with pytest.raises(ValidationError) as caught:
        load_workspace(folder)
    assert len(caught.value.problems) >= 10
    assert [p for p in caught.value.problems if canary in repr(p)] == []


def test_terminal_escapes_are_made_visible(make):
    folder = make({"inventory.yaml": 'clients: {a: {name: A, language: "\\e[31mred\\x07"}}'})
    with pytest.raises(ValidationError) as caught:
        load_workspace(folder)
    (problem,) = caught.value.problems
    assert problem.message == '"\\u001b[31mred\\u0007" is not a language'
    assert (problem.message + problem.source).isprintable()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: f"\ufeff{text}",
        lambda text: text.replace("web1:\n", "web0: &w {port: 22}\n  web1:\n    <<: *w\n", 1).replace(
            "&w {", "&w {address: b.example, "
        ),
        lambda text: text.replace("address: 203.0.113.10", 'address: 203.0.113.10\n    port: "22"'),
        lambda text: text.replace("Acme Bakery", "1860"),
        lambda text: text.replace("Acme Bakery", "no"),
        lambda text: text.replace("Acme Bakery", f"Acme  # {'x' * 100_000}"),
    ],
    ids=[
        "CRLF",
        "BOM",
        "anchors and merge keys",
        "a number in quotes",
        "a year",
        "a word of YAML 1.1",
        "a long line",
    ],
)
def test_unusual_but_valid_inventory_is_loaded(load, change):
    assert load({"inventory.yaml": change(INVENTORY)}).inventory.sites


def test_long_line_is_cut_around_the_mistake(make, capsys):
    long = INVENTORY.replace("203.0.113.10", f"203.0.113.10{' ' * 400}oops: {'x' * 4000}")
    with pytest.raises(ValidationError) as caught:
        load_workspace(make({"inventory.yaml": long}))
    complain(caught.value)
    _, source, caret, _ = capsys.readouterr().err.splitlines()
    assert len(source) < 110
    assert source[len(caret) - 1] == ":"
