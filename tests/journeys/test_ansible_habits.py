"""Somebody who knows Ansible types what they know, and each answer says what to type here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runner.cli.main import run
from tests.journeys.desk import Desk

PLAY = """\
- hosts: web
  become: yes
  tasks:
    - apt: {upgrade: dist}
"""
FLATTENED = """\
name: Patch
hosts: web
steps:
  - apt: {upgrade: dist}
    register: patched
  - shell: uptime
    when: ansible_os_family == "Debian"
    ignore_errors: yes
"""
TRANSLATED = """\
name: Patch
steps:
  - shell: uptime
    on_failure: continue
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    assert run(["init", str(tmp_path / "crew")]) == 0
    capsys.readouterr()
    return Desk(tmp_path / "crew")


def answer(desk: Desk, line: str, code: int = 2) -> str:
    """Type a line that is refused, and return what the screen says, on one line."""
    found, screen = desk.type(*line.split())
    assert found == code, screen
    assert all(len(row) <= desk.columns for row in screen.splitlines())
    return re.sub(r"\s+", " ", screen)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("ansible-playbook weekly.yaml", "`sitecrew run PLAYBOOK`"),
        ("all -m ping", "`sitecrew exec -l all -- COMMAND`"),
        ("ping", "`sitecrew doctor`"),
        ("inventory --list", "`sitecrew list hosts`"),
        ("run weekly -i hosts.ini", "`sitecrew -w DIR COMMAND`"),
        ("run weekly -K", "`become_password` of the host"),
        ("run weekly --limit acme", "did you mean client:acme?"),
        ("run weekly --list-hosts", "`--list-sites`"),
        ("run weeky", "did you mean weekly?"),
    ],
)
def test_command_of_ansible_is_answered(desk: Desk, line: str, hint: str) -> None:
    assert hint in answer(desk, line)


def test_play_becomes_a_playbook_in_two_steps(desk: Desk) -> None:
    book = desk.folder / "playbooks/patch.yaml"
    book.write_text(PLAY)
    assert "it has `name:` and `steps:`" in answer(desk, "validate")
    book.write_text(FLATTENED)
    said = answer(desk, "validate")
    for hint in (
        "-l SELECTOR",
        "`system.packages`",
        "`sitecrew logs`",
        "a selector",
        "`on_failure: continue`",
    ):
        assert hint in said
    book.write_text(TRANSLATED)
    code, screen = desk.type("validate")
    assert code == 0, screen


def test_list_options_show_the_choice(desk: Desk) -> None:
    code, screen = desk.type("run", "weekly", "--list-sites")
    assert (code, "acme-shop" in screen) == (0, True), screen
    code, screen = desk.type("run", "weekly", "--list-steps")
    assert (code, "wordpress.plugins" in screen) == (0, True), screen
