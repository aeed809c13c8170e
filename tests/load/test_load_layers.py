"""Settings from flags, environment and files are merged in the documented order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.errors import UsageError, ValidationError
from runner.load import load_workspace
from runner.model import SecretRef, SecretSource, Settings


def test_defaults_have_absolute_paths(load):
    workspace = load({})
    default = Settings()
    assert workspace.settings.policy == default.policy
    assert workspace.settings.parallel == default.parallel
    assert workspace.settings.ledger.url == f"sqlite:///{workspace.folder}/.sitecrew/ledger.db"
    assert workspace.settings.backups.store == str(workspace.folder / ".sitecrew/backups")
    assert workspace.settings.ssh.known_hosts == str(Path("~/.ssh/known_hosts").expanduser())


def test_flag_wins_over_environment_over_workspace_over_user_over_default(make):
    def sites(flags: dict[str, str], environ: dict[str, str]) -> int:
        return load_workspace(folder, flags=flags, environ=environ).settings.parallel.sites

    folder = make({})
    assert sites({}, {}) == 50
    user = Path(os.environ["XDG_CONFIG_HOME"]) / "sitecrew" / "sitecrew.yaml"
    user.parent.mkdir(parents=True)
    (user.parent / "mine.png").touch()
    user.write_text("parallel: {sites: 40, per_host: 9}\nmail: {username: me}\nagency: {logo: mine.png}\n")
    make({"sitecrew.yaml": "mail: {host: a.example, from: a@b.example, password: {file: pw}}\n"})
    assert sites({}, {}) == 40
    make({"sitecrew.yaml": "parallel: {sites: 30}\nmail: {host: a.example, from: a@b.example}\n"})
    assert sites({}, {}) == 30
    assert sites({}, {"SITECREW_PARALLEL_SITES": "20"}) == 20
    assert sites({"parallel.sites": "10"}, {"SITECREW_PARALLEL_SITES": "20"}) == 10
    settings = load_workspace(folder).settings
    assert settings.parallel.per_host == 9
    assert settings.mail
    assert settings.mail.username == "me"
    assert settings.agency.logo == str(user.parent / "mine.png")


def test_environment_sets_secrets_and_lists(make):
    environ = {
        "SITECREW_MAIL_PASSWORD": "canary",
        "SITECREW_POLICY_VENDORS": "a.example, b.example",
        "SITECREW_LEDGER": "sqlite:///other.db",
        "SITECREW_PARALLEL_SITES": "2",
    }
    folder = make({"sitecrew.yaml": "mail: {host: a.example, from: a@b.example}\n"})
    workspace = load_workspace(folder, environ=environ)
    assert workspace.settings.mail
    assert workspace.settings.mail.password == SecretRef(SecretSource.ENV, "SITECREW_MAIL_PASSWORD")
    assert workspace.settings.policy.vendors == {"a.example", "b.example"}
    assert workspace.settings.ledger.url == f"sqlite:///{folder}/other.db"
    assert workspace.settings.parallel.sites == 2
    assert "canary" not in repr(workspace)


def test_mistake_in_the_environment_names_the_variable(make):
    with pytest.raises(ValidationError) as caught:
        load_workspace(make({}), environ={"SITECREW_LIMITS_LOOK": "5"})
    (problem,) = caught.value.problems
    assert (problem.file, problem.column, problem.path, problem.source) == (
        "environment:SITECREW_LIMITS_LOOK", 22, "limits.look", "SITECREW_LIMITS_LOOK=5",
    )  # fmt: skip


def test_unknown_setting_on_the_command_line_is_refused(make):
    with pytest.raises(UsageError) as caught:
        load_workspace(make({}), flags={"parallel.site": "3"})
    assert caught.value.hint == 'did you mean "parallel.sites"?'
