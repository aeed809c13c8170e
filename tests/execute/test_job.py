from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.execute import Command, Job, Lock, Restore, job_id
from runner.execute.texts import text
from runner.execute.wire import opening, shell_command

ID = job_id("run", "site", "segment")


def test_a_job_id_depends_on_each_of_its_parts():
    assert job_id("run", "site", "segment") == ID
    assert (
        len({job_id("a", "b", "c"), job_id("ab", "", "c"), job_id("a", "bc", ""), job_id("", "ab", "c")}) == 4
    )


def test_a_body_contains_no_secret():
    job = Job(
        ID,
        (Command("a", "true", secret={"TOKEN": "hunter2"}),),
        undo=(Command("u", "true", secret={"T": "swordfish"}),),
    )
    assert "hunter2" not in job.body()
    assert "swordfish" not in job.body()
    assert "hunter2" in job.secrets()
    assert "hunter2" not in repr(job)


@pytest.mark.parametrize("shell", ["dash", "bash --posix", "bash", "busybox ash"])
@pytest.mark.parametrize("part", ["link", "body", "read", "collect"])
def test_every_script_parses_in_every_shell(shell, part):
    script = {
        "link": opening("attach", ID).data.decode().partition("\n.\n")[2],
        "body": Job(
            ID,
            (Command("a", "echo 'x'"),),
            wait=5,
            lock=Lock("/srv/x", "run/site"),
            restore=Restore("r", "s"),
        ).body(),
        "read": text("common", "clock", "read"),
        "collect": text("collect"),
    }[part]
    done = subprocess.run([*shell.split(), "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_command_is_safe_for_every_login_shell():
    made = shell_command()
    assert len(made) < 120
    assert "!" not in made
    assert "\n" not in made


def test_comments_are_not_sent():
    assert "#" not in "".join(line[:1] for line in text("common", "link", "job", "lock", "read").splitlines())


@pytest.mark.parametrize("bad", ["", "a b", "../x", "cleanup", "await", "-", "a\n", "x" * 60])
def test_invalid_command_ids_are_refused(bad):
    with pytest.raises(ValueError, match="invalid command id"):
        Command(bad, "true")


@pytest.mark.parametrize("bad", ["", "..", "a/b", ".hidden", "a b"])
def test_invalid_restore_directories_are_refused(bad):
    with pytest.raises(ValueError, match="invalid directory name"):
        Restore("run", bad)


def test_duplicate_command_ids_are_refused():
    with pytest.raises(ValueError, match="same id"):
        Job(ID, (Command("a", "true"),), undo=(Command("a", "true"),))


@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=40))
def test_any_text_survives_quoting(value):
    job = Job(ID, (Command("a", value, env={"V": value}),))
    script = job.body().split("job_main() {")[1].split("}\njob_keep")[0]
    done = subprocess.run(
        ["dash", "-c", f'task() {{ printf %s "$4"; }}\n{script}'], capture_output=True, check=True
    )
    assert done.stdout.decode().endswith(value)
