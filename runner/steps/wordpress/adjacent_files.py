"""What lies around the items of a change, kept for the time of the change.

An update may delete another plugin, drop a must-use plugin, rewrite `.htaccess` or close the door behind it.
When it is taken back, so is that: what has gone comes back from hard links, which cost no space, what is new
goes into the restore point, and the files that steer the site are as they were.
"""

from __future__ import annotations

from runner.model import SiteFacts
from runner.shell import word, words
from runner.steps.wordpress.shell import shell_source

__all__ = ["TIDY", "keep_neighbours", "put_back_neighbours"]

TIDY = '"$kept"/*.near'
"""Only good for the change itself: later there are plugins that somebody has installed since."""
_STEERING = (".htaccess", ".user.ini", "wp-config.php")


def keep_neighbours(facts: SiteFacts) -> str:
    """Shell text, after that of `alike`, that keeps them below `$kept`, as far as it can."""
    return f"{shell_source('adjacent_keep')}{_each('near', facts)}\n{_steering('steers', facts)}\n"


def put_back_neighbours(facts: SiteFacts) -> str:
    """Shell text that puts them back, as far as they were kept, after that of `alike`. Idempotent."""
    return f"{shell_source('adjacent_restore')}{_each('around', facts)}\n{_steering('steer', facts)}\n"


def _each(verb: str, facts: SiteFacts) -> str:
    content = facts.content_folder
    places = (
        ("plugins", facts.plugins_folder or f"{content}/plugins", "*"),
        ("themes", facts.themes_folder or f"{content}/themes", "*"),
        ("must-use", f"{content}/mu-plugins", "*"),
        ("drop-ins", content, "*.php"),
    )
    return "\n".join(words(verb, name, path, glob) for name, path, glob in places)


def _steering(verb: str, facts: SiteFacts) -> str:
    root = facts.root.rstrip("/")
    return f"root={word(root)}\n" + words(verb, *(f"{root}/{name}" for name in _STEERING))
