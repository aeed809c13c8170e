from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.execute import Job, Lock, Restore, Task, job_id
from runner.execute.texts import text
from runner.execute.wire import command, opening

ID = job_id("run", "site", "segment")


def test_a_job_id_is_derived_and_separates_its_parts():
    assert job_id("run", "site", "segment") == ID
    assert (
        len({job_id("a", "b", "c"), job_id("ab", "", "c"), job_id("a", "bc", ""), job_id("", "ab", "c")}) == 4
    )


def test_a_body_holds_no_secret():
    job = Job(
        ID,
        (Task("a", "true", secret={"TOKEN": "hunter2"}),),
        undo=(Task("u", "true", secret={"T": "swordfish"}),),
    )
    assert "hunter2" not in job.body()
    assert "swordfish" not in job.body()
    assert "hunter2" in job.secrets()
    assert "hunter2" not in repr(job)


@pytest.mark.parametrize("shell", ["dash", "bash --posix", "bash", "busybox ash"])
@pytest.mark.parametrize("part", ["link", "body", "read", "collect"])
def test_every_text_is_understood_by_every_shell(shell, part):
    script = {
        "link": opening("attach", ID).data.decode().partition("\n.\n")[2],
        "body": Job(
            ID, (Task("a", "echo 'x'"),), wait=5, lock=Lock("/srv/x", "run/site"), restore=Restore("r", "s")
        ).body(),
        "read": text("common", "clock", "read"),
        "collect": text("collect"),
    }[part]
    done = subprocess.run([*shell.split(), "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_command_is_short_and_bears_every_login_shell():
    made = command()
    assert len(made) < 120
    assert "!" not in made
    assert "\n" not in made


def test_comments_do_not_travel():
    assert "#" not in "".join(line[:1] for line in text("common", "link", "job", "lock", "read").splitlines())


@pytest.mark.parametrize("bad", ["", "a b", "../x", "cleanup", "await", "-", "a\n", "x" * 60])
def test_a_task_id_is_a_plain_word(bad):
    with pytest.raises(ValueError, match="not a task id"):
        Task(bad, "true")


@pytest.mark.parametrize("bad", ["", "..", "a/b", ".hidden", "a b"])
def test_a_restore_folder_is_a_plain_name(bad):
    with pytest.raises(ValueError, match="not a name"):
        Restore("run", bad)


def test_two_tasks_of_one_job_have_two_ids():
    with pytest.raises(ValueError, match="same id"):
        Job(ID, (Task("a", "true"),), undo=(Task("a", "true"),))


@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=40))
def test_any_text_survives_the_quoting(value):
    job = Job(ID, (Task("a", value, env={"V": value}),))
    script = job.body().split("job_main() {")[1].split("}\njob_keep")[0]
    done = subprocess.run(
        ["dash", "-c", f'task() {{ printf %s "$4"; }}\n{script}'], capture_output=True, check=True
    )
    assert done.stdout.decode().endswith(value)
