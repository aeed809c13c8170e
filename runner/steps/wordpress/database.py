"""`wordpress.database`: upgrade the tables of WordPress to the version its code requires."""

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
    """`wordpress.database` has no options."""


class Database(StepKind):
    """Upgrades the database, which often stays behind when WordPress is updated by hand or by a provider."""

    name = "wordpress.database"
    summary = "Upgrades the database of WordPress if its code requires a newer one."
    options = DatabaseOptions
    example = "- wordpress.database"
    reads = (
        "the site, in one boot of WordPress: versions, what is active, which updates are offered, which "
        "folders are writable."
    )
    plans = (
        "`database`, from its version to the one that the code requires; on a network, the number of sites "
        "that are behind."
    )
    changes = "the tables, by WordPress's own upgrade, on every site of a network in one boot."
    understood = (
        "by the versions that a new process reads afterwards. A site whose database is still behind is named."
    )
    undone = (
        "if the site is worse than before: the tables that the upgrade changed are restored, as far as "
        "`policy.undo.database` allows. "
        "See [What happens when an update breaks a site](../transactions.md)."
    )
    sites = frozenset({SiteKind.WORDPRESS})
    facts = True
    rereads = True
    transacts = True
    becomes = False
    item = ItemKind.DATABASE

    def propose(self, step: Step, facts: SiteFacts) -> tuple[Change, ...]:
        """Propose the upgrade. Versions are WordPress's database versions, like 57155."""
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
        """Run WordPress's own upgrade, which can be repeated."""
        if not context.plan.pending(step.id):
            return None
        return site_script(context.site, context.host, context.mark, upgrade_database(context))

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """Judge by the database version read afterwards; on a network, by each site's."""
        return verdict(step, result, context, "database")

    def guard(self, step: Step, context: Context, tag: str) -> Guard | None:  # noqa: ARG002
        """No files: the transaction itself copies the database and restores it if needed."""
        if context.before is None or not context.plan.pending(step.id):
            return None
        return Guard(save=Script(text=":\n"), undo=Script(text=":\n"), check=site_check(context))

    def idle(self, step: Step, context: Context) -> StepOutcome:
        """`held` or `ok`."""
        return idle(step, context)


def _title(facts: SiteFacts) -> str:
    old = sum(version < facts.database_wanted for version in facts.databases)
    return f"Databases of {old} of {len(facts.network)} sites" if facts.network else "WordPress database"
