"""Checks of a host by `doctor`, in one SSH channel: space, tools, PHP and wp-cli. Leaves nothing behind."""

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
from runner.units import size
from runner.untrusted import sentence

__all__ = ["about_host", "about_static", "host_questions", "static_questions"]

_LITTLE_SPACE = 1 << 30
_BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_LOW_MEMORY = 128 << 20

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
  # in a folder of our own, because another user could have placed a link at a file name in /tmp
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
    """Return shell text that prints what `about_host` interprets: only what the sites of the host need."""
    wordpress = any(site.kind is SiteKind.WORDPRESS for site in sites)
    questions = f"{_QUESTIONS}{mode_questions(sites)}"
    return host_script(host, questions + (_WORDPRESS if wordpress else "exit 0\n"))


def static_questions(site: Site) -> str:
    """Return shell text that checks the folder of a static site."""
    path = word(site.path)
    return (
        f"if [ ! -d {path} ]; then echo missing; elif ! cd {path} 2>/dev/null; then echo closed; "
        f"elif [ ! -w . ]; then echo 'not ours'; else echo well; fi"
    )


@dataclass(slots=True)
class _Answers:
    """The answers of a host: single values by name, and lists."""

    one: dict[str, str] = field(default_factory=dict)
    lacks: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)


def about_host(host: Host, sites: Sequence[Site], text: str) -> Iterator[Check]:
    """Interpret the output of `host_questions`."""
    answers = _parse(text)
    free = int(answers.one["free"]) * 1024 if answers.one.get("free", "").isdigit() else None
    space = f", {size(free)} free" if free is not None else ""
    user, system = answers.one.get("user", "?"), answers.one.get("system", "?")
    yield Check(about=host.name, finding=f"connected as {user} on {system}{space}")
    yield from _folder(host, answers.one, free)
    yield from about_folders(sites, answers.one)
    yield from about_modes(host, sites, answers.one)
    for tool in answers.lacks:
        yield _failed(host.name, f"{tool} is not installed{_PURPOSES.get(tool, '')}", f"install {tool}")
    if any(site.kind is SiteKind.WORDPRESS for site in sites):
        yield from _php(host, answers)


_PURPOSES = {"tar": "; file backups need it", "gzip": "; backups need it"}


def about_static(site: Site, text: str) -> Iterator[Check]:
    """Interpret the output of `static_questions`."""
    answer = text.strip()
    if answer == "missing":
        yield _failed(
            site.name, f"there is no folder {site.path} on the host", "correct `path`, or create the folder"
        )
    elif answer == "closed":
        yield _failed(
            site.name, "the login cannot enter the site's folder", "log in as the owner of the site's files"
        )
    elif answer == "not ours":
        yield Check(
            about=site.name,
            finding="the login can read the site's folder but cannot write to it",
            hint="log in as the owner of the site's files to change them",
        )


def _folder(host: Host, answers: Mapping[str, str], free: int | None) -> Iterator[Check]:
    root, home = answers.get("root", ""), answers.get("home", "")
    if not root:
        hint = f"make the home directory of the account writable: ls -ld {home or '~'}"
        yield _failed(host.name, "this login cannot write to any folder", hint)
        return
    if "room" not in answers:
        yield _failed(host.name, f"the disk with {root} is full", f"free some space: df -h {root}")
    elif free is not None and free < _LITTLE_SPACE:
        yield Check(
            about=host.name,
            finding=f"only {size(free)} free in {root}",
            hint="free some space: restore points may not fit",
        )
    if root != home:
        yield Check(
            about=host.name, finding=f"its home is not writable: jobs and restore points go to {root}"
        )
    elif "room" in answers and "runs" not in answers:
        yield Check(about=host.name, finding="its home is mounted noexec, which is not a problem")


def _php(host: Host, answers: _Answers) -> Iterator[Check]:
    one = answers.one
    choose = "set `php` of the host" + (f", for example to {answers.other[0]}" if answers.other else "")
    if "php" not in one:
        yield _failed(host.name, "no command-line PHP was found", choose)
        return
    if one.get("sapi") != "cli":
        what = f"is built for web servers ({one['sapi']})" if "sapi" in one else "does not run"
        yield _failed(host.name, f"its PHP, {one['php']}, {what}", choose)
        return
    missing = [name for name, key in (("phar", "phar"), ("mysqli", "mysql")) if one.get(key) == "no"]
    if missing:
        extensions = " and ".join(missing)
        yield _failed(
            host.name, f"its PHP, {one['php']}, lacks {extensions}, which wp-cli and WordPress need", choose
        )
        return
    if one.get("big") != "200000000":
        yield _failed(
            host.name,
            "PHP gets less than 200 MB of memory",
            "ask the provider for 256 MB, which WordPress needs",
        )
    yield Check(about=host.name, finding=_described(one))
    if "wp" not in one and not host.brings:
        yield _failed(
            host.name,
            "wp-cli was not found",
            "set `wp: /path/to/wp` of the host, or have it installed: `tools.wp_cli` in sitecrew.yaml",
        )
    elif "wp" not in one:
        yield Check(about=host.name, finding="it has no wp-cli; Sitecrew installs it when it is needed")


def _described(one: Mapping[str, str]) -> str:
    parts = [f"PHP {one.get('version', '?')} at {one['php']}"]
    limit = _bytes(one.get("memory", ""))
    if limit is not None and limit < _LOW_MEMORY:
        parts.append(f"memory_limit {one['memory']} (overridden for wp-cli)")
    disabled = [name for name in re.split(r"[\s,]+", one.get("disabled", "")) if name]
    if "proc_open" in disabled:
        parts.append("proc_open disabled (overridden for dumps)")
    return ", ".join(parts)


def _bytes(text: str) -> int | None:
    match = re.fullmatch(r"(\d+)([kmg]?)", text.lower())
    return int(match[1]) * _BYTES[match[2]] if match else None


def _failed(about: str, finding: str, hint: str) -> Check:
    return Check(about=about, finding=finding, code=ExitCode.FAILED, hint=hint)


def _parse(text: str) -> _Answers:
    answers = _Answers()
    for line in text.splitlines():
        key, separator, value = line.partition("=")
        value = sentence(value)
        if not separator:
            continue
        if key == "lacks":
            answers.lacks.append(value)
        elif key == "other":
            answers.other.append(value)
        elif value:
            answers.one.setdefault(key.strip(), value)
    return answers
