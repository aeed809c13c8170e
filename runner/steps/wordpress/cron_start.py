"""Start WordPress as cron does, with a harmless hook of its own. Due events are not run."""

from __future__ import annotations

from collections.abc import Iterable

from runner.model import Host, Site
from runner.shell import assign
from runner.steps.base import Script
from runner.steps.wordpress.shell import site_script

__all__ = ["cron_start"]

_START = (
    "wp --exec='define( \"DOING_CRON\", true );' eval 'do_action( \"recovery_mode_clean_expired_keys\" );'"
)


def cron_start(site: Site, host: Host, mark: str, urls: Iterable[str] = ()) -> Script:
    """Start the site, then the sites of its network at `urls`; stop at the first that does not start."""
    others = (f"{assign({'self': f'--url={url}'}).rstrip()}\n{_START}" for url in urls)
    return site_script(site, host, mark, " || exit $?\n".join((_START, *others)))
