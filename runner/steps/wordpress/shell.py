"""Shell text around wp-cli: finds the site, PHP and wp-cli, and runs our PHP programs in one boot.

POSIX sh, the same in dash, bash and busybox ash. Everything stands in one function that is called by the last
line, with stdin closed: a text that arrives only in part does nothing, and no command can swallow the rest.
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
    """What a wp-cli that we brought is called on the host, in our own folder `tools`; empty for none."""
    return f"wp-cli-{sha512[:32]}.phar" if sha512 else ""


def site_script(site: Site, host: Host, mark: str, body: str, *, options: str = "") -> Script:
    """`body` run in the site's folder with `wp`, `$php` and `say` at hand; `options` is one word for PHP.

    A line `<mark> problem WORD` and status 3 say why it could not begin: no-folder, no-access, no-php,
    no-config, no-wp.
    """
    about = {"mark": mark, "site": site.path, "self": f"--url={start_address(site)}"}
    head = _assigned({**about, **_tools(host), "more": options})
    given = words(*(one for one in site.wp_args if not one.startswith("--url=")))
    prelude = shell_source("prelude")
    if given:
        prelude = prelude.replace('"$self" "$@"', f'"$self" {given} "$@"')
    return Script(text=_whole(head, shell_source("finders"), prelude, body))


def host_script(host: Host, body: str) -> str:
    """`body` with `find_php`, `find_wp` and `brought` at hand; `$php` and `$wp` are the inventory's."""
    return _whole(_assigned({**_tools(host), "more": ""}), shell_source("finders"), body)


def _whole(*parts: str) -> str:
    text = "\n".join(part.strip() for part in parts)
    return f"sitecrew() {{\n{text}\n}}\nsitecrew </dev/null\n"


def _tools(host: Host) -> dict[str, str]:
    return {"php": host.php or "", "wp": host.wp or "", "brings": tool_name(host.brings) or "-"}


def _assigned(names: Mapping[str, str]) -> str:
    return assign(names).rstrip()


def program(
    name: str, mark: str, data: Mapping[str, object], arguments: str = "", *, parts: Sequence[str] = ()
) -> str:
    """The command that runs one of our PHP programs inside WordPress, on a here-document.

    `parts` are further files that it needs.

    `data` stands in it as one line of ASCII JSON that begins with a brace, so that it can end neither of the
    two here-documents around it, and nothing in it is ever an argument or is expanded.
    """
    source = _data(mark, data) + "".join(map(php_source, ("common", *parts, name)))
    return f"wp eval-file - {arguments}<<'SITECREW_PROGRAM'\n{source}SITECREW_PROGRAM"


def plain_program(name: str, mark: str, data: Mapping[str, object], *, parts: Sequence[str] = ()) -> str:
    """As `program`, in plain PHP: WordPress is not started."""
    source = _data(mark, data) + "".join(map(php_source, (*parts, name)))
    options = '-d memory_limit=512M -d display_errors=stderr -d log_errors=0 ${more:+"$more"}'
    return f"\"$php\" {options} <<'SITECREW_PROGRAM'\n{source}SITECREW_PROGRAM"


def early_program(name: str, mark: str, data: Mapping[str, object], *, parts: Sequence[str] = ()) -> str:
    """Sets `code` to a program for wp-cli's `--exec`, which runs it before it reads the configuration."""
    source = _data(mark, data).removeprefix("<?php\n") + "".join(map(php_source, (*parts, name)))
    return f"code=$(cat <<'SITECREW_PROGRAM'\n{source}SITECREW_PROGRAM\n)"


def _data(mark: str, data: Mapping[str, object]) -> str:
    line = json.dumps({"mark": mark, **data}, ensure_ascii=True)
    return (
        f"<?php\n$GLOBALS['sitecrew'] = json_decode( <<<'SITECREW_DATA'\n{line}\nSITECREW_DATA\n, true );\n"
    )


@cache
def php_source(name: str) -> str:
    """One of our PHP files, without the opening tag where that is its whole first line."""
    text = files("runner.steps").joinpath("php", f"{name}.php").read_text(encoding="utf-8")
    return text.removeprefix("<?php\n")


def shell_source(name: str, **values: str) -> str:
    """The text of one of our shell files, with `values` in the place of `@name@`."""
    text = _shell_file(name)
    return re.sub("@([a-z_]+)@", lambda found: values[found[1]], text) if values else text


@cache
def _shell_file(name: str) -> str:
    return files("runner.steps.wordpress").joinpath("sh", f"{name}.sh").read_text(encoding="utf-8")
