"""Files next to the items of a change, kept for the time of the change.

An update can delete another plugin, add a must-use plugin, rewrite `.htaccess` or leave a `.maintenance`. A
rollback reverts that too: deleted files are restored from hard links, which take no space, new ones are
moved to the restore point, and the configuration files are restored.
"""

from __future__ import annotations

from runner.model import SiteFacts
from runner.shell import word, words
from runner.steps.wordpress.shell import shell_source

__all__ = ["TIDY", "keep_neighbours", "put_back_neighbours"]

TIDY = '"$kept"/*.near'
"""Deleted after the change: later, plugins may have been installed that must stay."""
_CONFIGURATION = (".htaccess", ".user.ini", "wp-config.php")


def keep_neighbours(facts: SiteFacts) -> str:
    """Shell text that keeps them below `$kept`, as far as it can. It needs the functions of `alike`."""
    return f"{shell_source('adjacent_keep')}{_each('near', facts)}\n{_configuration('steers', facts)}\n"


def put_back_neighbours(facts: SiteFacts) -> str:
    """Shell text that restores what was kept. It needs the functions of `alike`, and is idempotent."""
    return f"{shell_source('adjacent_restore')}{_each('around', facts)}\n{_configuration('steer', facts)}\n"


def _each(verb: str, facts: SiteFacts) -> str:
    content = facts.content_folder
    places = (
        ("plugins", facts.plugins_folder or f"{content}/plugins", "*"),
        ("themes", facts.themes_folder or f"{content}/themes", "*"),
        ("must-use", f"{content}/mu-plugins", "*"),
        ("drop-ins", content, "*.php"),
    )
    return "\n".join(words(verb, name, path, glob) for name, path, glob in places)


def _configuration(verb: str, facts: SiteFacts) -> str:
    root = facts.root.rstrip("/")
    return f"root={word(root)}\n" + words(verb, *(f"{root}/{name}" for name in _CONFIGURATION))
