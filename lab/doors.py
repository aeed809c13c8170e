"""What stands in front of sites out there and keeps strangers out: passwords, challenges, firewalls."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.shell import write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.fleet import Fleet

__all__ = ["DOORS", "PASSWORD", "TOKEN", "USER", "door"]

USER, PASSWORD, TOKEN = "care", "lemon tree 17", "let-me-in-8842"
_CHALLENGE = (
    "<!DOCTYPE html><title>Just a moment...</title>"
    "<script src='/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1'></script>"
)
DOORS = {
    "password": """        auth_basic "Staging";
        auth_basic_user_file @FOLDER@/doors.htpasswd;
""",
    "challenge": f"""        set $door shut;
        if ($http_x_access_token = "{TOKEN}") {{
            set $door open;
        }}
        if ($door = shut) {{
            return 403 "{_CHALLENGE}";
        }}
""",
    "query": """        if ($args ~ "sitecrew=") {
            return 403 "blocked";
        }
""",
}
"""Lines of a server block of nginx, by what stands there."""


@contextmanager
def door(fleet: Fleet, site: str, kind: str) -> Iterator[None]:
    """The site behind a door, for as long as the block lasts."""
    write(fleet.web.folder / "doors.htpasswd", f"{USER}:{{PLAIN}}{PASSWORD}\n")
    fleet.web.doors[site] = DOORS[kind].replace("@FOLDER@", str(fleet.web.folder))
    fleet.web.start_nginx()
    try:
        yield
    finally:
        del fleet.web.doors[site]
        fleet.web.start_nginx()
