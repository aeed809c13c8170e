"""Settings that earlier versions accepted without effect are refused in every source."""

from __future__ import annotations

import pytest

from runner.errors import UsageError, ValidationError
from runner.load import json_schema, load_workspace
from runner.load.unsupported import INVENTORY, SETTINGS


def problems(folder, **more) -> list[tuple[str, int, str, str]]:
    with pytest.raises(ValidationError) as caught:
        load_workspace(folder, **more)
    return [(one.file, one.line, one.path, one.message) for one in caught.value.problems]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("SITECREW_WATCH_EVERY", "watch"),
        ("SITECREW_BACKUPS_KEEP_DAILY", "backups.keep"),
        ("SITECREW_BACKUPS_PASSWORD", "backups.password"),
    ],
)
def test_variable_of_an_unsupported_setting_is_refused(make, name, path):
    found = problems(make({}), environ={name: "canary"})
    assert found == [(f"environment:{name}", 1, path, f"{name} is not supported by this version")]


def test_unsupported_value_in_the_environment_is_refused(make):
    found = problems(
        make({"sitecrew.yaml": "ledger: sqlite:///a.db\n"}),
        environ={"SITECREW_BACKUPS_STORE": "restic:/srv/r"},
    )
    assert [(file, path) for file, _, path, _ in found] == [
        ("environment:SITECREW_BACKUPS_STORE", "backups.store")
    ]


def test_unsupported_setting_on_the_command_line_is_refused(make):
    with pytest.raises(UsageError):
        load_workspace(make({}), flags={"backups.keep.daily": "3"})


def test_unsupported_setting_is_reported_in_the_users_file(make, tmp_path):
    of_user = tmp_path / "user/sitecrew/sitecrew.yaml"
    of_user.parent.mkdir(parents=True)
    of_user.write_text("parallel: {sites: 4}\nwatch:\n  every: 1m\n")
    found = problems(make({"sitecrew.yaml": "parallel: {sites: 5}\n"}))
    assert found == [(str(of_user), 2, "watch", '"watch" is not supported by this version')]


def test_unsupported_setting_of_both_files_is_reported_once(make, tmp_path):
    of_user = tmp_path / "user/sitecrew/sitecrew.yaml"
    of_user.parent.mkdir(parents=True)
    of_user.write_text("watch: {every: 1m}\n")
    found = problems(make({"sitecrew.yaml": "\nwatch: {every: 2m}\n"}))
    assert found == [("sitecrew.yaml", 2, "watch", '"watch" is not supported by this version')]


def test_calendar_in_a_shared_list_is_reported_once(make):
    text = """\
hosts: {web1: {address: a.example}}
clients: {acme: {name: A, sites: {shop: {url: https://a.example, host: web1, path: /srv/a}}}}
windows:
  one: {playbook: patch, day: 1, at: 02:00, blackouts: &closed [2026-12-24, x.ics]}
  two: {playbook: patch, day: 2, at: 02:00, blackouts: *closed}
"""
    found = problems(make({"inventory.yaml": text}))
    assert {(line, message) for _, line, _, message in found} == {
        (4, '"x.ics": cannot read the file: No such file or directory')
    }


def test_store_folder_with_a_colon_is_accepted(load):
    workspace = load({"sitecrew.yaml": "backups: {store: ./restic:old}\n"})
    assert workspace.settings.backups.store == str(workspace.folder / "restic:old")


def test_schema_has_no_unsupported_key():
    for what, unsupported in (("inventory", INVENTORY), ("settings", SETTINGS)):
        shapes = json_schema(what)["$defs"]
        shapes["top"] = json_schema(what)
        keys = {key for shape in shapes.values() for key in shape.get("properties", {})}
        assert not keys & {one.path[-1] for one in unsupported if not one.values} - {"password"}
    assert "password" not in json_schema("settings")["$defs"]["BackupsShape"]["properties"]
