"""Variables given with `-e`, and how an order stores them."""

from __future__ import annotations

import pytest

from runner.errors import UsageError
from runner.load.variables import matches_stored, seal_variables, variable, variables_of
from runner.model import SecretRef, SecretSource


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("@token.txt", SecretRef(SecretSource.FILE, "token.txt")),
        ("@@home", "@home"),
        ("{env: TOKEN}", SecretRef(SecretSource.ENV, "TOKEN")),
        ("{command: pass show x}", SecretRef(SecretSource.COMMAND, "pass show x")),
        ("{not: one}", "{not: one}"),
        ("", ""),
    ],
)
def test_variable_is_a_value_or_a_reference(text: str, expected: object):
    assert variable(text) == expected


def test_value_is_sealed_and_reference_is_kept():
    reference = SecretRef(SecretSource.FILE, "token.txt")
    sealed = seal_variables({"A": "hunter2", "B": reference})
    assert sealed["B"] == reference
    assert "hunter2" not in str(sealed["A"])
    assert matches_stored(str(sealed["A"]), "hunter2")
    assert not matches_stored(str(sealed["A"]), "hunter3")
    assert sealed["A"] != seal_variables({"A": "hunter2"})["A"]


@pytest.mark.parametrize("kept", ["", "scrypt", "scrypt$", "scrypt$zz$", "scrypt$" + "0" * 32])
def test_broken_digest_matches_nothing(kept: str):
    assert not matches_stored(kept, "hunter2")


def test_invalid_variable_name_is_refused_without_its_value():
    with pytest.raises(UsageError) as caught:
        variables_of({"a-b": "hunter2"})
    assert "hunter2" not in str(caught.value)
