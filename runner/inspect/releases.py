"""Releases of a static site as they are on its host."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import NoShellError, UsageError
from runner.execute import Task as Command
from runner.model import Action, Change, ItemKind, Site, Step
from runner.plan import cut
from runner.steps.static import BuildOptions, ReleaseOptions
from runner.steps.static.build import placed
from runner.steps.static.gather import (
    look_script,
    parse_look,
)
from runner.steps.static.layout import Layout, Standing
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.hosts.remote import Remote
    from runner.model import Playbook

__all__ = ["Origin", "look", "origin_of", "recallable"]

_LIMIT = 600


_CAP = 64 << 20
"""Bytes of a listing; a longer one is refused."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the files of a release come from. Exactly one is set."""

    here: Path | None = None
    there: str = ""
    """Folder on the host."""
    build: BuildOptions | None = None
    """The step that fills it, if one does."""


def origin_of(options: ReleaseOptions, playbook: Playbook, step: Step, site: Site, base: Path) -> Origin:
    """The folder that `from` means.

    Raises:
        UsageError: `build`, and no `static.build` stands before the step for this site.
    """
    if options.source != "build":
        return Origin(here=base / placed(options.source, site))
    build = None
    for one in cut(playbook, site).steps:
        if one.id == step.id:
            break
        if isinstance(one.options, BuildOptions):
            build = one.options
    if build is None:
        raise UsageError(
            "`from: build`, and no static.build stands before it",
            hint="add `- static.build: {run: ..., folder: ...}`, or name a folder: `from: public`",
        )
    if build.where == "host":
        return Origin(there=placed(build.built, site), build=build)
    return Origin(here=base / placed(build.built, site), build=build)


def look(remote: Remote, layout: Layout, *, name: str = "", built: str = "") -> Standing:
    """What stands on the host.

    Raises:
        UnreachableError: (and kin) the host cannot be reached; NoShellError where it has no shell.
        UsageError: it cannot be read there.
    """
    mark = secrets.token_hex(16)
    text = look_script(layout, mark, name=name, built=built)
    question = Command("look", text, timeout=remote.limit(_LIMIT))
    record = remote.read((question,), cap=_CAP)["look"]
    standing = parse_look(record.output, mark)
    if standing is None:
        said = sentence(record.error.decode("utf-8", "replace")) or record.why or f"exit status {record.code}"
        raise UsageError(f"{layout.path} could not be read on the host: {said}")
    return standing


def recallable(remote: Remote, site: Site, step: str, *, was: str, then: str, force: bool) -> Change:
    """What is planned where `then` took the place of `was`: the way back, or why there is none."""
    found, why = "", ""
    try:
        standing = look(remote, Layout.of(site.path))
        found = standing.release
        if not was:
            why = "nothing was online before it"
        elif found == was:
            why = f"{was} is online already"
        elif was not in standing.releases:
            why = "the release before is no longer on the host"
        elif found != then and not force:
            why = f"{found or 'something else'} is online by now; --force puts {was} back all the same"
    except NoShellError:
        why = "over sftp alone nothing is switched back later; release the files of that day again"
    return Change(
        step=step,
        item="release",
        kind=ItemKind.RELEASE,
        from_version=found,
        to_version=was,
        action=Action.HOLD if why else Action.CHANGE,
        why=why,
    )
