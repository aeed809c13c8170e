"""The file of a locked plan is stable, contains no secrets and is checked when it is read."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from runner.errors import UsageError
from runner.load import load_workspace
from runner.load.planfile import lock_plan, read_plan, write_plan
from runner.model import Action, Change, ItemKind, Plan, SitePlan

PLAYBOOK = """\
name: Patch
steps:
  - shell: {run: deploy, env: {TOKEN: {env: DEPLOY_TOKEN}}}
    tags: [b, a]
  - wordpress.plugins: {update: all, except: [woo]}
"""
CHANGES = (
    Change(
        step="wordpress.plugins",
        item="forms",
        kind=ItemKind.PLUGIN,
        from_version="1.0",
        to_version="1.1",
        action=Action.CHANGE,
        why="a minor update, not held",
        package="https://downloads.wordpress.org/plugin/forms.1.1.zip",
        active=True,
    ),
    Change(
        step="wordpress.plugins",
        item="woo",
        kind=ItemKind.PLUGIN,
        from_version="1.0",
        to_version="1.1",
        action=Action.SKIP,
        why="left out by `except`",
    ),
)


@pytest.fixture
def locked(make):
    workspace = load_workspace(make({"playbooks/patch.yaml": PLAYBOOK}), extra={"NAME": "hunter2"})
    plan = Plan(playbook="patch", sites=(SitePlan(site="shop", client="acme", changes=CHANGES),))
    book = replace(workspace.playbooks["patch"], skip_tags=("late",))
    return lock_plan(workspace, book, plan, tags=())


@pytest.fixture
def file(locked, tmp_path):
    write_plan(tmp_path / "plan.json", locked)
    return tmp_path / "plan.json"


def test_plan_is_read_back_without_skipped_changes(locked, file):
    found = read_plan(file)
    assert found.sites["shop"].plan.changes == CHANGES[:1]
    assert (found.steps, found.made, found.variables) == (locked.steps, locked.made, ("NAME",))
    assert found.skip_tags == ("late",)
    assert found.sites["shop"].place == {
        "host": "web1",
        "address": "203.0.113.10",
        "path": "/srv/shop",
        "url": "https://shop.acme.example",
    }


def test_plan_file_is_stable_and_without_secrets(locked, file):
    text = file.read_text()
    write_plan(file, read_plan(file))
    assert file.read_text() == text
    assert "hunter2" not in text
    assert json.loads(text)["steps"][0] == {
        "step": "shell",
        "kind": "shell",
        "options": {
            "run": "deploy",
            "env": {"TOKEN": {"source": "env", "value": "DEPLOY_TOKEN"}},
            "changes": False,
        },
        "tags": ["a", "b"],
    }
    assert json.loads(text)["steps"][1]["options"] == {
        "update": "all",
        "except": ["woo"],
        "tables": "tell",
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"format": "sitecrew plan 1"', '"format": "sitecrew plan 2"', "was created by another version"),
        ('"from": "1.0",', "", r"sites\[0\]\.changes\[0\]\.from: Field required"),
        ('"item": "forms"', '"item": "for\\u001bms"', "control characters"),
        ('"kind": "plugin"', '"kind": "plug"', r"changes\[0\]\.kind"),
        ('"playbook"', '"playbok"', "playbo"),
        ("{", "", "not JSON"),
        ("{", "[" * 100_000 + "{", "not JSON"),
    ],
)
def test_invalid_plan_file_is_refused(file, old, new, message):
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(UsageError, match=message):
        read_plan(file)


def test_plan_in_a_missing_folder_is_refused(locked, tmp_path):
    with pytest.raises(UsageError, match="No such file or directory"):
        write_plan(tmp_path / "nowhere/plan.json", locked)
