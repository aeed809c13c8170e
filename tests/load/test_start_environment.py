"""`env` and `wp_args` of a site allow only safe variables and arguments."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from runner.load.start_environment import StartArgument, StartValue, StartVariable
from runner.model import SecretRef, SecretSource

VARIABLE, VALUE, ARGUMENT = map(TypeAdapter, (StartVariable, StartValue, StartArgument))


def test_allowed_variables_values_and_arguments() -> None:
    assert VARIABLE.validate_python("APP_ENV") == "APP_ENV"
    assert VALUE.validate_python("") == ""
    assert VALUE.validate_python("two\nlines") == "two\nlines"
    assert VALUE.validate_python({"env": "SHOP"}) == SecretRef(SecretSource.ENV, "SHOP")
    assert ARGUMENT.validate_python("--url=https://shop.example/de") == "--url=https://shop.example/de"
    assert ARGUMENT.validate_python("--require=/srv/shop/before.php") == "--require=/srv/shop/before.php"


@pytest.mark.parametrize(
    "name",
    ["", "A B", "1A", "A=B", "PATH", "LD_PRELOAD", "BASH_ENV", "SITECREW_POINT", "WP_CLI_PHP_ARGS", "HOME"],
)
def test_reserved_or_invalid_variable_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        VARIABLE.validate_python(name)


@pytest.mark.parametrize("value", [None, ["x"], {"env": "A", "file": "b"}, "a\0b", "x" * 9000])
def test_invalid_value_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        VALUE.validate_python(value)


@pytest.mark.parametrize(
    "argument",
    [
        "url=x",
        "--url=x",
        "--exec=phpinfo();",
        "--ssh=me@there",
        "--require=x.php",
        "--path=/",
        "--skip-plugins",
        "",
    ],
)
def test_other_arguments_of_wp_cli_are_refused(argument: str) -> None:
    with pytest.raises(ValidationError):
        ARGUMENT.validate_python(argument)
