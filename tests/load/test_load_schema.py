"""JSON Schemas and docs describe every key of the files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.load import json_schema, shipped, shipped_playbooks
from runner.load.layers import variables
from runner.load.options import shape_of
from runner.load.schema import FILES
from runner.steps import registry

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {"inventory": "inventory.md", "settings": "settings.md", "playbook": "playbooks.md"}


def keys(schema: dict, inside: object, path: str = "") -> Iterator[tuple[str, dict]]:
    """Yield every key of a schema with its path."""
    if isinstance(inside, dict):
        if "$ref" in inside:
            target = schema
            for part in inside["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            yield from keys(schema, target, path)
        for name, child in inside.get("properties", {}).items():
            below = f"{path}.{name}".lstrip(".")
            yield below, child
            yield from keys(schema, child, below)
        for key in ("items", "additionalProperties", "patternProperties"):
            yield from keys(schema, inside.get(key), path)
        for key in ("anyOf", "oneOf", "allOf"):
            for child in inside.get(key, []):
                yield from keys(schema, child, path)


@pytest.mark.parametrize("what", FILES)
def test_every_key_has_a_description(what):
    schema = json_schema(what)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    undescribed = {
        path for path, child in keys(schema, schema) if "description" not in child and "$ref" not in child
    }
    assert {path for path in undescribed if not path.endswith(".after")} == set()


def test_defaults_are_written_as_in_the_file():
    schema = json_schema("settings")["$defs"]
    assert schema["LimitsShape"]["properties"]["step"]["default"] == "15m"
    assert schema["RingsShape"]["properties"]["failures"]["default"] == "10%"
    assert json_schema("inventory")["$defs"]["WindowShape"]["properties"]["lasts"]["default"] == "2h"


@pytest.mark.parametrize("what", FILES)
def test_every_reference_in_a_schema_resolves(what):
    schema = json_schema(what)
    for reference in re.findall(r'"\$ref": "#/([^"]*)"', json.dumps(schema)):
        target = schema
        for part in reference.split("/"):
            target = target[part]
        assert target


@pytest.mark.parametrize("what", FILES)
def test_docs_have_every_key(what):
    page = (DOCS / PAGES[what]).read_text(encoding="utf-8")
    schema = json_schema(what)
    kinds = tuple(f"steps.{kind}" for kind in registry())
    names = {path.rpartition(".")[2] for path, _ in keys(schema, schema) if not path.startswith(kinds)}
    assert {name for name in names if f"`{name}`" not in page and f"{{{name}: " not in page} == set()


def test_docs_have_every_environment_variable():
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    assert {name for name in variables() if f"`{name}`" not in page} == set()


def test_playbook_schema_has_every_kind_of_step():
    schema = json_schema("playbook")
    *mappings, words = schema["properties"]["steps"]["items"]["anyOf"]
    assert {entry["required"][0] for entry in mappings} == set(registry())
    assert set(words["enum"]) == {name for name in registry() if not shape_requires(name)}


def shape_requires(name: str) -> bool:
    return any(field.is_required() for field in shape_of(registry()[name].options).model_fields.values())


def test_shipped_files_are_found():
    assert "weekly" in shipped_playbooks()
    assert shipped("playbooks").joinpath("weekly.yaml").is_file()
