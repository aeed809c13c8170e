"""A page as the site's own host gets it: what runs there, and what came back.

The web server of the host is asked at its own addresses only, by the site's name, with its certificate
checked. Where it refuses there too, WordPress is run on the command line as the web server would run it. What
comes back is a stranger's text with limits.
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
"""For all of it on the host."""
_WEB_SECONDS = 20
_BODY = 1 << 20
_ADDRESS = 64
_URL = 4096
_HEAD = 16 << 10
_BODY_OF_HOST = """
umask 022
export LC_ALL=C.UTF-8 NO_COLOR=1 TERM=dumb
cd "$site" 2>/dev/null || exit 3
php=${php:-$(find_php)} || exit 3
more=-dallow_url_fopen=1
"""


class FrontWay(StrEnum):
    """By what a page was got on the host."""

    NONE = "none"
    WEB = "web"
    """The web server, at an address of the host itself."""
    WORDPRESS = "wordpress"
    """WordPress, run on the command line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The address that is asked for, taken apart."""

    url: str
    scheme: str
    host: str
    port: int
    authority: str
    target: str
    entry: str = ""
    """File of WordPress that answers, below its folder, where it is not the one for pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """What the host got. Everything but `way` is a stranger's."""

    way: FrontWay = FrontWay.NONE
    address: str = ""
    """Of the host itself, at which its web server answered."""
    member: bool = False
    """WordPress was run for somebody who is logged in."""
    url: str = ""
    status: int | None = None
    """None where nothing came back."""
    headers: tuple[tuple[str, str], ...] = ()
    """Names in small letters."""
    body: bytes = b""
    cut: bool = False
    fatal: str = ""
    """The error that killed PHP."""


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
    """What to run on the host.

    Args:
        site: whose page.
        host: where it lives.
        mark: begins the line of the answer.
        asked: the page's address.
        facts: of a WordPress that was read.
        known: how the page was got before; the same way is gone again then, and no other.
        member: WordPress is run for somebody who is logged in, and the web server is not asked.
        or_run: WordPress is run where the web server, known from before, refuses this page.
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
    body = f"{place}\n{_BODY_OF_HOST.strip()}\n{plain_program('front', mark, data)}"
    return Script(text=host_script(host, body))


def parse_front(output: str, mark: str) -> Front | None:
    """The answer that stands last in what the program printed; None where none does, or none of that form."""
    begin = f"{mark} "
    line = next((one for one in reversed(output.split("\n")) if one.startswith(begin)), "")
    try:
        said = json.loads(line.removeprefix(begin))
        return _front(said) if isinstance(said, dict) else None
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        return None


def _front(said: Mapping[str, Any]) -> Front:
    way = FrontWay(said["way"])
    if way is FrontWay.NONE:
        return Front()
    status = said["status"]
    if type(status) is not int or not 100 <= status <= 599:  # noqa: PLR2004
        raise ValueError("no status")
    head = _text(said, "head", _HEAD).decode("utf-8", "replace")
    address = str(said.get("address", "")) if way is FrontWay.WEB else ""
    if len(address) > _ADDRESS or not address.isprintable():
        raise ValueError("no address")
    return Front(
        way=way,
        address=address,
        member=way is FrontWay.WORDPRESS and said.get("member") is True,
        url=_text(said, "url", _URL).decode("utf-8", "replace"),
        status=status,
        headers=_headers(head),
        body=_text(said, "body", _BODY),
        cut=said.get("cut") is True,
        fatal=sentence(_text(said, "why", _URL).decode("utf-8", "replace")),
    )


def _text(said: Mapping[str, Any], field: str, limit: int) -> bytes:
    return b64decode(str(said[field]), validate=True)[:limit]


def _headers(head: str) -> tuple[tuple[str, str], ...]:
    lines = [line.partition(":") for line in head.split("\n")[:100]]
    return tuple((name.strip().lower(), value.strip()) for name, colon, value in lines if colon)


def _base(site: Site) -> str:
    """The path of the site below its host's name, without the slash at its end."""
    rest = site.own_address.partition("://")[2]
    return f"/{rest.partition('/')[2]}".rstrip("/")


def _folders(site: Site, facts: SiteFacts | None) -> list[str]:
    folders = [site.path, facts.root if facts else ""]
    return list(dict.fromkeys(folder.rstrip("/") for folder in folders if folder))


def _signs(facts: SiteFacts | None) -> list[str]:
    """What stands on a site's own pages, and on no page that a web server has for unknown names."""
    content = f"/{facts.content.rstrip('/').rpartition('/')[2]}/" if facts and facts.content else ""
    return list(dict.fromkeys(filter(None, ("https://api.w.org/", "/wp-includes/", "/wp-content/", content))))
