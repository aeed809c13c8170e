"""inventory.yaml and the files in inventory/ are one inventory."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import UsageError, ValidationError
from runner.load import find_workspace, fingerprint, load_workspace
from runner.load.holds import file_holds
from runner.load.inventory_files import list_inventory
from tests.load.conftest import PLAYBOOK

HOSTS = """\
defaults: {user: deploy}
groups: {hetzner: {become: sudo}}
hosts:
  web1: {address: a.example, group: hetzner}
  web2: {address: b.example}
"""
ACME = """\
clients:
  acme:
    name: Acme
    sites: {shop: {url: "https://shop.example", host: web1, path: /srv/shop}}
"""
GLOBEX = """\
clients:
  globex:
    name: Globex
    sites: {blog: {url: "https://blog.example", host: web2, path: /srv/blog}}
windows:
  weekly: {playbook: patch, day: tuesday, at: 02:00, sites: [group:hetzner, blog]}
"""
THREE = {"inventory/hosts.yaml": HOSTS, "inventory/acme.yaml": ACME, "inventory/globex.yaml": GLOBEX}
ENTRIES = [
    ("defaults", "user: deploy"),
    ("groups", "far: {port: '2222'}"),
    ("hosts", "web1: {address: a.example, group: far}"),
    ("hosts", "web2: {address: b.example}"),
    ("clients", 'a: {name: A, sites: {x: {url: "https://x.example", host: web1, path: /srv/x}}}'),
    ("clients", 'b: {name: B, sites: {y: {url: "https://y.example", host: web2, path: /srv/y}}}'),
    ("windows", "w: {playbook: patch, day: tuesday, at: '02:00', sites: [x, 'group:far']}"),
]
NAMES = ("inventory.yaml", "inventory/a.yaml", "inventory/b.yaml")


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write a workspace that has only these files and a playbook."""
    for name, text in {"playbooks/patch.yaml": PLAYBOOK, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def mistakes(tmp_path: Path):
    """Write and load a workspace; return its problems."""

    def formatted(files: dict[str, str]) -> list[str]:
        with pytest.raises(ValidationError) as caught:
            load_workspace(write(tmp_path, files))
        return [
            f"{p.file}:{p.line}:{p.column}: {p.path}: {p.message} ({p.hint})" for p in caught.value.problems
        ]

    return formatted


def test_files_are_one_inventory_in_order_of_names(tmp_path):
    workspace = load_workspace(write(tmp_path, THREE))
    inventory = workspace.inventory
    assert [*inventory.clients] == ["acme", "globex"]
    assert inventory.hosts["web1"].user == inventory.hosts["web2"].user == "deploy"
    assert inventory.hosts["web1"].become == "sudo"
    assert inventory.sites["shop"].group == "hetzner"
    assert workspace.place("clients", "globex") == "inventory/globex.yaml:2"
    assert workspace.place("hosts", "web2") == "inventory/hosts.yaml:5"
    assert workspace.place("sites", "shop") == "inventory/acme.yaml:4"
    assert workspace.place("sites", "other") == "the inventory"


def test_hold_has_the_place_in_its_file(tmp_path):
    held = ACME.replace("name: Acme", "name: Acme\n    hold: {forms: {why: later}}")
    workspace = load_workspace(write(tmp_path, {**THREE, "inventory/acme.yaml": held}))
    [hold] = file_holds(workspace, [*workspace.inventory.sites.values()])
    assert (hold.place, hold.sites) == ("inventory/acme.yaml:4", ("shop",))


def test_inventory_yaml_is_read_before_the_folder(tmp_path):
    files = {"inventory.yaml": GLOBEX, "inventory/hosts.yaml": HOSTS, "inventory/acme.yaml": ACME}
    assert [*load_workspace(write(tmp_path, files)).inventory.clients] == ["globex", "acme"]


def test_duplicate_names_give_both_places(mistakes):
    again = """\
defaults: {user: root}
groups: {hetzner: {port: 22}}
hosts: {web2: {address: c.example}}
clients: {acme: {name: Again}}
windows: {weekly: {playbook: patch, day: 1, at: 02:00}}
"""
    found = mistakes({**THREE, "inventory/x.yaml": again})
    assert all(one.endswith(" (remove one of the two)") for one in found)
    assert [one.partition(" (")[0].removeprefix("inventory/x.yaml:") for one in found] == [
        '1:12: defaults.user: duplicate default "user", first at inventory/hosts.yaml:1',
        '2:10: groups.hetzner: duplicate group "hetzner", first at inventory/hosts.yaml:2',
        '3:9: hosts.web2: duplicate host "web2", first at inventory/hosts.yaml:5',
        '4:11: clients.acme: duplicate client "acme", first at inventory/acme.yaml:2',
        '5:11: windows.weekly: duplicate window "weekly", first at inventory/globex.yaml:6',
    ]


def test_duplicate_site_in_another_file_gives_both_places(mistakes):
    again = 'clients: {z: {name: Z, sites: {shop: {url: "https://z.example", host: web1, path: /srv/z}}}}\n'
    [mistake] = mistakes({**THREE, "inventory/z.yaml": again})
    assert mistake == (
        'inventory/z.yaml:1:32: clients.z.sites.shop: duplicate site "shop", first at inventory/acme.yaml:4 '
        "(site names must be unique in the inventory)"
    )


def test_mistakes_name_their_own_file(mistakes):
    files = {
        "inventory.yaml": "hosts: {web1: {adress: a.example}}\n",
        "inventory/a.yaml": "client: {}\nhosts: [web2]\n",
        "inventory/b.yaml": ACME.replace("web1", "wbe1"),
        "inventory/c.yaml": "client: {}\nwindows: {w: {playbook: patch, day: 1, at: 2:00, sites: tag:new}}\n",
    }
    assert [one.partition(" (")[0] for one in mistakes(files)] == [
        'inventory.yaml:1:9: hosts.web1.address: "address" is missing',
        'inventory.yaml:1:16: hosts.web1.adress: unknown key "adress"',
        'inventory/a.yaml:1:1: client: unknown key "client"',
        "inventory/a.yaml:2:8: hosts: expected a mapping, found a list",
        'inventory/b.yaml:4:55: clients.acme.sites.shop.host: unknown host "wbe1"',
        'inventory/c.yaml:1:1: client: unknown key "client"',
        'inventory/c.yaml:2:57: windows.w.sites: unknown tag "new"',
    ]


def test_unreadable_file_hides_only_unknown_names(mistakes):
    files = {
        **THREE,
        "inventory/hosts.yaml": "hosts: [",
        "inventory/globex.yaml": "clients: {a: {nmae: A}}\n",
    }
    assert [one.split(": ")[0] for one in mistakes(files)] == [
        "inventory/globex.yaml:1:11",
        "inventory/globex.yaml:1:15",
        "inventory/hosts.yaml:1:1",
    ]


def test_empty_file_of_the_folder_is_refused(mistakes):
    [mistake] = mistakes({**THREE, "inventory/new.yaml": "# later\n"})
    assert mistake.startswith("inventory/new.yaml:1:1: : the file is empty (it has `hosts:` and `clients:`")


def test_file_that_would_be_ignored_is_refused(mistakes):
    [mistake] = mistakes({**THREE, "inventory/new.yml": ACME})
    assert mistake == (
        "inventory/new.yml:1:1: : ignored: its name does not end in .yaml "
        "(mv inventory/new.yml inventory/new.yaml)"
    )


def test_dangling_link_is_reported(tmp_path, mistakes):
    write(tmp_path, THREE)
    (tmp_path / "inventory/new.yaml").symlink_to("nowhere")
    [mistake] = mistakes(THREE)
    assert mistake.startswith("inventory/new.yaml:1:1: : cannot read the file: No such file or directory")


def test_other_files_and_folders_are_ignored(tmp_path):
    extra = {"inventory/notes.txt": "{", "inventory/.#acme.yaml": "{", "inventory/old/acme.yaml": "{"}
    workspace = load_workspace(write(tmp_path, {**THREE, **extra}))
    assert workspace.warnings == ('"inventory/old" is ignored: only files directly in inventory/ are read',)


def test_folder_that_others_can_write_to_is_refused(tmp_path):
    folder = write(tmp_path, THREE)
    (folder / "inventory/acme.yaml").chmod(0o666)
    with pytest.raises(UsageError, match=r"can write to .*inventory/acme\.yaml"):
        load_workspace(folder)
    (folder / "inventory/acme.yaml").chmod(0o644)
    (folder / "inventory").chmod(0o777)
    with pytest.raises(UsageError, match=r"can write to .*/inventory$"):
        load_workspace(folder)


def test_folder_with_inventory_files_is_a_workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(write(tmp_path, THREE) / "inventory")
    assert find_workspace(None) == tmp_path
    for file in list_inventory(tmp_path).files:
        file.rename(file.with_suffix(".txt"))
    with pytest.raises(UsageError, match=r"no inventory\.yaml or inventory/\*\.yaml in .* or above"):
        find_workspace(None)


def test_fingerprint_changes_with_each_file(tmp_path):
    folder = write(tmp_path, {"inventory.yaml": HOSTS})
    seen = [fingerprint(folder)]
    for change in (
        lambda: write(folder, {"inventory/acme.yaml": ACME}),
        lambda: write(folder, {"inventory/acme.yaml": ACME.replace("Acme", "ACME")}),
        lambda: (folder / "inventory/acme.yaml").rename(folder / "inventory/b.yaml"),
        (folder / "inventory/b.yaml").unlink,
    ):
        change()
        seen.append(fingerprint(folder))
    assert len({*seen}) == len(seen)
    assert fingerprint(folder) == seen[-1]


@given(st.lists(st.sampled_from(NAMES), min_size=len(ENTRIES), max_size=len(ENTRIES)))
def test_entries_can_be_in_any_file(chosen):
    files: dict[str, dict[str, list[str]]] = {}
    for name, (section, entry) in zip(chosen, ENTRIES, strict=True):
        files.setdefault(name, {}).setdefault(section, []).append(entry)
    split = {
        name: "".join(
            f"{section}:\n" + "".join(f"  {entry}\n" for entry in entries)
            for section, entries in sections.items()
        )
        for name, sections in files.items()
    }
    whole: dict[str, list[str]] = {}
    for section, entry in ENTRIES:
        whole.setdefault(section, []).append(entry)
    one = "".join(
        f"{section}:\n" + "".join(f"  {entry}\n" for entry in entries) for section, entries in whole.items()
    )
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        expected = load_workspace(write(Path(first), {"inventory.yaml": one})).inventory
        assert load_workspace(write(Path(second), split)).inventory == expected
