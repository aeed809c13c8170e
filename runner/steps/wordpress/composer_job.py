"""The shell text that runs Composer: it updates the lock file, downloads packages, then replaces folders."""

from __future__ import annotations

from collections.abc import Sequence

from runner.model import Change, ItemKind, Package
from runner.shell import word, words
from runner.steps.base import Context, Script
from runner.steps.wordpress.composer_guard import deployed, folders, project_files
from runner.steps.wordpress.guard import head
from runner.steps.wordpress.links import detach_links
from runner.steps.wordpress.multisite import upgrade_database
from runner.steps.wordpress.ownership import alike
from runner.steps.wordpress.pinned import PUT_BACK
from runner.steps.wordpress.shell import plain_program, shell_source, site_script

__all__ = ["composer_job"]

_DATABASE = """
cd "$site" || exit 1
database() {{
{database}
}}
database || exit 1
"""


def composer_job(context: Context, changes: Sequence[Change], *, deploy: str) -> Script:
    """The script that updates exactly these packages. If it does not finish, everything is restored."""
    facts = context.before
    assert facts is not None  # noqa: S101  # the caller checks it
    packages = {package.name: package for package in facts.packages}
    targets = [
        (packages[change.composer], change.to_version) for change in changes if change.composer in packages
    ]
    places = folders(facts, changes)
    prologue = head(facts, context.tag)
    rights = [*places, *project_files(facts)]
    likeness = "\n".join(f'alike {word(path)} "$kept"/{word(name)} || exit 1' for name, path in rights)
    data = {"wanted": {package.name: version for package, version in targets}}
    update = shell_source(
        "composer_update",
        project=word(facts.project),
        composer=shell_source("composer"),
        locked=plain_program("composer_lock", context.mark, data),
        installed=word(f"{facts.vendor}/composer/installed.json"),
        pins=_pins(targets),
        names=_names(targets),
        detach=f"{PUT_BACK}{detach_links(places)}",
        likeness=f"{alike(context.mark)}{likeness}",
    )
    core = any(change.kind is ItemKind.CORE for change in changes)
    database = _DATABASE.format(database=upgrade_database(context)) if core else ""
    command = f"{deployed(facts.project, deploy)}deploy || exit 1\n" if deploy else ""
    body = f'{prologue}{update}{database}{command}: >"$kept/done"\n'
    return site_script(context.site, context.host, context.mark, body)


def _pins(targets: Sequence[tuple[Package, str]]) -> str:
    """Replace requirements for one exact version by the new version."""
    commands = ""
    for dev in (False, True):
        exact = [f"{one.root}:{version}" for one, version in targets if one.is_pinned and one.dev is dev]
        if exact:
            flag = "--dev " if dev else ""
            commands += f"compose require --no-update {flag}{words(*exact)} || exit 1\n"
    return commands


def _names(targets: Sequence[tuple[Package, str]]) -> str:
    names = dict.fromkeys(name for package, _ in targets for name in (package.root, package.name))
    exact = [f"--with={package.root}:{version}" for package, version in targets]
    return words(*names, *exact)
