"""The unit files of Sitecrew for systemd: their texts, and whether a person has edited them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from runner.cli.service.quoting import command_line, quoted

__all__ = ["Unit", "UnitOptions", "is_edited", "is_ours", "unit_names", "units"]

_HEAD = """\
# Written by `sitecrew service install`; keep changes in a drop-in: systemctl edit {unit}
# Checksum: {sum}
"""
_CHECKSUM = re.compile(r"\A# Written by `sitecrew service install`[^\n]*\n# Checksum: ([0-9a-f]{16})\n")
_PLACEHOLDER = re.compile(r"@([A-Z_]+)@")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitOptions:
    """What the units depend on. All paths are absolute."""

    name: str
    """Of the units, without suffix."""
    program: Sequence[str]
    """The program and its first arguments."""
    workspace: Path
    account: str
    """Empty for units of a user."""
    timer: bool
    writable: Sequence[Path]
    stop_seconds: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit file."""

    name: str
    text: str


def units(options: UnitOptions) -> tuple[Unit, ...]:
    """Return the units of a service, or with `timer` those of a timer.

    Raises:
        UsageError: a path cannot be written in a unit file.
    """
    if not options.timer:
        return (_unit("sitecrew.service", f"{options.name}.service", options),)
    return (
        _unit("sitecrew-tick.service", f"{options.name}-tick.service", options),
        _unit("sitecrew-tick.timer", f"{options.name}-tick.timer", options),
    )


def unit_names(name: str) -> tuple[str, ...]:
    """Return the names of all units that can be installed under this name."""
    return (f"{name}.service", f"{name}-tick.timer", f"{name}-tick.service")


def is_ours(text: str) -> bool:
    """Whether a file was written by Sitecrew, edited or not."""
    return _CHECKSUM.match(text) is not None


def is_edited(text: str) -> bool:
    """Whether a file was edited after Sitecrew wrote it, or was not written by Sitecrew."""
    found = _CHECKSUM.match(text)
    return found is None or found[1] != _checksum(text[found.end() :])


def _unit(template: str, name: str, options: UnitOptions) -> Unit:
    program, *arguments = options.program
    system = bool(options.account)
    writable = " ".join(quoted(str(path)) for path in options.writable)
    hardening = _template("hardening-user") + (_template("hardening-system") if system else "")
    values = {
        "COMMAND": command_line(program, [*arguments, "--workspace", str(options.workspace)]),
        "STOP_SECONDS": str(options.stop_seconds),
        "USER": f"User={options.account}" if system else "",
        "SECRETS": f"EnvironmentFile=-/etc/{options.name}.env" if system else "",
        "HARDENING": _filled(hardening, {"WRITABLE": writable}),
        "TARGET": "multi-user.target" if system else "default.target",
    }
    body = re.sub(r"\n{3,}", "\n\n", _filled(_template(template), values)).rstrip() + "\n"
    return Unit(name, _HEAD.format(unit=name, sum=_checksum(body)) + body)


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Replace placeholders; a line that becomes empty is removed."""
    lines = []
    for line in text.splitlines():
        filled = _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), line)
        if filled or not line:
            lines.append(filled)
    return "\n".join(lines)


def _template(name: str) -> str:
    return files("runner.cli.service").joinpath("templates", name).read_text(encoding="utf-8")


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
