"""The releases of a static site on its host, and where the files of a new one come from."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import NoShellError, UsageError
from runner.execute import Command
from runner.model import Action, Change, ItemKind, Site, Step
from runner.plan import split_playbook
from runner.steps.static import BuildOptions, ReleaseOptions
from runner.steps.static.build import build_before, placed
from runner.steps.static.gather import (
    look_script,
    parse_look,
)
from runner.steps.static.layout import Layout, Standing
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.hosts.remote import Remote
    from runner.model import Playbook

__all__ = ["ReleaseSource", "plan_release_undo", "read_release_state", "source_of"]

_LIMIT = 600


_CAP = 64 << 20
"""Bytes of a listing; a longer one is refused."""


@dataclass(frozen=True, slots=True)
class ReleaseSource:
    """The source of a release's files: `here` or `there`, never both."""

    here: Path | None = None
    """A folder on the controller."""
    there: str = ""
    """A folder on the host."""
    build: BuildOptions | None = None
    """The options of the step that fills the folder, if there is one."""


def source_of(
    options: ReleaseOptions, playbook: Playbook, step: Step, site: Site, base: Path
) -> ReleaseSource:
    """Return the source that `from` refers to.

    Raises:
        UsageError: it is `build`, but no `static.build` comes before the step on this site.
    """
    if options.source != "build":
        return ReleaseSource(here=base / placed(options.source, site))
    build = build_before(split_playbook(playbook, site).steps, step)
    if build is None:
        raise UsageError(
            "`from: build` needs a static.build step before it",
            hint="add `- static.build: {run: ..., folder: ...}`, or name a folder: `from: public`",
        )
    if build.where == "host":
        return ReleaseSource(there=placed(build.built, site), build=build)
    return ReleaseSource(here=base / placed(build.built, site), build=build)


def read_release_state(remote: Remote, layout: Layout, *, name: str = "", built: str = "") -> Standing:
    """Read the releases and what is online.

    Raises:
        UnreachableError: the host cannot be reached (or a subclass); NoShellError if it has no shell.
        UsageError: the folders cannot be read.
    """
    nonce = secrets.token_hex(16)
    text = look_script(layout, nonce, name=name, built=built)
    question = Command("read_release_state", text, timeout=remote.limit(_LIMIT))
    record = remote.read((question,), cap=_CAP)["read_release_state"]
    standing = parse_look(record.output, nonce)
    if standing is None:
        reason = (
            sentence(record.error.decode("utf-8", "replace")) or record.why or f"exit status {record.code}"
        )
        raise UsageError(f"cannot read {layout.path} on the host: {reason}")
    return standing


def plan_release_undo(remote: Remote, site: Site, step: str, *, was: str, then: str, force: bool) -> Change:
    """Return the change that undoes the switch from `was` to `then`, on hold if it is not possible."""
    found, why = "", ""
    try:
        standing = read_release_state(remote, Layout.of(site.path))
        found = standing.release
        if not was:
            why = "nothing was online before"
        elif found == was:
            why = f"{was} is already online"
        elif was not in standing.releases:
            why = "the previous release is no longer on the host"
        elif found != then and not force:
            why = f"{found or 'something else'} is online now; --force restores {was} anyway"
    except NoShellError:
        why = "over SFTP alone a release cannot be undone; release the earlier files again"
    return Change(
        step=step,
        item="release",
        kind=ItemKind.RELEASE,
        from_version=found,
        to_version=was,
        action=Action.HOLD if why else Action.CHANGE,
        why=why,
    )
