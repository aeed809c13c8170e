"""WordPress's own automatic updates of held items: switched off, and on again, by its own options."""

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
    """What became of one: a state of php/auto_switch.php, and what forces it where it is `forced`."""

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
    """Switches automatic updates off and on, in one boot; entries have `kind`, `key` and, for `on`, `was`."""
    data = {"off": list(off), "on": list(on)}
    return site_script(site, host, mark, program("auto_switch", mark, data, parts=("auto_updates",)))


def parse_switches(text: str, mark: str) -> dict[tuple[str, str], Answer]:
    """The answers by (kind, key); what is missing was not answered."""
    found = {}
    for said in marked(text, mark):
        state = texts(said.get("state"))
        if "auto" in said and state in _STATES:
            found[texts(said["auto"]), texts(said.get("key"))] = Answer(state, texts(said.get("forced")))
    return found
