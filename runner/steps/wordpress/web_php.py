"""The web server's PHP beside the command line's: for how long it goes on with code that was replaced."""

from __future__ import annotations

from runner.model import Site, SiteFacts

__all__ = ["LONGEST_WAIT", "settling", "unseen_code", "unwatched"]

LONGEST_WAIT = 120
"""Seconds for which compiled code is waited for; where PHP looks less often, nobody waits."""
_USUAL = 2
"""PHP's own default: looks are repeated for longer than that anyway."""
_DONE = "a `purge` command that reloads PHP-FPM would end that"


def settling(facts: SiteFacts | None) -> int:
    """Seconds to wait after files were exchanged, until every process of PHP has seen it; 0 for nothing."""
    age = facts.code_age if facts else None
    return age + 1 if age is not None and _USUAL < age <= LONGEST_WAIT else 0


def unwatched(facts: SiteFacts | None) -> str:
    """How PHP keeps old code for longer than anybody waits, in a sentence; empty where it does not."""
    age = facts.code_age if facts else None
    if age is None or 0 <= age <= LONGEST_WAIT:
        return ""
    if age < 0:
        return "PHP keeps the old code until it is restarted (opcache.validate_timestamps is off)"
    return f"PHP looks only every {age} s whether code has changed (opcache.revalidate_freq)"


def unseen_code(site: Site, facts: SiteFacts | None) -> str:
    """Why a look after a change would see the old code; empty where it would not, or `purge` sees to it."""
    why = unwatched(facts)
    return f"{why}; {_DONE}" if why and not site.purge else ""
