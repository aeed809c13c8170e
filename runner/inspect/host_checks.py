"""What a host can do for us: asked in one exec, told as findings. Nothing is left behind there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from runner.errors import ExitCode
from runner.inspect.check import Check
from runner.inspect.exposure import about_folders, about_modes, mode_questions
from runner.model import Host, Site, SiteKind
from runner.shell import word
from runner.steps.wordpress import host_script
from runner.untrusted import sentence

__all__ = ["about_host", "about_static", "host_questions", "static_questions"]

_ROOM = 1 << 30
_BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_NARROW = 128 << 20

_QUESTIONS = r"""
say() { printf '%s=%s\n' "$1" "$2"; }
name=${LOGNAME:-$(id -un)}
say user "$name"
say system "$(uname -s)"
root='' try=''
for root in "$HOME" /var/tmp /tmp ''; do [ -n "$root" ] && [ -d "$root" ] && [ -w "$root" ] && break; done
say home "$HOME"
say root "$root"
if [ -n "$root" ]; then
  # in a folder of our own: somebody else might have put a link at the name of a file in /tmp
  mkdir -m 700 "$root/.sitecrew-try.$$" 2>/dev/null && try=$root/.sitecrew-try.$$/try
fi
if [ -n "$try" ]; then
  trap 'rm -rf "${try%/*}"' EXIT
  { (umask 077; head -c 65536 /dev/zero >"$try") && say room yes; } 2>/dev/null
  { printf '#!/bin/sh\nexit 0\n' >"$try" && chmod 700 "$try" && "$try" && say runs yes; } 2>/dev/null
  rm -rf "${try%/*}"
fi
if [ -n "$root" ]; then
  say free "$(df -Pk "$root" 2>/dev/null | tail -n 1 | tr -s ' ' | cut -d' ' -f4)"
