"""The facts of a WordPress site, read in one boot.

A site whose plugins or theme kill PHP is read once more without them, in the same shell script, and marked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from runner.errors import HostError
from runner.model import CoreOffer, Extension, Host, LogMark, Site, SiteFacts, SubSite, Translation
from runner.steps.base import Script
from runner.steps.wordpress.said import marked, shaped
from runner.steps.wordpress.shell import program, site_script
from runner.untrusted import sentence

__all__ = ["facts_in", "facts_script", "fatal_error", "hindered", "lacks_wp_cli", "parse_facts"]

_Kind = TypeVar("_Kind", Extension, CoreOffer, Translation, SubSite, LogMark)
_BODY = """
attempt() {{
{program}
}}
sift() {{
  head -c 50000000 | awk -v mark="$mark " 'index($0, mark) == 1 {{ print; next }}
    {{ kept[NR % 40] = substr($0, 1, 600); size += length($0) }}
    END {{ if (size > 45000000) print "\\n" mark "problem flood"
      for (i = NR + 1; i <= NR + 40; i++) if ((i % 40) in kept) print kept[i % 40] }}'
}}
said=$(attempt 2>&1 | sift)
printf '\\n%s\\n' "$said"
case $said in *"$mark {{"*) exit 0 ;; esac
say again
attempt --skip-plugins --skip-themes 2>&1 | sift
exit 0
"""

_FLOOD = "WordPress prints without end"
_PROBLEMS = {
    "no-folder": ("there is no such folder on the host", "correct `path` of the site"),
    "no-access": ("the login may not enter the site's folder", "log in as the owner of the site's files"),
    "no-php": ("no PHP for the command line was found on the host", "set `php: /path/to/php` of the host"),
    "no-config": ("the login may not read wp-config.php", "log in as the owner of the site's files"),
    "flood": (_FLOOD, "look for a loop in its plugins, its mu-plugins and drop-ins"),
    "no-wp": (
        "wp-cli was not found on the host",
        "set `wp: /path/to/wp` of the host, or let it be brought: `tools.wp_cli` in sitecrew.yaml",
    ),
}
_OTHER_PHP = "set `php: /path/to/php` of the host; what there is: ls /usr/bin/php* /opt/*/*/usr/bin/php"
_NARROW = "the host gives PHP too little memory", "ask the provider; WordPress needs 256 MB"
_COMPLAINTS = (
    ('Class "Phar" not found', "PHP on the host lacks the phar extension that wp-cli needs", _OTHER_PHP),
    ("X-Powered-By: PHP", "the PHP found on the host is for web servers, not for a shell", _OTHER_PHP),
    ("Cannot allocate memory", *_NARROW),
    ("failed to map segment", *_NARROW),
    ("Out of memory", *_NARROW),
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
    site: Site,
    host: Host,
    mark: str,
    *,
    check_updates: bool,
    languages: Sequence[str] = (),
    dates: bool = False,
) -> Script:
    """What to run on the host. `check_updates`: WordPress asks its update servers anew, in the same boot.

    With `languages`, it also asks for translations of these, which the site need not have; with `dates`, when
    each offered version came out. Changes nothing on the site but WordPress's own cache of the answers.
    """
    data = {"check": check_updates, "url": site.url, "locales": list(languages), "dates": dates}
    run = program("facts", mark, data, '"$@" ', parts=("facts_items", "facts_translations"))
    return site_script(site, host, mark, _BODY.format(program=run))


def facts_in(output: str, mark: str) -> tuple[SiteFacts | None, str]:
    """The facts in the output of `facts_script`, or why there are none."""
    try:
        return parse_facts(output, mark), ""
    except HostError as error:
        return None, str(error)


def parse_facts(output: str, mark: str) -> SiteFacts:
    """The facts in the output of `facts_script`.

    Raises:
        HostError: there are none; the message is a sentence that says why.
    """
    first, _, second = output.partition(f"\n{mark} again\n")
    if (facts := _read(first, mark)) is not None:
        return facts
    if (facts := _read(second, mark, crippled=_reason(first))) is not None:
        return facts
    raise _problem(output, mark)


def hindered(output: str, mark: str = "") -> HostError | None:
    """Why a script of ours could not begin on a site: from its output, or without the mark its stderr."""
    match = re.search(rf"^{re.escape(mark)}problem ([a-z-]+)$", output, re.MULTILINE)
    message, hint = _PROBLEMS.get(match[1], ("", "")) if match else ("", "")
    return HostError(message, hint=hint) if message else None


def lacks_wp_cli(error: object) -> bool:
    """Whether this is what is said where wp-cli was not found."""
    return isinstance(error, HostError) and str(error) == _PROBLEMS["no-wp"][0]


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
    if re.search(r"^\w+ problem flood$", output, re.MULTILINE):
        return _FLOOD
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


def _read(text: str, mark: str, **more: str) -> SiteFacts | None:
    """The facts that were said first and can be understood."""
    for data in marked(text, mark):
        try:
            return _facts({**data, **more})
        except ValueError:
            continue
    return None


def _problem(output: str, mark: str) -> HostError:
    if hindrance := hindered(output, f"{mark} "):
        return hindrance
    for words, message, hint in _COMPLAINTS:
        if words in output:
            return HostError(message, hint=hint)
    reason = _reason(output.replace(f"\n{mark} again\n", "\n"))
    return HostError(
        f"WordPress does not start, even without its plugins and themes: {reason}",
        hint="look at mu-plugins, drop-ins and the core files",
    )


def _facts(data: Mapping[str, Any]) -> SiteFacts:
    made = {
        "plugins": _each(Extension, data, "plugins"),
        "themes": _each(Extension, data, "themes"),
        "core_offers": _each(CoreOffer, data, "core_offers"),
        "translations": _each(Translation, data, "translations"),
        "network": _each(SubSite, data, "network"),
        "logs": _each(LogMark, data, "logs"),
    }
    return shaped(SiteFacts, data, **made)


def _each(kind: type[_Kind], data: Mapping[str, Any], name: str) -> tuple[_Kind, ...]:
    entries = data.get(name) or []
    if not isinstance(entries, list):
        raise ValueError(f"{name} is no list")  # noqa: TRY004 - as for all else that is wrong
    return tuple(shaped(kind, entry) for entry in entries)
