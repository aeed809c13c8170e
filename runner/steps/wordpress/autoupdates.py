"""Switch WordPress's automatic updates of held items off and on again, by WordPress's own options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.model import Host, Site
from runner.steps.base import Script
from runner.steps.wordpress.program_output import marked, texts
from runner.steps.wordpress.shell import program, site_script

__all__ = ["Answer", "parse_switches", "switch_script"]

_STATES = frozenset({"off", "already", "forced", "on", "changed", "gone"})


@dataclass(frozen=True, slots=True)
class Answer:
    """The result for one item: a state of php/auto_switch.php and, for `forced`, what forces it."""

    state: str
    forced: str = ""


def switch_script(
    site: Site,
    host: Host,
    mark: str,
    *,
    off: Sequence[Mapping[str, str]],
    on: Sequence[Mapping[str, str]],
) -> Script:
    """Switch automatic updates off and on, in one boot; entries have `kind`, `key` and, for `on`, `was`."""
    data = {"off": list(off), "on": list(on)}
    return site_script(site, host, mark, program("auto_switch", mark, data, parts=("auto_updates",)))


def parse_switches(text: str, mark: str) -> dict[tuple[str, str], Answer]:
    """The answers by (kind, key). Items without an answer are missing."""
    found = {}
    for line in marked(text, mark):
        state = texts(line.get("state"))
        if "auto" in line and state in _STATES:
            found[texts(line["auto"]), texts(line.get("key"))] = Answer(state, texts(line.get("forced")))
    return found
