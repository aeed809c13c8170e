"""Shell texts that read and change packages with apt or dnf and reboot the host; parsing of their output."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from runner.shell import assign, word, words

__all__ = ["Sections", "boot_script", "change_script", "facts_script", "reboot_script", "reread_script"]

LONGEST = 2000
"""Characters of a line that are kept; no package needs more."""
_CODE = re.compile(r"[0-9]{1,3}")
_FACTS_WAIT = 30


@dataclass(frozen=True, slots=True)
class Sections:
    """The output of a text of this module: the output and exit status of each of its commands."""

    texts: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, int] = field(default_factory=dict)
    """Exit statuses; commands that did not finish are missing."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Single values: `manager`, `native`, `locked`, `removes`, `plan`."""

    @classmethod
    def of(cls, output: str, mark: str) -> Sections:
        """Parse the output by the lines that start with `mark`. Lines are cut at `LONGEST` characters."""
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
        """Return the output of a command; empty if it did not run."""
        return self.texts.get(name, "")

    def lines(self, name: str) -> list[str]:
        """Return the non-empty lines of the output of a command."""
        return [line for line in self.text(name).splitlines() if line.strip()]


def facts_script(mark: str) -> str:
    """Return shell text that refreshes the package lists and reads the packages."""
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
    """Return shell text that finishes interrupted installations, upgrades packages and restarts services.

    Args:
        mark: nonce that starts the lines for the controller.
        packages: `name=version` for apt, NEVRA for dnf.
        plan: line that is printed first, so that a resumed run knows what the job does.
        wait: seconds to wait for another package manager.
        restart: `auto`, `never` or the services to restart.
        autoremove: whether to remove dependencies that are no longer needed.
    """
    names = restart if isinstance(restart, str) else " ".join(restart)
    call = f"say plan {word(plan)}\n{words('change_system', *packages)}"
    return _text(mark, call, wait=wait, restart=names or "never", autoremove="1" if autoremove else "")


def reread_script(mark: str) -> str:
    """Return shell text that reads the installed packages, and what needs a restart or a reboot."""
    return _text(mark, "reread_system")


def reboot_script(mark: str, boot: str) -> str:
    """Return shell text that reboots the host if it still has this boot id; it reports before the reboot."""
    return _text(mark, f"reboot_system {word(boot)}")


def boot_script(mark: str) -> str:
    """Return shell text that reads the boot id, and whether the host has finished booting."""
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
