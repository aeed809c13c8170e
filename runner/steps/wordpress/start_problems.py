"""Why WordPress or wp-cli does not start on a host, read from what was printed."""

from __future__ import annotations

import re

from runner.errors import HostError, IdentityError
from runner.steps.wordpress.fatal import fatal_error
from runner.untrusted import sentence

__all__ = ["hindered", "lacks_wp_cli", "start_problem", "stop_reason"]

_FLOOD = "WordPress prints output without end"
_STOPS = {
    "no-folder": ("the site's folder does not exist on the host", "check `path` of the site"),
    "no-access": ("the login cannot enter the site's folder", "log in as the owner of the site's files"),
    "no-php": ("no command-line PHP found on the host", "set `php: /path/to/php` on the host"),
    "no-config": ("the login cannot read wp-config.php", "log in as the owner of the site's files"),
    "flood": (_FLOOD, "look for a loop in its plugins, mu-plugins and drop-ins"),
    "no-wp": (
        "wp-cli not found on the host",
        "set `wp: /path/to/wp` on the host, or `tools.wp_cli` in sitecrew.yaml to have it copied there",
    ),
}
_NO_SUCH_SITE = "Verify `--url=<url>` matches an existing site"
_OTHER_PHP = "set `php: /path/to/php` on the host; to list candidates: ls /usr/bin/php* /opt/*/*/usr/bin/php"
_OUT_OF_MEMORY = (
    "the host gives PHP too little memory",
    "ask the provider to raise it; WordPress needs 256 MB",
)
_NO_DATABASE = (
    "the database does not answer",
    "check that it is running, and DB_HOST, DB_NAME and DB_USER in wp-config.php",
)
_KNOWN_ERRORS = (
    ('Class "Phar" not found', "PHP on the host lacks the phar extension, which wp-cli needs", _OTHER_PHP),
    (
        "X-Powered-By: PHP",
        "the PHP found on the host is built for a web server (CGI), not for the command line",
        _OTHER_PHP,
    ),
    ("Cannot allocate memory", *_OUT_OF_MEMORY),
    ("failed to map segment", *_OUT_OF_MEMORY),
    ("Out of memory", *_OUT_OF_MEMORY),
    (
        "YIKES",
        "the login is root, and wp-cli does not run as root",
        "log in as the owner of the site's files",
    ),
    ("wp-config.php' not found", "wp-config.php is missing", "install WordPress there, or check `path`"),
    ("does not seem to be a WordPress", "no WordPress in the site's folder", "check `path`"),
    ("Error establishing a database connection", *_NO_DATABASE),
    ("Error reconnecting to the database", *_NO_DATABASE),
    (
        "site you have requested is not installed",
        "WordPress is not installed: its files are there, its tables are not",
        "finish its installation",
    ),
    *(
        (
            f'Class "{name}" not found',
            f"PHP on the command line lacks {name.lower()}, which the site's object cache needs",
            "install it for the command line too (ls /etc/php/*/cli/conf.d), or set `php` on the host",
        )
        for name in ("Redis", "Memcached", "Memcache")
    ),
    (
        "Call to undefined function mysql",
        "PHP has no MySQL extension",
        "set `php` on the host to another PHP",
    ),
)


def hindered(output: str, mark: str = "") -> HostError | None:
    """Why a script could not start on a site; None if it could.

    Args:
        output: of the script, or its stderr, in which `mark` is missing.
        mark: of the script, with a blank at its end.
    """
    match = re.search(rf"^{re.escape(mark)}problem ([a-z-]+)$", output, re.MULTILINE)
    message, hint = _STOPS.get(match[1], ("", "")) if match else ("", "")
    return HostError(message, hint=hint) if message else None


def lacks_wp_cli(error: object) -> bool:
    """Whether the error says that wp-cli was not found."""
    return isinstance(error, HostError) and str(error) == _STOPS["no-wp"][0]


def stop_reason(output: str) -> str:
    """Why WordPress stopped, from what it printed."""
    if re.search(r"^\w+ problem flood$", output, re.MULTILINE):
        return _FLOOD
    if fatal := fatal_error(output):
        return fatal
    for line in reversed(output.splitlines()):
        if line.startswith("Error: "):
            return sentence(line.removeprefix("Error: "))
    printed = sentence(output, 120)
    return (
        f"WordPress exited without an error message; it printed: {printed}"
        if printed
        else "WordPress exited without any output"
    )


def start_problem(output: str, printed: str, mark: str) -> HostError:
    """Why there are no facts; `printed` is the part of `output` that WordPress printed."""
    if stopped := hindered(output, f"{mark} "):
        return stopped
    if _NO_SUCH_SITE in printed:
        return IdentityError(
            "this network has no site at the address in the inventory: `path` or `url` is another site's",
            hint="correct it; if the network uses another address for the site, set `address` as well",
        )
    for words, message, hint in _KNOWN_ERRORS:
        if words in printed:
            return HostError(message, hint=hint)
    reason = stop_reason(printed.replace(f"\n{mark} again\n", "\n"))
    return HostError(
        f"WordPress does not start, even without its plugins and themes: {reason}",
        hint="check its mu-plugins, drop-ins and core files",
    )
