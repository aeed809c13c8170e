"""The restore point of what Composer manages: its files, `vendor`, and the packages' folders.

They are restored together or not at all, because the lock file has to match what is installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from runner.model import Change, ItemKind, SiteFacts
from runner.shell import word
from runner.steps.base import Context, Guard, Script
from runner.steps.wordpress.adjacent_files import put_back_neighbours
from runner.steps.wordpress.guard import active_plugins, head, places_guard, put_back_text
from runner.steps.wordpress.links import attach_links
from runner.steps.wordpress.ownership import alike
from runner.steps.wordpress.shell import host_script, program, shell_source

__all__ = ["composer_guard", "deployed", "folders", "project_files"]

_DEPLOY = """
# deploy: runs the crew's own command in the project
deploy() {{ : >"$kept/deployed"; (cd -P {project} && sh -c {command}) </dev/null 2>&1; }}
"""
_UNCHANGED_LOCK = """
if [ -e "$kept/after.sum" ] && [ "$(cksum <{lock})" != "$(cat "$kept/after.sum")" ]; then
  echo "composer.lock was changed since: an undo would revert other packages too"
  exit 1
fi
"""
"""Only after a kept change: the lock file may have been changed since, days later."""
_NOTE_LOCK = """
cd -P {project} || exit 1
cksum <composer.lock >"$kept/after.sum"
"""
_COMMIT = """
if ! git diff --quiet HEAD -- composer.json composer.lock; then
  said=$(git commit -q -m {message} -m {body} -- composer.json composer.lock 2>&1) || {{
    echo "git could not commit composer.lock: $(printf '%s' "$said" | tail -n 1)"
    exit 1
  }}
fi
"""
_COMMIT_READY = """
said=$(
cd -P {project} || exit
{problem}
)
[ -z "$said" ] || {{ printf '%s\\n' "$said"; exit 1; }}
"""
_ENVIRONMENT = """
export SITECREW_KEPT="$kept"
"""
_SETTLE = """
if [ -e "$kept/begun" ] && [ ! -e "$kept/done" ]; then
{back}
  rm -f "$kept/begun"
fi
{attach}[ -z "$failed" ]
"""


def composer_guard(
    context: Context, changes: Sequence[Change], tag: str, *, message: str = "", deploy: str = ""
) -> Guard | None:
    """The restore point of packages; None if there is nothing to change.

    Args:
        context: of the change.
        changes: packages of the project.
        tag: of the restore point.
        message: of the commit; empty for no commit.
        deploy: the crew's own command; empty for none.
    """
    facts = context.before
    if facts is None or not changes:
        return None
    places, plain = folders(facts, changes), project_files(facts)
    project, prologue = facts.project, head(facts, tag)
    core = any(change.kind is ItemKind.CORE for change in changes)
    database = (
        program("core_back", context.mark, active_plugins(facts), "--skip-plugins --skip-themes ")
        if core
        else ""
    )
    again = (
        f'{deployed(project, deploy)}if [ -e "$kept/deployed" ]; then deploy || failed=1; fi\n'
        if deploy
        else ""
    )
    guard = places_guard(
        context,
        places,
        tag,
        plain=plain,
        first=_UNCHANGED_LOCK.format(lock=word(f"{project}/composer.lock")),
        last=again,
        rest=f"{_ENVIRONMENT}{database}\n" if database else "",
    )
    if guard is None or guard.settle is None:
        return None
    back = put_back_text([*places, *plain]) + put_back_neighbours(facts) + again
    cut = _SETTLE.format(back=back, attach=f"failed=${{failed:-}}\n{attach_links(places)}")
    keep = _NOTE_LOCK.format(project=word(project))
    clean = ""
    if message:
        keep += _COMMIT.format(message=word(message), body=word(_body(changes)))
        clean = _COMMIT_READY.format(project=word(project), problem=shell_source("commit_problem"))
    return replace(
        guard,
        save=Script(text=clean + guard.save.text),
        settle=Script(
            text=host_script(context.host, f"{prologue}{alike(context.mark)}{_attach_needs()}{cut}")
        ),
        keep=Script(text=f"{prologue}{keep}"),
    )


def folders(facts: SiteFacts, changes: Sequence[Change]) -> list[tuple[str, str]]:
    """The name in the restore point and the path of each package's folder."""
    packages = {package.name: package for package in facts.packages}
    found = {}
    for change in changes:
        package = packages.get(change.composer)
        if package and package.folder:
            path = package.folder
            found[f"{package.part}-{PurePosixPath(path).name}"] = path
    return list(found.items())


def project_files(facts: SiteFacts) -> list[tuple[str, str]]:
    """The files and folders of the project that change with every package."""
    project = facts.project.rstrip("/")
    names = ("composer.json", "composer.lock")
    return [*((f"project-{name}", f"{project}/{name}") for name in names), ("project-vendor", facts.vendor)]


def deployed(project: str, command: str) -> str:
    """Shell text that defines the function `deploy`."""
    return _DEPLOY.format(project=word(project), command=word(command))


def _body(changes: Sequence[Change]) -> str:
    return "\n".join(f"{change.composer} {change.from_version} -> {change.to_version}" for change in changes)


def _attach_needs() -> str:
    return put_back_text([])
