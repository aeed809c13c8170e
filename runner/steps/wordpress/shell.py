"""Shell text around wp-cli: find the site, PHP and wp-cli, and run our PHP programs in one boot.

It is POSIX sh and runs in dash, bash and busybox ash. Everything is in one function that the last line calls,
with stdin closed: a script that arrives incomplete does nothing, and no command can read the rest of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from runner.model import Host, Site
from runner.shell import assign, words
from runner.steps.base import Script
from runner.steps.wordpress.address import start_address

__all__ = [
    "early_program",
    "host_script",
    "php_source",
    "plain_program",
    "program",
    "shell_source",
    "site_script",
    "tool_name",
]


def tool_name(sha512: str) -> str:
    """The file name of the wp-cli that Sitecrew copies to the host; empty for none."""
    return f"wp-cli-{sha512[:32]}.phar" if sha512 else ""


def site_script(site: Site, host: Host, mark: str, body: str, *, options: str = "") -> Script:
    """Wrap `body` so that it runs in the site's folder and can use `wp`, `$php` and `say`.

    If it cannot start, it prints a line `<mark> problem WORD` and exits with status 3. The words are
    no-folder, no-access, no-php, no-config and no-wp. `options` is one word of options for PHP.
    """
    names = {"mark": mark, "site": site.path, "self": f"--url={start_address(site)}"}
    head = _assigned({**names, **_tools(host), "more": options})
    given = words(*(one for one in site.wp_args if not one.startswith("--url=")))
    prelude = shell_source("prelude")
    if given:
        prelude = prelude.replace('"$self" "$@"', f'"$self" {given} "$@"')
    return Script(text=_in_function(head, shell_source("finders"), prelude, body))


def host_script(host: Host, body: str) -> str:
    """Wrap `body` so that it can use `find_php`, `find_wp` and `brought`, and `$php` and `$wp` if set."""
    return _in_function(_assigned({**_tools(host), "more": ""}), shell_source("finders"), body)


def _in_function(*parts: str) -> str:
    text = "\n".join(part.strip() for part in parts)
    return f"sitecrew() {{\n{text}\n}}\nsitecrew </dev/null\n"


def _tools(host: Host) -> dict[str, str]:
    return {"php": host.php or "", "wp": host.wp or "", "brings": tool_name(host.brings) or "-"}


def _assigned(names: Mapping[str, str]) -> str:
    return assign(names).rstrip()


def program(
    name: str, mark: str, data: Mapping[str, object], arguments: str = "", *, parts: Sequence[str] = ()
) -> str:
    """The command that runs one of our PHP programs inside WordPress, from a here-document.

    `data` is embedded as one line of ASCII JSON that starts with a brace, so it cannot end either of the two
    here-documents around it, and nothing in it becomes an argument or is expanded.

    Args:
        name: of the program, a file in runner/steps/php.
        mark: that starts each line of its output.
        data: input of the program.
        arguments: shell words for wp-cli, followed by a blank.
        parts: further PHP files that it needs.
    """
    source = _data(mark, data) + "".join(map(php_source, ("common", *parts, name)))
    return f"wp eval-file - {arguments}<<'SITECREW_PROGRAM'\n{source}SITECREW_PROGRAM"


def plain_program(name: str, mark: str, data: Mapping[str, object], *, parts: Sequence[str] = ()) -> str:
    """Like `program`, in plain PHP: WordPress is not started."""
    source = _data(mark, data) + "".join(map(php_source, (*parts, name)))
    options = '-d memory_limit=512M -d display_errors=stderr -d log_errors=0 ${more:+"$more"}'
    return f"\"$php\" {options} <<'SITECREW_PROGRAM'\n{source}SITECREW_PROGRAM"


def early_program(name: str, mark: str, data: Mapping[str, object], *, parts: Sequence[str] = ()) -> str:
    """Shell text that sets `code` to a program for wp-cli's `--exec`, which runs before the configuration."""
    source = _data(mark, data).removeprefix("<?php\n") + "".join(map(php_source, (*parts, name)))
    return f"code=$(cat <<'SITECREW_PROGRAM'\n{source}SITECREW_PROGRAM\n)"


def _data(mark: str, data: Mapping[str, object]) -> str:
    line = json.dumps({"mark": mark, **data}, ensure_ascii=True)
    return (
        f"<?php\n$GLOBALS['sitecrew'] = json_decode( <<<'SITECREW_DATA'\n{line}\nSITECREW_DATA\n, true );\n"
    )


@cache
def php_source(name: str) -> str:
    """The text of one of our PHP files, without the opening tag if that is its whole first line."""
    text = files("runner.steps").joinpath("php", f"{name}.php").read_text(encoding="utf-8")
    return text.removeprefix("<?php\n")


def shell_source(name: str, **values: str) -> str:
    """The text of one of our shell files, with each `@name@` replaced by its value."""
    text = _shell_file(name)
    return re.sub("@([a-z_]+)@", lambda found: values[found[1]], text) if values else text


@cache
def _shell_file(name: str) -> str:
    return files("runner.steps.wordpress").joinpath("sh", f"{name}.sh").read_text(encoding="utf-8")
