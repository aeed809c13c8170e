"""`wordpress.core`: update WordPress to one planned version, and upgrade its database."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import cast

from runner.model import Change, CoreOffer, ItemKind, SiteFacts, SiteKind, Step, StepOutcome
from runner.shell import word
from runner.steps.base import Context, Guard, Result, Script, StepKind
from runner.steps.versions import branch, compare, key
from runner.steps.wordpress.core_guard import core_guard, exchange, place
from runner.steps.wordpress.findings import of_core
from runner.steps.wordpress.multisite import upgrade_database
from runner.steps.wordpress.proposals import action_of, managed, network_note, unknown
from runner.steps.wordpress.shell import program, shell_source, site_script
from runner.steps.wordpress.verdict import idle, verdict

__all__ = ["Core", "CoreOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreOptions:
    """The options of `wordpress.core`."""

    update: str = field(
        default="minor",
        metadata={
            "doc": "`minor` or `patch` (the newest of the same branch, like 6.5), `all`, `none`, "
            "or a version",
            "scalar": "update",
        },
    )

    def __post_init__(self) -> None:
        if self.update not in {"minor", "patch", "all", "none"} and not _is_version(self.update):
            raise ValueError(
                f"{self.update!r} is not one of minor, patch, all and none, or a version like 6.5.5"
            )


class Core(StepKind):
    """Updates WordPress to exactly one version, without maintenance mode if folders can be renamed."""

    name = "wordpress.core"
    summary = "Updates WordPress and upgrades its database."
    options = CoreOptions
    example = """\
- wordpress.core: {update: minor}
- wordpress.core: "6.5.7"
"""
    reads = (
        "the site, in one boot of WordPress: versions, what is active, which updates are offered, which "
        "folders are writable."
    )
    plans = (
        "one version: the newest that `update` and the policy allow. Newer versions that are held are listed."
    )
    changes = (
        "the files of WordPress to exactly that version: downloaded, checked against wordpress.org, unpacked "
        "next to the site, and exchanged by renames, without maintenance mode. If folders cannot be renamed, "
        "`plan` says so, and WordPress's own upgrader runs in maintenance mode. Then new processes upgrade "
        "the database, or those of a network, and run the hooks for an update of WordPress."
    )
    understood = (
        "by what a new process reads afterwards: the version, the database version, that everything that was "
        "active still is, and that `home` and `siteurl` are unchanged."
    )
    undone = (
        "by the same exchange, which needs no PHP, if the site is worse than before, or if the update was "
        "interrupted. The tables stay; the old database version number is restored. "
        "See [What happens when an update breaks a site](../transactions.md)."
    )
    sites = frozenset({SiteKind.WORDPRESS})
    facts = True
    rereads = True
    transacts = True
    fetches = True
    becomes = False
    item = ItemKind.CORE

    def propose(self, step: Step, facts: SiteFacts) -> tuple[Change, ...]:
        """Propose the newest version of the branch and, with `all`, the newest overall.

        Policy may hold the latter; if it allows both, `runner.plan.preview` keeps only the newer one.
        """
        options = cast("CoreOptions", step.options)
        if options.update == "none":
            return ()
        if not facts.core_checked:
            return (unknown(step, "core", ItemKind.CORE),)
        newer = [offer for offer in facts.core_offers if compare(offer.version, facts.wordpress) > 0]
        if _is_version(options.update):
            wanted = _wordpress_style(options.update)
            if compare(wanted, facts.wordpress) <= 0:
                return ()
            newer = [offer for offer in newer if offer.version == wanted]
            if not newer:
                why = f"wordpress.org does not offer WordPress {wanted} to this site"
                return (unknown(step, "core", ItemKind.CORE, why),)
        else:
            newer = _candidates(newer, facts.wordpress, everything=options.update == "all")
        note = network_note(step, facts, ItemKind.CORE) if newer else ()
        return (*note, *(_change(step, offer, facts) for offer in newer))

    def script(self, step: Step, context: Context) -> Script | None:
        """Prepare the planned version next to the site and exchange it for the old one.

        Then, in new processes: read the version on disk, upgrade the database, run WordPress's hooks.
        """
        pending, facts = context.plan.pending(step.id), context.before
        if not pending or facts is None:
            return None
        last = pending[-1]
        data = {
            "from": last.from_version,
            "to": last.to_version,
            "package": last.package if last.decided else "",
        }
        parts = {"place": place(facts, context.tag), "database": upgrade_database(context)}
        if facts.core_fixed:
            update = program("core_upgrader", context.mark, data, parts=("core_offer", "ownership"))
            return site_script(
                context.site,
                context.host,
                context.mark,
                shell_source("core_upgrader", update=update, **parts),
            )
        stage = program("core_stage", context.mark, data, parts=("core_offer", "ownership"))
        finish = program("core_lock", context.mark, data, parts=("core_offer", "core_finish"))
        body = shell_source(
            "core_exchange", stage=stage, finish=finish, exchange=exchange(context.mark), **parts
        )
        return site_script(context.site, context.host, context.mark, body)

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """Judge by the facts read afterwards: the planned version, and the database at what it requires."""
        return verdict(step, result, context, "core")

    def guard(self, step: Step, context: Context, tag: str) -> Guard | None:
        """The restore point: the old folders, exchanged back, or a copy if they cannot be renamed."""
        return core_guard(context, tag) if context.plan.pending(step.id) else None

    def idle(self, step: Step, context: Context) -> StepOutcome:
        """`held`, `failed` if newer versions are unknown, or `ok`."""
        return idle(step, context)

    def cleanup(self, step: Step, context: Context) -> str:
        """Remove the `.maintenance` of a killed upgrader: visitors would get 503 for ten minutes."""
        facts = context.before
        if not context.plan.pending(step.id) or not facts or facts.maintenance or not facts.core_fixed:
            return ""
        root = facts.root or f"{context.site.path}/"
        return f"rm -f {word(f'{root}.maintenance')}"


def _candidates(newer: list[CoreOffer], installed: str, *, everything: bool) -> list[CoreOffer]:
    newer = sorted(newer, key=lambda offer: key(offer.version))
    same = [offer for offer in newer if branch(offer.version) == branch(installed)]
    chosen = same[-1:] + (newer[-1:] if everything else [])
    return list(dict.fromkeys(chosen))


def _change(step: Step, offer: CoreOffer, facts: SiteFacts) -> Change:
    action, why = action_of(of_core(facts, offer))
    closed = f"maintenance mode during the update: {facts.core_fixed}" if facts.core_fixed else ""
    return Change(
        step=step.id,
        item="core",
        kind=ItemKind.CORE,
        from_version=facts.wordpress,
        to_version=offer.version,
        action=action,
        why=why or closed,
        title="WordPress",
        package=offer.package,
        active=True,
        managed=managed(facts, facts.core_composer, offer.version, in_release=facts.core_in_release),
        note=offer.dispute,
        decided=offer.decided,
    )


def _wordpress_style(version: str) -> str:
    """The version as WordPress writes it: the first release of a branch is 6.2, not 6.2.0."""
    return re.sub(r"^(\d+\.\d+)\.0$", r"\1", version)


def _is_version(text: str) -> bool:
    return re.fullmatch(r"\d+\.\d+(\.\d+)?", text) is not None
