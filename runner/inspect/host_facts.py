"""The facts of a host, as one of its sites meets them: system, tools, disks, PHP and wp-cli. Reads only."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner.execute import Command
from runner.model import Host, Site, SiteKind
from runner.shell import word, words
from runner.steps.static.layout import Layout
from runner.steps.wordpress import host_script
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.hosts.remote import Remote

__all__ = ["Disk", "HostFacts", "HostPhp", "parse_host", "read_host", "site_questions"]

_LIMIT = 30
_LONGEST = 200
_TOOLS = "tar gzip awk curl wget rsync git composer node mysqldump mariadb-dump sudo".split()  # noqa: SIM905
_OUTPUT = 64_000

_QUESTIONS = r"""
say() { printf '%s=%s\n' "$1" "$2"; }
disk() {
  df -Pk "$2" 2>/dev/null | tail -n 1 | { read -r _ size _ free _ mount && say disk "$1 $size $free $mount"; }
}
say user "$(id -un)"
say kernel "$(uname -sr)"
say machine "$(uname -m)"
say os "$(sed -n 's/^PRETTY_NAME=//p' /etc/os-release 2>/dev/null | tr -d "\"'" | head -n 1)"
say shell "$SHELL"
say sh "$(readlink -f /bin/sh 2>/dev/null)"
say home "$HOME"
say processors "$(getconf _NPROCESSORS_ONLN 2>/dev/null)"
say load "$(cut -d' ' -f1 /proc/loadavg 2>/dev/null)"
say memory "$(awk '/^MemTotal:/ {print $2}' /proc/meminfo 2>/dev/null)"
say available "$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo 2>/dev/null)"
disk site "$path"
disk home "$HOME"
for tool in $tools; do say tool "$tool $(command -v "$tool")"; done
[ -L "$path" ] && say link "$(readlink "$path")"
if [ -d "$releases" ]; then set -- "$releases"/*/; [ -d "$1" ] || shift; say releases $#; fi
"""
_PHP = r"""
php=${php:-$(find_php)}
if [ -n "$php" ] && command -v "$php" >/dev/null; then
  say php "$php"
  "$php" -d display_errors=0 -r 'foreach (array("version" => PHP_VERSION, "sapi" => PHP_SAPI,
    "limit" => ini_get("memory_limit"), "disabled" => ini_get("disable_functions")) as $k => $v)
    echo "\n$k=$v";' 2>/dev/null | tail -c 4000
  echo
fi
wp=${wp:-$(find_wp || brought)}
if [ -n "$wp" ] && [ -r "$wp" ]; then
  say wp "$wp"
  say wp_version "$("${php:-php}" -d display_errors=0 "$wp" --version --allow-root 2>/dev/null | head -n 1)"
fi
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A mounted file system. Sizes in bytes."""

    of: str
    """What is on it: `site` or `home`."""
    mount: str
    size: int
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPhp:
    """The PHP of the command line. Texts are empty if unknown."""

    path: str
    version: str = ""
    sapi: str = ""
    memory_limit: str = ""
    disabled: tuple[str, ...] = ()
    """Disabled functions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """A host at one moment. Texts are empty and numbers None if unknown."""

    user: str = ""
    system: str = ""
    kernel: str = ""
    machine: str = ""
    shell: str = ""
    """The login shell."""
    sh: str = ""
    """The program behind /bin/sh."""
    home: str = ""
    processors: int | None = None
    load: float | None = None
    """Average of the last minute."""
    memory: int | None = None
    """Bytes; so is the next one."""
    memory_available: int | None = None
    disks: tuple[Disk, ...] = ()
    tools: dict[str, str] = field(default_factory=dict)
    """Paths by name; empty for a tool that is missing."""
    php: HostPhp | None = None
    """None if there is none, or if the site needs none."""
    wp_cli: str = ""
    """Path of wp-cli."""
    wp_cli_version: str = ""
    link: str = ""
    """Target of the site's path, if that is a link."""
    releases: int | None = None
    """Number of releases that a static site keeps; None if it has no folder of releases."""


def read_host(remote: Remote, site: Site) -> HostFacts:
    """Read the host of a site.

    Raises:
        UnreachableError: the host cannot be reached.
        HostError: it did not answer in time.
    """
    text = site_questions(remote.host, site)
    task = Command("host", text, timeout=remote.limit(_LIMIT), policy="go")
    return parse_host(remote.read((task,), cap=_OUTPUT)["host"].text)


def site_questions(host: Host, site: Site) -> str:
    """Return shell text that prints what `parse_host` parses."""
    static = site.kind is SiteKind.STATIC
    names = {
        "path": word(site.path),
        "tools": word(" ".join(_TOOLS)),
        "releases": words(Layout.of(site.path).releases) if static else "''",
    }
    assigned = "".join(f"{name}={value}\n" for name, value in names.items())
    return host_script(host, assigned + _QUESTIONS + ("" if static else _PHP) + "exit 0\n")


def parse_host(text: str) -> HostFacts:
    """Parse the answers of a host; what is missing or malformed is unknown."""
    one: dict[str, str] = {}
    disks: list[Disk] = []
    tools: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition("=")
        value = sentence(value, _LONGEST)
        if key == "disk" and (disk := _disk(value)):
            disks.append(disk)
        elif key == "tool":
            name, _, path = value.partition(" ")
            tools |= {name: path} if name in _TOOLS else {}
        elif value:
            one.setdefault(key, value)
    return HostFacts(
        user=one.get("user", ""),
        system=one.get("os", ""),
        kernel=one.get("kernel", ""),
        machine=one.get("machine", ""),
        shell=one.get("shell", ""),
        sh=one.get("sh", ""),
        home=one.get("home", ""),
        processors=_number(one.get("processors", "")),
        load=float(one["load"]) if re.fullmatch(r"\d{1,6}\.\d{1,4}", one.get("load", "")) else None,
        memory=_kilobytes(one.get("memory", "")),
        memory_available=_kilobytes(one.get("available", "")),
        disks=tuple(disks),
        tools=tools,
        php=_php(one),
        wp_cli=one.get("wp", ""),
        wp_cli_version=one.get("wp_version", "").removeprefix("WP-CLI").strip(),
        link=one.get("link", ""),
        releases=_number(one.get("releases", "")),
    )


def _disk(value: str) -> Disk | None:
    """Parse what it holds, its size and free space in kilobytes, and its mount point."""
    found = re.fullmatch(r"(site|home) (\d{1,15}) (\d{1,15}) (/.*)", value)
    if found is None:
        return None
    return Disk(of=found[1], size=int(found[2]) * 1024, free=int(found[3]) * 1024, mount=found[4])


def _php(one: dict[str, str]) -> HostPhp | None:
    if "php" not in one:
        return None
    disabled = tuple(name for name in re.split(r"[\s,]+", one.get("disabled", "")) if name)
    return HostPhp(
        path=one["php"],
        version=one.get("version", ""),
        sapi=one.get("sapi", ""),
        memory_limit=one.get("limit", ""),
        disabled=disabled,
    )


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,15}", text) else None


def _kilobytes(text: str) -> int | None:
    number = _number(text)
    return None if number is None else number * 1024
