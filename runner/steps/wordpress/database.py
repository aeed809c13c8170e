"""`wordpress.database`: the tables of WordPress brought to what its code wants."""

from __future__ import annotations

from dataclasses import dataclass

from runner.model import Change, ItemKind, SiteFacts, SiteKind, Step, StepOutcome
from runner.steps.base import Context, Guard, Result, Script, StepKind
from runner.steps.wordpress.findings import of_database
from runner.steps.wordpress.guard import site_check
from runner.steps.wordpress.multisite import upgrade_database
from runner.steps.wordpress.proposals import action_of, network_note
from runner.steps.wordpress.shell import site_script
from runner.steps.wordpress.verdict import idle, verdict

__all__ = ["Database", "DatabaseOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseOptions:
    """Nothing may stand below `wordpress.database` yet."""


class Database(StepKind):
    """Where WordPress was updated by hand or by a host, its database often stays behind."""

    name = "wordpress.database"
    summary = "Upgrades the database of WordPress where its code wants a newer one."
    options = DatabaseOptions
    example = "- wordpress.database"
    reads = (
        "the site, in one boot of WordPress: versions, what is active, what is offered, what may be "
        "written to."
    )
    plans = (
        "`database`, from the version that it has to the one that the code wants; of a network, the "
        "sites that stayed behind."
    )
    changes = "the tables, by WordPress's own upgrade, on every site of a network in one boot."
    understood = (
        "by the versions that a fresh process reads afterwards. A site whose database stayed behind is named."
    )
    undone = (
        "where the site is not as well after as before: the tables that the upgrade has changed are put "
        "back, as `policy.undo.database` allows. "
        "See [What happens when an update breaks a site](../transactions.md)."
    )
    sites = frozenset({SiteKind.WORDPRESS})
    facts = True
    rereads = True
    transacts = True
    becomes = False

    def propose(self, step: Step, facts: SiteFacts) -> tuple[Change, ...]:
        """The versions are WordPress's own numbers, like 57155."""
        if set(facts.databases) == {facts.database_wanted}:
            return ()
        behind = facts.database_oldest < facts.database_wanted
        action, why = action_of(of_database(facts))
        return (
            *network_note(step, facts, ItemKind.DATABASE),
            Change(
                step=step.id,
                item="database",
                kind=ItemKind.DATABASE,
                from_version=str(facts.database_oldest if behind else max(facts.databases)),
                to_version=str(facts.database_wanted),
                action=action,
                why=why,
                title=_title(facts),
                active=True,
            ),
        )

    def script(self, step: Step, context: Context) -> Script | None:
        """WordPress's own upgrade, which may be repeated."""
        if not context.plan.pending(step.id):
            return None
        return site_script(context.site, context.host, context.mark, upgrade_database(context))

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """By the version that was re-read from the database; of a network, from each site's."""
        return verdict(step, result, context, "database")

    def guard(self, step: Step, context: Context, tag: str) -> Guard | None:  # noqa: ARG002
        """No files: the transaction itself keeps the database, and puts it back where that is needed."""
        if context.before is None or not context.plan.pending(step.id):
            return None
        return Guard(save=Script(text=":\n"), undo=Script(text=":\n"), check=site_check(context))

    def idle(self, step: Step, context: Context) -> StepOutcome:
        """Held, or ok."""
        return idle(step, context)


def _title(facts: SiteFacts) -> str:
    old = sum(version < facts.database_wanted for version in facts.databases)
    return f"Databases of {old} of {len(facts.network)} sites" if facts.network else "WordPress database"
