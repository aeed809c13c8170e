"""`wordpress.core`: WordPress itself, to exactly one planned version, and its database with it."""

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
    """What may stand below `wordpress.core`."""

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
            raise ValueError(f"{self.update!r} is neither minor, patch, all, none nor a version like 6.5.5")


class Core(StepKind):
    """WordPress to exactly the planned version, the door open where its folders can be renamed."""

    name = "wordpress.core"
    summary = "Updates WordPress itself, and its database after it."
    options = CoreOptions
    example = """\
- wordpress.core: {update: minor}
- wordpress.core: "6.5.7"
"""
    reads = (
        "the site, in one boot of WordPress: versions, what is active, what is offered, what may be "
        "written to."
    )
    plans = "one version: the newest that `update` and the policy allow. What is held above it is told."
    changes = (
        "the files of WordPress to exactly that version: fetched, checked against wordpress.org, laid out "
        "beside the site, and exchanged by renames with the door open. Where they cannot be renamed, `plan` "
        "says so, and WordPress's own upgrader does it while visitors wait. Then fresh processes upgrade the "
        "database, or those of a network, and tell whoever waits for an update of WordPress."
    )
    understood = (
        "by what a fresh process reads afterwards: the version, the database's, that everything is "
        "active that was, that `home` and `siteurl` are what they were."
    )
    undone = (
        "by the same exchange, which needs no PHP, where the site is not as well after as before; cut in the "
        "middle, it is put back too. The tables stay; their version number is the old one's again. "
        "See [What happens when an update breaks a site](../transactions.md)."
    )
    sites = frozenset({SiteKind.WORDPRESS})
    facts = True
    rereads = True
    transacts = True
    becomes = False

    def propose(self, step: Step, facts: SiteFacts) -> tuple[Change, ...]:
        """The newest version of the branch and, with `all`, the newest at all: policy may hold the latter.

        Where both may run, only the newer one does: `runner.plan.preview` sees to it.
        """
        options = cast("CoreOptions", step.options)
        if options.update == "none":
            return ()
        if not facts.core_checked:
            return (unknown(step, "core", ItemKind.CORE),)
        newer = [offer for offer in facts.core_offers if compare(offer.version, facts.wordpress) > 0]
        if _is_version(options.update):
            wanted = _plain(options.update)
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
        """The planned version made ready beside the site, and exchanged for the old one.

        Then, in fresh processes: the version on disk, the database, and what WordPress does after an update.
        """
        pending, facts = context.plan.pending(step.id), context.before
        if not pending or facts is None:
            return None
        last = pending[-1]
        about = {
            "from": last.from_version,
            "to": last.to_version,
            "package": last.package if last.decided else "",
        }
        parts = {"place": place(facts, context.tag), "database": upgrade_database(context)}
        if facts.core_fixed:
            update = program("core_upgrader", context.mark, about, parts=("core_offer", "ownership"))
            return site_script(
                context.site,
                context.host,
                context.mark,
                shell_source("core_upgrader", update=update, **parts),
            )
        stage = program("core_stage", context.mark, about, parts=("core_offer", "ownership"))
        finish = program("core_lock", context.mark, about, parts=("core_offer", "core_finish"))
        body = shell_source(
            "core_exchange", stage=stage, finish=finish, exchange=exchange(context.mark), **parts
        )
        return site_script(context.site, context.host, context.mark, body)

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """By what was re-read: the planned version, and the database at what that version wants."""
        return verdict(step, result, context, "core")

    def guard(self, step: Step, context: Context, tag: str) -> Guard | None:
        """What was exchanged is kept whole and exchanged again; where that cannot be, a copy is put back."""
        return core_guard(context, tag) if context.plan.pending(step.id) else None

    def idle(self, step: Step, context: Context) -> StepOutcome:
        """Held, failed for what could not be known, or ok."""
        return idle(step, context)

    def cleanup(self, step: Step, context: Context) -> str:
        """An upgrader that was killed leaves `.maintenance`, and visitors get 503 for ten minutes."""
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
    closed = f"visitors have to wait meanwhile, for {facts.core_fixed}" if facts.core_fixed else ""
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


def _plain(version: str) -> str:
    """As WordPress writes it: the first release of a branch is 6.2, not 6.2.0."""
    return re.sub(r"^(\d+\.\d+)\.0$", r"\1", version)


def _is_version(text: str) -> bool:
    return re.fullmatch(r"\d+\.\d+(\.\d+)?", text) is not None
