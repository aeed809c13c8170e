"""`wordpress.composer`: update WordPress, plugins and themes that Composer manages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from runner.model import (
    Action,
    Change,
    Extension,
    ItemKind,
    Level,
    Outcome,
    Package,
    SiteFacts,
    SiteKind,
    Step,
    StepOutcome,
)
from runner.shell import words
from runner.steps.base import Context, Guard, Result, Script, StepKind
from runner.steps.versions import branch, compare, core_level, key, level
from runner.steps.wordpress.composer_guard import composer_guard
from runner.steps.wordpress.composer_job import composer_job
from runner.steps.wordpress.composer_said import composer_reason, without_keys
from runner.steps.wordpress.proposals import network_note, unknown
from runner.steps.wordpress.verdict import idle, verdict
from runner.untrusted import sentence

__all__ = ["Commit", "Composer", "ComposerOptions", "asks_composer"]

_LEVELS = {"minor": frozenset({Level.MINOR, Level.PATCH}), "patch": frozenset({Level.PATCH})}
_KINDS = {"core": ItemKind.CORE, "plugin": ItemKind.PLUGIN, "theme": ItemKind.THEME}
_NUMBERED = re.compile(r"v?[0-9][A-Za-z0-9._+-]{0,79}")
_GENERIC_REASONS = ("not done: ", "the version on disk is ", "is no longer there")
"""Reasons of `verdict` that Composer's own message replaces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """The commit of the lock file."""

    message: str = field(
        default="Update WordPress packages",
        metadata={"doc": "first line of the commit message; the packages follow"},
    )

    def __post_init__(self) -> None:
        if not self.message.strip() or not self.message.isprintable():
            raise ValueError("`message` must be one line of text")


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposerOptions:
    """The options of `wordpress.composer`."""

    update: Literal["all", "none", "minor", "patch"] | tuple[str, ...] = field(
        default="all",
        metadata={
            "doc": "what to update: a size of update, or a list of slugs, `core` or package names",
            "scalar": "update",
        },
    )
    exclude: tuple[str, ...] = field(
        default=(),
        metadata={"doc": "slugs or packages that are not updated", "alias": "except"},
    )
    commit: bool | Commit = field(
        default=False,
        metadata={
            "doc": "`true`, or `{message: ...}` with the first line of the message: commit composer.json and "
            "composer.lock, and nothing else, with git"
        },
    )
    deploy: str = field(
        default="",
        metadata={
            "doc": "a command to run in the project after Composer and before the health check, and again "
            "after a rollback"
        },
    )

    def __post_init__(self) -> None:
        if self.deploy and not self.deploy.strip():
            raise ValueError("`deploy` is empty")
        if "\0" in self.deploy:
            raise ValueError("a command cannot contain a NUL character")


