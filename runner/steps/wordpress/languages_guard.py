"""The restore point of translations: the files of each pack, and which of them did not exist."""

from __future__ import annotations

from collections.abc import Sequence

from runner.model import Change, SiteFacts
from runner.shell import words
from runner.steps.base import Context, Guard, Script
from runner.steps.wordpress.guard import head, site_check
from runner.steps.wordpress.ownership import alike
from runner.steps.wordpress.pinned import PUT_BACK
from runner.steps.wordpress.shell import host_script, shell_source

__all__ = ["languages_guard"]

_CORE = ("", "admin-", "admin-network-", "continents-cities-")
"""The prefixes of the files of WordPress's own translations, before the language."""


def languages_guard(context: Context, changes: Sequence[Change], tag: str) -> Guard | None:
    """Copies of the packs' files; files that are new are deleted. None if there is nothing to change."""
    facts = context.before
    if facts is None or not changes:
        return None
    prologue = head(facts, tag) + PUT_BACK + alike(context.mark) + shell_source("languages")
    packs = [_pack(facts, change) for change in changes]
    save = "\n".join(f"keep {pack} || exit 1" for pack in packs)
    undo = "\n".join(f"back {pack} || failed=1" for pack in packs)
    return Guard(
        save=Script(
            text=host_script(
                context.host, f'{prologue}mkdir -p "$kept" && chmod 700 "$kept" && mine || exit 1\n{save}\n'
            )
        ),
        undo=Script(text=host_script(context.host, f'{prologue}failed=\n{undo}\n[ -z "$failed" ]')),
        check=site_check(context),
        tidy=f'{prologue}rm -rf "$kept"/*.part',
    )


def _pack(facts: SiteFacts, change: Change) -> str:
    """A pack's name in the restore point, its folder, and the prefixes of its files."""
    kind, slug, language = change.file.split("/")
    folder = facts.languages_folder or f"{facts.content}/languages"
    stems = [f"{begin}{language}" for begin in _CORE] if kind == "core" else [f"{slug}-{language}"]
    place = folder if kind == "core" else f"{folder}/{kind}s"
    return words(f"language-{kind}-{slug}-{language}", place, *stems)
