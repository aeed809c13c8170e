"""Secrets are read when they are needed, and never shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import SecretError
from runner.load import Redactor, resolve
from runner.model import SecretRef, SecretSource

ENV, FILE, COMMAND = SecretSource.ENV, SecretSource.FILE, SecretSource.COMMAND


def test_secret_is_read_from_environment_file_or_command(tmp_path, monkeypatch):
    monkeypatch.setenv("CANARY", "from env")
    (tmp_path / "pw").write_text("from file\n")
    assert resolve(SecretRef(ENV, "CANARY"), base=tmp_path) == "from env"
    assert resolve(SecretRef(FILE, "pw"), base=tmp_path) == "from file"
    assert resolve(SecretRef(FILE, str(tmp_path / "pw")), base=tmp_path / "elsewhere") == "from file"
    assert resolve(SecretRef(COMMAND, "cat pw | tr f F"), base=tmp_path) == "From File"


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        (SecretRef(ENV, "NOT_SET_ANYWHERE"), "the environment variable NOT_SET_ANYWHERE is not set"),
        (SecretRef(FILE, "none"), "none: No such file or directory"),
        (SecretRef(FILE, "empty"), "is empty"),
        (SecretRef(FILE, "."), "cannot read the secret's file"),
        (SecretRef(FILE, "binary"), "is not UTF-8 text"),
        (SecretRef(COMMAND, "echo canary; echo canary >&2; exit 7"), "failed with exit status 7"),
        (SecretRef(COMMAND, "true"), "the output of the secret's command is empty"),
    ],
)
def test_unreadable_secret_is_an_error_without_the_value(tmp_path, ref, message):
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"canary\xff")
    with pytest.raises(SecretError) as caught:
        resolve(ref, base=tmp_path)
    assert message in str(caught.value)
    assert "canary" not in f"{caught.value} {caught.value.hint}"


def test_command_that_prompts_fails(tmp_path):
    with pytest.raises(SecretError):
        resolve(SecretRef(COMMAND, "read answer && echo $answer"), base=tmp_path)


def test_longest_secret_is_redacted_first():
    redactor = Redactor()
    for value in ("hunter2", "hunter2-and-more", "abc", ""):
        redactor.add(value)
    assert redactor.redact("hunter2-and-more hunter2 abc") == "*** *** abc"


def test_secret_is_redacted_in_urls_and_single_lines():
    redactor = Redactor()
    redactor.add("pass/word&1")
    redactor.add("first line of key\nsecond line of key\n}")
    assert redactor.redact("https://x/?k=pass%2Fword%261") == "https://x/?k=***"
    assert redactor.redact("> second line of key\n}") == "> ***\n}"


@given(st.lists(st.text(min_size=4), min_size=1), st.text(), st.text())
def test_redacted_text_contains_no_secret(secrets, before, after):
    redactor = Redactor()
    for value in secrets:
        redactor.add(value)
    for value in secrets:
        if value not in "***":
            assert redactor.redact(f"{before}{value}{after}").count(value) <= (value in "******") * 9