class Composer(StepKind):
    """Updates packages and composer.lock in one transaction."""

    name = "wordpress.composer"
    summary = "Updates WordPress, plugins and themes that Composer manages, and the lock file."
    options = ComposerOptions
    example = """\
- wordpress.composer: minor
- wordpress.composer:
    except: [woocommerce]
    commit: {message: "Update WordPress packages"}
    deploy: ./bin/reload-php
"""
    reads = (
        "composer.json, composer.lock and what is installed; then queries Composer for newer versions "
        "(`composer update --dry-run`, `outdated`, `show`), without its plugins and the project's scripts."
    )
    plans = (
        "each package with its exact version, the newest that composer.json allows. A requirement for one "
        "exact version is replaced by the new version; a version that another requirement excludes is held, "
        "and the plan shows the command that installs it."
    )
    changes = (
        "composer.lock to exactly the planned versions; then, once every package is downloaded, the folders "
        "that Composer installs, by `composer install`. WordPress's database is upgraded with WordPress."
    )
    understood = (
        "by what a new process reads afterwards, and by the health check: the planned version is installed, "
        "everything that was active still is, and pages look to visitors as they did before."
    )
    undone = (
        "at once, if the site is unhealthy afterwards: composer.json, composer.lock, the packages and the "
        "folder `vendor` are restored by renames, and the database as `policy.undo.database` says. The "
        "culprit is found and held, and the other packages are updated."
    )
    sites = frozenset({SiteKind.WORDPRESS})
    facts = True
    rereads = True
    transacts = True
    becomes = False
    item = ItemKind.PLUGIN

    def propose(self, step: Step, facts: SiteFacts) -> tuple[Change, ...]:
        """Propose what is not known first, then each package that has a newer version."""
        options = cast("ComposerOptions", step.options)
        if options.update == "none":
            return ()
        if not facts.packages:
            why = "no composer.lock lists WordPress packages for this site"
            return (_composer_note(step, Action.SKIP, why),)
        proposed = [
            change for package in facts.packages for change in _propose(step, options, package, facts)
        ]
        unknown_versions = () if facts.composer_asked else (_unknown_versions(step, facts),)
        note = network_note(step, facts, ItemKind.PLUGIN) if proposed else ()
        return (*note, *unknown_versions, *proposed, *_not_managed(step, options, facts))

    def script(self, step: Step, context: Context) -> Script | None:
        """Update the lock file, then download the packages, then replace the folders."""
        pending = context.plan.pending(step.id)
        if not pending or context.before is None:
            return None
        return composer_job(context, pending, deploy=cast("ComposerOptions", step.options).deploy)

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """Judge by the facts read afterwards; if Composer failed, give its own message as the reason."""
        core = any(change.kind is ItemKind.CORE for change in context.plan.pending(step.id))
        found = verdict(step, result, context, "core" if core else "plugins")
        message = composer_reason(found.output) if result.status else ""
        changes = tuple(
            replace(change, why=message)
            if message and change.outcome is Outcome.FAILED and change.why.startswith(_GENERIC_REASONS)
            else change
            for change in found.changes
        )
        failed = next((c for c in changes if c.outcome is Outcome.FAILED), None)
        why = f"{failed.item}: {failed.why}" if failed and message else found.why
        return replace(found, changes=changes, why=why, output=without_keys(found.output))

    def guard(self, step: Step, context: Context, tag: str) -> Guard | None:
        """The restore point: the project's files, `vendor` and the folders of the packages."""
        options = cast("ComposerOptions | None", step.options) or ComposerOptions()
        message = ""
        if options.commit:
            message = (options.commit if isinstance(options.commit, Commit) else Commit()).message
        changes = context.plan.pending(step.id)
        return composer_guard(context, changes, tag, message=message, deploy=options.deploy)

    def idle(self, step: Step, context: Context) -> StepOutcome:
        """`held`, `failed` if newer versions are unknown, or `ok`."""
        return idle(step, context)


def asks_composer(steps: Iterable[Step]) -> bool:
    """Whether any of the steps needs Composer to be queried for newer versions."""
    return any(isinstance(one.options, ComposerOptions) and one.options.update != "none" for one in steps)


def _propose(step: Step, options: ComposerOptions, package: Package, facts: SiteFacts) -> Iterator[Change]:
    """The changes of one package. WordPress has two: the newest of its branch and the newest overall."""
    entry = _entry(package, facts)
    if isinstance(options.update, tuple) and not _is_named(package, options.update):
        return
    for target in _targets(package, entry, facts):
        change = _change(step, package, entry, target, facts)
        if _is_named(package, options.exclude):
            yield replace(change, action=Action.SKIP, why="left out by `except`")
            continue
        if isinstance(options.update, str) and options.update in _LEVELS:
            size = (core_level if package.part == "core" else level)(package.version, target)
            if size not in _LEVELS[options.update]:
                why = f"a {size} update; this step installs `{options.update}` updates only"
                yield replace(change, action=Action.SKIP, why=why)
                continue
        why = _problem(package, target, facts, commits=bool(options.commit))
        yield (
            replace(
                change, action=Action.HOLD, why=f"{why}; to update it: {_command(package, target, facts)}"
            )
            if why
            else _with_note(change, package)
        )


def _targets(package: Package, entry: Extension | None, facts: SiteFacts) -> list[str]:
    """The versions to update to, the oldest first; composer.json may exclude the last one."""
    if not facts.composer_asked:
        offered = entry.offered if entry else ""
        found = (
            [offer.version for offer in facts.core_offers][:1] if package.part == "core" else [offered or ""]
        )
    elif package.part == "core":
        newest = package.latest if package.is_pinned else package.allowed
        known = [v for v in package.versions if _NUMBERED.fullmatch(v) and _is_release(v)]
        same = [
            v for v in known if branch(v) == branch(package.version) and (newest and compare(v, newest) <= 0)
        ]
        found = [*sorted(same, key=key)[-1:], newest or package.latest]
    else:
        found = [package.latest if package.is_pinned else package.allowed or package.latest]
    return [v for v in dict.fromkeys(found) if v and _newer(v, package.version)]


