"""The facts of a WordPress site, read in one boot.

A site whose plugins or theme kill PHP is read once more without them, in the same shell script, and marked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from runner.errors import HostError
from runner.model import CoreOffer, Extension, Host, Site, SiteFacts, SubSite, Translation
from runner.steps.base import Script
from runner.steps.text import sentence
from runner.steps.wordpress.shell import program, site_script

__all__ = ["facts_script", "fatal_error", "parse_facts"]

_Kind = TypeVar("_Kind", Extension, Translation, SubSite)
_BODY = """
attempt() {{
{program}
}}
said=$(attempt 2>&1 | tail -c 2000000)
printf '%s\\n' "$said"
case $said in *"$mark {{"*) exit 0 ;; esac
say again
attempt --skip-plugins --skip-themes 2>&1
exit 0
"""

_PROBLEMS = {
    "no-folder": ("there is no such folder on the host", "correct `path` of the site"),
    "no-access": ("the login may not enter the site's folder", "log in as the owner of the site's files"),
    "no-php": ("no PHP for the command line was found on the host", "set `php: /path/to/php` of the host"),
    "no-wp": ("wp-cli was not found on the host", "install it there, or set `wp: /path/to/wp` of the host"),
}
_COMPLAINTS = (
    (
        "YIKES",
        "the login is root, and wp-cli does not run as root",
        "log in as the owner of the site's files",
    ),
    ("wp-config.php' not found", "wp-config.php is missing", "install WordPress there, or correct `path`"),
    ("does not seem to be a WordPress", "there is no WordPress in the site's folder", "correct `path`"),
    (
        "Error establishing a database connection",
        "the database does not answer",
        "see whether it runs, and DB_HOST, DB_NAME, DB_USER in wp-config.php",
    ),
    (
        "Error reconnecting to the database",
        "the database does not answer",
        "see whether it runs, and DB_HOST, DB_NAME, DB_USER in wp-config.php",
    ),
    (
        "site you have requested is not installed",
        "WordPress is there but not installed",
        "finish its installation",
    ),
    (
        "Call to undefined function mysql",
        "PHP has no MySQL extension",
        "set `php` of the host to another PHP",
    ),
)
_FATAL = re.compile(
    r"(?:Fatal|Parse|Recoverable fatal|Compile) error:\s*(?P<what>.+?)"
    r"\s+in\s+(?P<file>/\S.*?)(?::| on line )(?P<line>\d+)",
    re.DOTALL,
)


def facts_script(
    site: Site, host: Host, mark: str, *, check_updates: bool, languages: Sequence[str] = ()
) -> Script:
    """What to run on the host. `check_updates`: WordPress asks its update servers anew, in the same boot.

    With `languages`, it also asks for translations of these, which the site need not have. Changes nothing
    on the site but WordPress's own cache of the answers.
    """
    data = {"check": check_updates, "url": site.url, "locales": list(languages)}
    run = program("facts", mark, data, '"$@" ')
    return site_script(site, host, mark, _BODY.format(program=run))


def parse_facts(output: str, mark: str) -> SiteFacts:
    """The facts in the output of `facts_script`.

    Raises:
        HostError: there are none; the message is a sentence that says why.
    """
    first, _, second = output.partition(f"\n{mark} again\n")
    if (data := _facts_line(first, mark)) is not None:
        return _facts(data)
    if (data := _facts_line(second, mark)) is not None:
        return _facts({**data, "crippled": _reason(first)})
    raise _problem(output, mark)


def fatal_error(output: str) -> str:
    """The error that killed PHP, with its file below wp-content, in one line; empty when there is none."""
    match = _FATAL.search(output)
    if not match:
        return ""
    what = match["what"].split("\nStack trace", 1)[0].strip()
    what = re.sub(r"\s+in /\S+:\d+$", "", what)
    file = re.sub(r"^.*/(?=wp-(?:content|includes|admin)/)", "", match["file"])
    return sentence(f"{what} in {file}:{match['line']}")


def _reason(output: str) -> str:
    if fatal := fatal_error(output):
        return fatal
    for line in reversed(output.splitlines()):
        if line.startswith("Error: "):
            return sentence(line.removeprefix("Error: "))
    said = sentence(output, 120)
    return (
        f"WordPress ended without a word of why; it printed: {said}"
        if said
        else "WordPress ended without a word"
    )


def _facts_line(text: str, mark: str) -> dict[str, Any] | None:
    for line in text.splitlines():
        if line.startswith(f"{mark} {{"):
            try:
                data = json.loads(line.removeprefix(f"{mark} "))
            except ValueError:
                continue
            if isinstance(data, dict) and "wordpress" in data:
                return data
    return None


def _problem(output: str, mark: str) -> HostError:
    if match := re.search(rf"^{re.escape(mark)} problem (\S+)$", output, re.MULTILINE):
        message, hint = _PROBLEMS.get(match[1], (match[1], ""))
        return HostError(message, hint=hint)
    for words, message, hint in _COMPLAINTS:
        if words in output:
            return HostError(message, hint=hint)
    reason = _reason(output.replace(f"\n{mark} again\n", "\n"))
    return HostError(
        f"WordPress does not start, even without its plugins and themes: {reason}",
        hint="look at mu-plugins, drop-ins and the core files",
    )


def _facts(data: Mapping[str, Any]) -> SiteFacts:
    known: dict[str, Any] = {}
    for field in fields(SiteFacts):
        if field.name in data:
            known[field.name] = _plain(data[field.name])
    known["plugins"] = tuple(_made(Extension, entry) for entry in data.get("plugins") or ())
    known["themes"] = tuple(_made(Extension, entry) for entry in data.get("themes") or ())
    known["core_offers"] = tuple(
        CoreOffer(*(str(_plain(offer[name])) for name in ("version", "package", "requires_php")))
        for offer in data.get("core_offers") or ()
    )
    known["translations"] = tuple(_made(Translation, entry) for entry in data.get("translations") or ())
    known["network"] = tuple(_made(SubSite, entry) for entry in data.get("network") or ())
    return SiteFacts(**known)


def _made(kind: type[_Kind], entry: Mapping[str, Any]) -> _Kind:
    names = {field.name for field in fields(kind)}
    return kind(**{name: _plain(value) for name, value in entry.items() if name in names})


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return sentence(value)
    return tuple(_plain(entry) for entry in value) if isinstance(value, list) else value
