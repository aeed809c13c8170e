"""How long the web server's PHP runs code that was replaced on disk."""

from __future__ import annotations

from runner.model import Site, SiteFacts

__all__ = ["LONGEST_WAIT", "settling", "unseen_code", "unwatched"]

LONGEST_WAIT = 120
"""The longest wait for compiled code, in seconds; if PHP checks files less often, there is no wait."""
_USUAL = 2
"""PHP's default, in seconds; health checks are repeated for longer than that anyway."""
_REMEDY = "set a `purge` command that reloads PHP-FPM"


def settling(facts: SiteFacts | None) -> int:
    """Seconds to wait after files were replaced, until every PHP process runs the new code; 0 for none."""
    age = facts.code_age if facts else None
    return age + 1 if age is not None and _USUAL < age <= LONGEST_WAIT else 0


def unwatched(facts: SiteFacts | None) -> str:
    """Why PHP runs old code for longer than the wait; empty if it does not."""
    age = facts.code_age if facts else None
    if age is None or 0 <= age <= LONGEST_WAIT:
        return ""
    if age < 0:
        return "PHP keeps the old code until it is restarted (opcache.validate_timestamps is off)"
    return f"PHP checks only every {age} s whether code has changed (opcache.revalidate_freq)"


def unseen_code(site: Site, facts: SiteFacts | None) -> str:
    """Why a health check after a change would see the old code; empty if not, or if `purge` is set."""
    why = unwatched(facts)
    return f"{why}; {_REMEDY}" if why and not site.purge else ""