def _is_release(version: str) -> bool:
    return re.search(r"dev|alpha|beta|RC", version, re.IGNORECASE) is None


def _newer(version: str, old: str) -> bool:
    """Whether the version is newer; for branches, whether it is a different state."""
    numbered = _NUMBERED.fullmatch(version) and _NUMBERED.fullmatch(old)
    return compare(version.lstrip("v"), old.lstrip("v")) > 0 if numbered else version != old


def _change(step: Step, package: Package, entry: Extension | None, target: str, facts: SiteFacts) -> Change:
    core = package.part == "core"
    release = f"part of the release {facts.release}: the next deployment replaces it; update it there: "
    return Change(
        step=step.id,
        item="core" if core else entry.slug if entry else package.slug,
        kind=_KINDS[package.part],
        from_version=package.version,
        to_version=target,
        action=Action.CHANGE,
        title="WordPress" if core else entry.title if entry else package.name,
        file=entry.file if entry else "",
        active=core or bool(entry and entry.active),
        managed=release + _command(package, target, facts, bare=True) if facts.project_in_release else "",
        composer=package.name,
    )


def _problem(package: Package, target: str, facts: SiteFacts, *, commits: bool) -> str:
    """Why Composer cannot update the package now; empty if it can."""
    excluded = facts.composer_asked and not package.is_pinned and target != package.allowed
    excluded = excluded and not (package.allowed and compare(target, package.allowed) < 0)
    reasons = (
        (facts.crippled, f"the site was unhealthy before the update: {facts.crippled}"),
        (facts.maintenance, "the site is already in maintenance mode (.maintenance)"),
        (facts.composer_hold, facts.composer_hold),
        (facts.composer_problem, facts.composer_problem),
        (facts.project_fixed, f"this login cannot write to {sentence(facts.project_fixed)}"),
        (package.fixed, sentence(package.fixed)),
        (not package.folder, "it is not installed"),
        (
            package.installed != package.version,
            f"{package.installed or 'nothing'} is installed, but composer.lock says {package.version}",
        ),
        (
            not (_NUMBERED.fullmatch(package.version) and _NUMBERED.fullmatch(target)),
            f"{package.version} is a branch, not a version",
        ),
        (excluded, f"composer.json requires {sentence(package.constraint)}, which excludes {target}"),
        (commits and facts.commit_problem, facts.commit_problem),
    )
    return next((why for applies, why in reasons if applies), "")


def _with_note(change: Change, package: Package) -> Change:
    more = package.latest and package.latest != change.to_version and not package.is_pinned
    note = (
        f"{package.latest} is available, but composer.json requires {sentence(package.constraint)}"
        if more
        else ""
    )
    return replace(change, note=note)


def _command(package: Package, target: str, facts: SiteFacts, *, bare: bool = False) -> str:
    """The command that updates the package; `bare` omits the `cd` to the project."""
    there = "" if bare else f"{words('cd', facts.project)} && "
    dev = "--dev " if package.dev else ""
    return f"{there}composer require {dev}{package.root}:{target}"


def _is_named(package: Package, names: Iterable[str]) -> bool:
    return not {package.slug, package.name, package.root}.isdisjoint(names)


def _entry(package: Package, facts: SiteFacts) -> Extension | None:
    """The plugin or theme that a package installs."""
    if package.part == "core":
        return None
    family = facts.themes if package.part == "theme" else facts.plugins
    return next((entry for entry in family if entry.slug == package.slug), None)


def _composer_note(step: Step, action: Action, why: str) -> Change:
    return replace(unknown(step, "composer", ItemKind.PLUGIN, sentence(why)), action=action)


def _unknown_versions(step: Step, facts: SiteFacts) -> Change:
    if facts.composer_hold:
        return _composer_note(step, Action.HOLD, facts.composer_hold)
    return _composer_note(
        step, Action.UNKNOWN, facts.composer_problem or "Composer was not queried for newer versions"
    )


def _not_managed(step: Step, options: ComposerOptions, facts: SiteFacts) -> Iterator[Change]:
    for name in options.update if isinstance(options.update, tuple) else ():
        if not any(_is_named(package, (name,)) for package in facts.packages):
            why = "Composer does not manage this package for the site"
            yield replace(_composer_note(step, Action.SKIP, why), item=name)
