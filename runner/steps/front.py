"""A page requested on the site's own host: the script that does it, and its answer.

The script asks the host's web server at the host's own addresses only, under the site's name, and verifies
the certificate. If the web server refuses there too, the script runs WordPress on the command line as the web
server would. The answer is untrusted text with limits.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from runner.model import Host, Site, SiteFacts, SiteKind
from runner.shell import assign
from runner.steps.base import Script
from runner.steps.wordpress.shell import host_script, plain_program
from runner.untrusted import sentence

__all__ = ["SECONDS", "Asked", "Front", "FrontWay", "front_script", "parse_front"]

SECONDS = 60
"""Time limit of the whole script."""
_WEB_SECONDS = 20
_BODY = 1 << 20
_ADDRESS = 64
_URL = 4096
_HEAD = 16 << 10
_PRELUDE = """
umask 022
export LC_ALL=C.UTF-8 NO_COLOR=1 TERM=dumb
cd "$site" 2>/dev/null || exit 3
php=${php:-$(find_php)} || exit 3
more=-dallow_url_fopen=1
"""


class FrontWay(StrEnum):
    """How the host got a page."""

    NONE = "none"
    WEB = "web"
    """The web server, at an address of the host itself."""
    WORDPRESS = "wordpress"
    """WordPress, run on the command line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The requested address, in parts."""

    url: str
    scheme: str
    host: str
    port: int
    authority: str
    target: str
    entry: str = ""
    """The PHP file below the WordPress folder that answers, if it is not the one for pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The page that the host got. Everything except `way` is untrusted."""

    way: FrontWay = FrontWay.NONE
    address: str = ""
    """The host's own address at which its web server answered."""
    member: bool = False
    """Whether WordPress ran as for a logged-in user."""
    url: str = ""
    status: int | None = None
    """None if there was no answer."""
    headers: tuple[tuple[str, str], ...] = ()
    """Names in lower case."""
    body: bytes = b""
    cut: bool = False
    """Whether `body` was truncated."""
    fatal: str = ""
    """The fatal error of PHP."""


def front_script(
    site: Site,
    host: Host,
    mark: str,
    asked: Asked,
    *,
    facts: SiteFacts | None = None,
    known: Front | None = None,
    member: bool = False,
    or_run: bool = False,
) -> Script:
    """Return the script that gets a page on the host, for `parse_front`.

    Args:
        site: the site.
        host: its host.
        mark: nonce that starts the line of the answer.
        asked: the address of the page.
        facts: the facts of the site, if they were read.
        known: an earlier answer; the page is then got in the same way and no other.
        member: run WordPress as for a logged-in user, without asking the web server.
        or_run: run WordPress if the web server in `known` refuses this page.
    """
    is_static = site.kind is SiteKind.STATIC
    ways = [FrontWay.WEB] if is_static else [FrontWay.WEB, FrontWay.WORDPRESS]
    if member:
        ways = [] if is_static else [FrontWay.WORDPRESS]
    if known is not None and known.way is not FrontWay.NONE:
        ways = [known.way, FrontWay.WORDPRESS] if or_run else [known.way]
    home = asked.target.partition("?")[0].rpartition("/")[0]
    data = {
        "url": asked.url,
        "scheme": asked.scheme,
        "host": asked.host,
        "port": asked.port,
        "authority": asked.authority,
        "target": asked.target,
        "script": f"{_base(site)}/{asked.entry or 'index.php'}",
        "entry": asked.entry.removeprefix(facts.folder if facts else ""),
        "member": member,
        "folders": _folders(site, facts),
        "signs": _signs(facts),
        "file": f"{home.removeprefix(_base(site)).strip('/')}/index.html".lstrip("/") if is_static else "",
        "trusted": known.address if known is not None and known.way is FrontWay.WEB else "",
        "ways": [way.value for way in ways],
        "limit": _BODY,
        "seconds": _WEB_SECONDS,
    }
    place = assign({"site": site.path}).rstrip()
    body = f"{place}\n{_PRELUDE.strip()}\n{plain_program('front', mark, data)}"
    return Script(text=host_script(host, body))


def parse_front(output: str, mark: str) -> Front | None:
    """Return the last answer in the output of `front_script`; None if there is none or it is malformed."""
    begin = f"{mark} "
    line = next((one for one in reversed(output.split("\n")) if one.startswith(begin)), "")
    try:
        answer = json.loads(line.removeprefix(begin))
        return _front(answer) if isinstance(answer, dict) else None
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        return None


def _front(answer: Mapping[str, Any]) -> Front:
    way = FrontWay(answer["way"])
    if way is FrontWay.NONE:
        return Front()
    status = answer["status"]
    if type(status) is not int or not 100 <= status <= 599:  # noqa: PLR2004
        raise ValueError("not an HTTP status")
    head = _text(answer, "head", _HEAD).decode("utf-8", "replace")
    address = str(answer.get("address", "")) if way is FrontWay.WEB else ""
    if len(address) > _ADDRESS or not address.isprintable():
        raise ValueError("not an address")
    return Front(
        way=way,
        address=address,
        member=way is FrontWay.WORDPRESS and answer.get("member") is True,
        url=_text(answer, "url", _URL).decode("utf-8", "replace"),
        status=status,
        headers=_headers(head),
        body=_text(answer, "body", _BODY),
        cut=answer.get("cut") is True,
        fatal=sentence(_text(answer, "why", _URL).decode("utf-8", "replace")),
    )


def _text(answer: Mapping[str, Any], field: str, limit: int) -> bytes:
    return b64decode(str(answer[field]), validate=True)[:limit]


def _headers(head: str) -> tuple[tuple[str, str], ...]:
    lines = [line.partition(":") for line in head.split("\n")[:100]]
    return tuple((name.strip().lower(), value.strip()) for name, colon, value in lines if colon)


def _base(site: Site) -> str:
    """Return the path of the site's URL, without a trailing slash."""
    rest = site.own_address.partition("://")[2]
    return f"/{rest.partition('/')[2]}".rstrip("/")


def _folders(site: Site, facts: SiteFacts | None) -> list[str]:
    folders = [site.path, facts.root if facts else ""]
    return list(dict.fromkeys(folder.rstrip("/") for folder in folders if folder))


def _signs(facts: SiteFacts | None) -> list[str]:
    """Return texts that the site's own pages contain, and a web server's page for unknown names does not."""
    content = f"/{facts.content.rstrip('/').rpartition('/')[2]}/" if facts and facts.content else ""
    return list(dict.fromkeys(filter(None, ("https://api.w.org/", "/wp-includes/", "/wp-content/", content))))
