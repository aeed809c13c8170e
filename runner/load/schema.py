"""JSON Schema (draft 2020-12) of the files, from the models that check them, for editors.

An editor finds it by a line at the top of a file, which names a copy in the workspace's `.sitecrew/schema/`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from runner.load.playbook import Kind

__all__ = ["FILES", "json_schema", "modeline", "write_schemas"]

FILES: tuple[Literal["inventory", "playbook", "settings"], ...] = ("inventory", "playbook", "settings")
_FOLDER = ".sitecrew/schema"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
Json = dict[str, Any]


def json_schema(
    what: Literal["inventory", "playbook", "settings"], *, kinds: Mapping[str, Kind] | None = None
) -> Json:
    """The schema of a file. A playbook's holds the `kinds`: the registered ones unless given."""
    from runner.load.inventory import InventoryFile
    from runner.load.settings import SettingsFile

    if what == "playbook":
        if kinds is None:
            from runner.steps import registry

            kinds = registry()
        schema = _playbook(kinds)
    else:
        schema = (InventoryFile if what == "inventory" else SettingsFile).model_json_schema()
    return {"$schema": _DIALECT, "title": f"Sitecrew {what}", **_untitled(schema)}


def modeline(what: str) -> str:
    """The first line of a file of this sort, for editors with yaml-language-server."""
    up = "../" if what == "playbook" else ""
    return f"# yaml-language-server: $schema={up}{_FOLDER}/{what}.json\n"


def write_schemas(workspace: Path) -> Path:
    """Write every schema to where the modelines look; returns the folder."""
    folder = workspace / _FOLDER
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    for what in FILES:
        text = json.dumps(json_schema(what), indent=2, ensure_ascii=False)
        (folder / f"{what}.json").write_text(f"{text}\n", encoding="utf-8")
    return folder


def _playbook(kinds: Mapping[str, Kind]) -> Json:
    from runner.load.options import shape_of
    from runner.load.playbook import CommonShape, PlaybookShape

    schema = PlaybookShape.model_json_schema()
    common = CommonShape.model_json_schema()
    definitions: Json = dict(common.get("$defs", {}))
    entries: list[Json] = []
    for name, kind in kinds.items():
        options = shape_of(kind.options).model_json_schema(ref_template=f"#/$defs/{name}/$defs/{{model}}")
        options["description"] = kind.summary
        definitions[name] = options
        may_be_bare = [{"type": ["string", "array"]}] if _takes_bare(kind.options) else []
        nothing = [] if options.get("required") else [{"type": "null"}]
        value: Json = {
            "anyOf": [{"$ref": f"#/$defs/{name}"}, *may_be_bare, *nothing],
            "description": kind.summary,
        }
        entries.append(
            {
                "type": "object",
                "properties": {name: value, **common["properties"]},
                "required": [name],
                "additionalProperties": False,
            }
        )
    words = [name for name in kinds if not definitions[name].get("required")]
    if words:
        entries.append({"enum": words, "description": "A step as it is by default."})
    steps = {"type": "array", "minItems": 1, "items": {"anyOf": entries}}
    schema["properties"]["steps"] = {**steps, "description": schema["properties"]["steps"]["description"]}
    return {**schema, "$defs": definitions}


def _takes_bare(options: type) -> bool:
    from runner.load.options import scalar_field

    return scalar_field(options) is not None


def _untitled(schema: Any, *, names: bool = False) -> Any:
    """Without the titles that pydantic makes from names; `names` says that keys are a mapping's own."""
    if isinstance(schema, list):
        return [_untitled(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    told = {
        key: _untitled(value, names=not names and key in {"properties", "$defs"})
        for key, value in schema.items()
        if names or key not in {"title", "default"}
    }
    default = None if names else _as_written(schema.get("default"))
    return told if default is None else {**told, "default": default}


def _as_written(default: Any) -> Any:
    """A default as people write it; None where it is a mapping, whose keys have defaults of their own."""
    if isinstance(default, float):
        return f"{default * 100:g}%"
    if isinstance(default, str) and re.fullmatch(r"P(\d+D)?(T(\d+H)?(\d+M)?(\d+S)?)?", default):
        return default.strip("P").replace("T", "").lower()
    if isinstance(default, str) and re.fullmatch(r"\d\d:\d\d:00", default):
        return default.removesuffix(":00")
    return None if isinstance(default, dict) else default
