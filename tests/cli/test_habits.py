"""Commands and options of other programs are answered with what to type, and that exists."""

from __future__ import annotations

import re

import click
import pytest

from runner.cli.commands import COMMANDS
from runner.cli.habits import INSTEAD_OF_COMMANDS, INSTEAD_OF_OPTIONS
from runner.cli.main import root, run

OURS = {name for section in COMMANDS.values() for name in section}
HINTS = sorted({*INSTEAD_OF_COMMANDS.values(), *INSTEAD_OF_OPTIONS.values()})


def test_command_of_another_program_is_none_of_ours():
    assert not OURS & {*INSTEAD_OF_COMMANDS}


@pytest.mark.parametrize("option", INSTEAD_OF_OPTIONS)
def test_option_of_another_program_is_none_of_run(option):
    command = root.get_command(click.Context(root), "run")
    assert option not in {name for one in command.params for name in one.opts}


@pytest.mark.parametrize("hint", HINTS)
def test_hint_names_commands_and_options_that_exist(hint):
    for words in re.findall(r"`sitecrew ([^`]+)`", hint):
        name = re.sub(r"^-w DIR COMMAND", "run", words).split()[0]
        assert name == "--version" or name in OURS, words
    command = root.get_command(click.Context(root), "run")
    options = {name for one in command.params for name in one.opts}
    assert {*re.findall(r"`(-[^` ]+)`", hint)} <= options


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["ping"], "use `sitecrew doctor`"),
        (["playbook", "weekly"], "use `sitecrew run PLAYBOOK`"),
        (["run", "weekly", "-i", "hosts.ini"], "-w DIR"),
        (["run", "weekly", "--ask-become-pass"], "`become_password`"),
        (["rolback"], "use `sitecrew undo RUN`"),
        (["qqq"], "sitecrew -h"),
    ],
)
def test_habit_is_answered_with_what_to_type(words, hint, capsys):
    assert run(words) == 2
    assert hint in " ".join(capsys.readouterr().err.split())