fi
for tool in tar gzip head tail awk; do command -v $tool >/dev/null || say lacks $tool; done
"""
_WORDPRESS = r"""
php=${php:-$(find_php)}
if [ -n "$php" ] && command -v "$php" >/dev/null; then
  say php "$php"
  "$php" -d display_errors=0 -r 'foreach (array("version" => PHP_VERSION, "sapi" => PHP_SAPI,
    "memory" => ini_get("memory_limit"), "disabled" => ini_get("disable_functions"),
    "phar" => extension_loaded("phar") ? "yes" : "no",
    "mysql" => extension_loaded("mysqli") ? "yes" : "no") as $k => $v) echo "\n$k=$v";' 2>&1 | tail -c 4000
  echo
  big='echo strlen(str_repeat("x", 200000000));'
  big=$("$php" -d memory_limit=512M -d display_errors=0 -r "$big" 2>/dev/null)
  say big "${big##*[!0-9]}"
  for other in /usr/bin/php[0-9]* /usr/local/php*/bin/php /opt/*/*/usr/bin/php /opt/*/*/root/usr/bin/php \
    /opt/plesk/php/*/bin/php; do [ -x "$other" ] && [ "$other" != "$php" ] && say other "$other"; done
fi
wp=${wp:-$(find_wp || brought)}
[ -n "$wp" ] && [ -r "$wp" ] && say wp "$wp"
exit 0
"""


def host_questions(host: Host, sites: Sequence[Site]) -> str:
    """Shell text that asks a host what `about_host` wants to know; only what its sites need."""
    wordpress = any(site.kind is SiteKind.WORDPRESS for site in sites)
    questions = f"{_QUESTIONS}{mode_questions(sites)}"
    return host_script(host, questions + (_WORDPRESS if wordpress else "exit 0\n"))


def static_questions(site: Site) -> str:
    """Shell text that asks after a static site's folder."""
    path = word(site.path)
    return (
        f"if [ ! -d {path} ]; then echo missing; elif ! cd {path} 2>/dev/null; then echo closed; "
        f"elif [ ! -w . ]; then echo 'not ours'; else echo well; fi"
    )


@dataclass(slots=True)
class _Said:
    """The host's answers: one of a name, and all of those that come several times."""

    one: dict[str, str] = field(default_factory=dict)
    lacks: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)


def about_host(host: Host, sites: Sequence[Site], text: str) -> Iterator[Check]:
    """What the answers mean for a run."""
    said = _read(text)
    free = int(said.one["free"]) * 1024 if said.one.get("free", "").isdigit() else None
    room = f", {_size(free)} free" if free is not None else ""
    user, system = said.one.get("user", "?"), said.one.get("system", "?")
    yield Check(about=host.name, finding=f"reached as {user} on {system}{room}")
    yield from _folder(host, said.one, free)
    yield from about_folders(sites, said.one)
    yield from about_modes(host, sites, said.one)
    for tool in said.lacks:
        yield _failed(host.name, f"lacks {tool}{_WITHOUT.get(tool, '')}", f"install {tool} there")
    if any(site.kind is SiteKind.WORDPRESS for site in sites):
        yield from _php(host, said)


_WITHOUT = {
    "tar": ", without which there are no backups of files",
    "gzip": ", without which there are no backups",
}


def about_static(site: Site, text: str) -> Iterator[Check]:
    """What the answer to `static_questions` means."""
    word = text.strip()
    if word == "missing":
        yield _failed(
            site.name, f"there is no folder {site.path} on the host", "correct `path`, or make the folder"
        )
    elif word == "closed":
        yield _failed(
            site.name, "the login may not enter the site's folder", "log in as the owner of the site's files"
        )
    elif word == "not ours":
        yield Check(
            about=site.name,
            finding="the login may read the site's folder, not write to it",
            hint="log in as the owner of the site's files to change them",
        )


def _folder(host: Host, said: Mapping[str, str], free: int | None) -> Iterator[Check]:
    root, home = said.get("root", ""), said.get("home", "")
    if not root:
        hint = f"give the account a home that it may write to: ls -ld {home or '~'}"
        yield _failed(host.name, "has no folder that this login may write to", hint)
        return
    if "room" not in said:
        yield _failed(host.name, f"{root} is full: nothing can be written there", f"make room: df -h {root}")
    elif free is not None and free < _ROOM:
        yield Check(
            about=host.name,
            finding=f"only {_size(free)} free in {root}",
            hint="restore points may not fit; make room there",
        )
    if root != home:
        yield Check(
            about=host.name, finding=f"its home cannot be written to: jobs and restore points go to {root}"
        )
    elif "room" in said and "runs" not in said:
        yield Check(about=host.name, finding="its home is mounted noexec, which does no harm")


def _php(host: Host, said: _Said) -> Iterator[Check]:
    one = said.one
    choose = "set `php` of the host" + (f", perhaps to {said.other[0]}" if said.other else "")
    if "php" not in one:
        yield _failed(host.name, "no PHP for the command line was found", choose)
        return
    if one.get("sapi") != "cli":
        what = f"is for web servers ({one['sapi']})" if "sapi" in one else "does not run"
        yield _failed(host.name, f"its PHP, {one['php']}, {what}", choose)
        return
    missing = [name for name, key in (("phar", "phar"), ("mysqli", "mysql")) if one.get(key) == "no"]
    if missing:
        lacking = " and ".join(missing)
        yield _failed(host.name, f"its PHP, {one['php']}, lacks {lacking}, which WordPress needs", choose)
        return
    if one.get("big") != "200000000":
        yield _failed(
            host.name, "gives PHP less than 200 MB of memory", "ask the provider; WordPress needs 256 MB"
        )
    yield Check(about=host.name, finding=_described(one))
    if "wp" not in one and not host.brings:
        yield _failed(
            host.name,
            "wp-cli was not found",
            "set `wp: /path/to/wp` of the host, or let it be brought: `tools.wp_cli` in sitecrew.yaml",
        )
    elif "wp" not in one:
        yield Check(about=host.name, finding="has no wp-cli: it is brought there when it is first needed")


def _described(one: Mapping[str, str]) -> str:
    parts = [f"PHP {one.get('version', '?')} at {one['php']}"]
    limit = _bytes(one.get("memory", ""))
    if limit is not None and limit < _NARROW:
        parts.append(f"memory_limit {one['memory']}, which wp-cli is started past")
    disabled = [name for name in re.split(r"[\s,]+", one.get("disabled", "")) if name]
    if "proc_open" in disabled:
        parts.append("proc_open switched off, which dumps are started past")
    return ", ".join(parts)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"  # noqa: PLR2004


def _bytes(text: str) -> int | None:
    match = re.fullmatch(r"(\d+)([kmg]?)", text.lower())
    return int(match[1]) * _BYTES[match[2]] if match else None


def _failed(about: str, finding: str, hint: str) -> Check:
    return Check(about=about, finding=finding, code=ExitCode.FAILED, hint=hint)


def _read(text: str) -> _Said:
    said = _Said()
    for line in text.splitlines():
        key, separator, value = line.partition("=")
        value = sentence(value)
        if not separator:
            continue
        if key == "lacks":
            said.lacks.append(value)
        elif key == "other":
            said.other.append(value)
        elif value:
            said.one.setdefault(key.strip(), value)
    return said
