"""Shell texts around apt and dnf: read, change, read again, reboot."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from runner.shell import assign, word, words

__all__ = ["Sections", "boot_script", "change_script", "facts_script", "reboot_script", "reread_script"]

LONGEST = 2000
"""Characters of a line; what is behind them is no package."""
_CODE = re.compile(r"[0-9]{1,3}")
_FACTS_WAIT = 30


@dataclass(frozen=True, slots=True)
class Sections:
    """What a text of this module has printed: the output and the status of each of its commands."""

    texts: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, int] = field(default_factory=dict)
    """Without those that never ended."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Single lines: `manager`, `native`, `locked`, `removes`."""

    @classmethod
    def of(cls, output: str, mark: str) -> Sections:
        """Found by the mark; everything else is nobody's. Lines are cut at `LONGEST` characters."""
        texts: dict[str, list[str]] = {}
        codes: dict[str, int] = {}
        words: dict[str, str] = {}
        current = ""
        for line in output.splitlines():
            if not line.startswith(f"{mark} "):
                if current:
                    texts[current].append(line[:LONGEST])
                continue
            verb, _, rest = line.removeprefix(f"{mark} ").partition(" ")
            if verb == "begin":
                current = rest[:LONGEST]
                texts[current] = []
            elif verb == "end":
                name, _, code = rest.rpartition(" ")
                codes[name] = int(code) if _CODE.fullmatch(code) else -1
                current = ""
            else:
                words[verb] = rest.strip()
        return cls({name: "\n".join(lines).strip("\n") for name, lines in texts.items()}, codes, words)

    def text(self, name: str) -> str:
        """Empty where there is no such section."""
        return self.texts.get(name, "")

    def lines(self, name: str) -> list[str]:
        """Without empty ones."""
        return [line for line in self.text(name).splitlines() if line.strip()]


def facts_script(mark: str) -> str:
    """Asks every source anew, changes nothing else."""
    return _text(mark, "read_system", wait=_FACTS_WAIT)


def change_script(
    mark: str,
    packages: Iterable[str],
    *,
    plan: str,
    wait: int,
    restart: str | tuple[str, ...],
    autoremove: bool,
) -> str:
    """Repairs what was interrupted, upgrades `packages` (`name=version` for apt, a NEVRA for dnf), restarts.

    `plan` is a line that is printed first, so that whoever comes to the job later knows what it was about.
    """
    names = restart if isinstance(restart, str) else " ".join(restart)
    call = f"say plan {word(plan)}\n{words('change_system', *packages)}"
    return _text(mark, call, wait=wait, restart=names or "never", autoremove="1" if autoremove else "")


def reread_script(mark: str) -> str:
    """What is installed now, and what wants a restart or a reboot."""
    return _text(mark, "reread_system")


def reboot_script(mark: str, boot: str) -> str:
    """Reboots a host that still runs under that boot id, and answers before it happens."""
    return _text(mark, f"reboot_system {word(boot)}")


def boot_script(mark: str) -> str:
    """The boot id, and whether the host has started altogether."""
    ready = "command -v systemctl >/dev/null && section state systemctl is-system-running"
    return _text(mark, f"section boot boot\n{ready}\ntrue")


def _text(mark: str, call: str, **settings: object) -> str:
    given = {"mark": mark, "wait": 0, "restart": "never", "autoremove": "", **settings}
    head = assign(given).rstrip()
    return f"{head}\n{_source('common')}{_source('apt')}{_source('dnf')}{call}\n"


@cache
def _source(name: str) -> str:
    text = files("runner.steps.packages").joinpath("sh", f"{name}.sh").read_text(encoding="utf-8")
    return re.sub(r"^[ \t]*# .*\n", "", text, flags=re.MULTILINE)
