"""An example for the help of each command."""

from __future__ import annotations

import click

__all__ = ["EXAMPLES", "with_examples"]

EXAMPLES = {
    "init": "sitecrew init my-crew",
    "discover": "sitecrew discover web1 --add",
    "import": "sitecrew import sites.csv",
    "trust": "sitecrew trust web1",
    "doctor": "sitecrew doctor weekly -l client:acme",
    "validate": "sitecrew validate",
    "schema": "sitecrew schema inventory",
    "completion": "source <(sitecrew completion bash)",
    "docs": "sitecrew docs playbooks",
    "plan": "sitecrew plan weekly -l tag:shop --diff",
    "run": "sitecrew run weekly -l client:acme --exclude acme-shop",
    "exec": "sitecrew exec -l client:acme -- wp plugin list",
    "resume": "sitecrew resume",
    "cancel": "sitecrew cancel",
    "undo": "sitecrew undo last -l acme-shop",
    "hold": "sitecrew hold woocommerce -l client:acme --why 'waiting for the theme'",
    "unhold": "sitecrew unhold woocommerce -l acme-shop",
    "host clean": "sitecrew host clean web1",
    "serve": "sitecrew serve",
    "tick": "sitecrew tick",
    "approve": "sitecrew approve weekly -l client:acme",
    "decline": "sitecrew decline weekly -l client:acme --why 'after the sale'",
    "notify": "sitecrew notify --test",
    "announce": "sitecrew announce acme --open",
    "service print": "sitecrew service print --timer",
    "service install": "sitecrew service install -w /srv/crew",
    "service uninstall": "sitecrew service uninstall",
    "schedule next": "sitecrew schedule next --count 5",
    "schedule pause": "sitecrew schedule pause acme --until 2026-12-24 --why 'Christmas business'",
    "schedule resume": "sitecrew schedule resume acme",
    "schedule list": "sitecrew schedule list -n 5",
    "list announcements": "sitecrew list announcements",
    "list approvals": "sitecrew list approvals",
    "list clients": "sitecrew list clients",
    "list holds": "sitecrew list holds -l client:acme",
    "list hosts": "sitecrew list hosts",
    "list notices": "sitecrew list notices",
    "list playbooks": "sitecrew list playbooks",
    "list reports": "sitecrew list reports",
    "list runs": "sitecrew list runs --playbook weekly",
    "list sites": "sitecrew list sites -l tag:shop",
    "list steps": "sitecrew list steps",
    "list windows": "sitecrew list windows",
    "show": "sitecrew show last",
    "logs": "sitecrew logs last acme-shop",
    "facts": "sitecrew facts acme-shop",
    "open": "sitecrew open acme-shop",
    "report": "sitecrew report acme --period 2026-11 --open",
    "ledger gap": "sitecrew ledger gap",
    "ledger verify": "sitecrew ledger verify",
    "ledger export": "sitecrew ledger export acme --out acme.json",
    "ledger erase": "sitecrew ledger erase acme",
    "ledger backup": "sitecrew ledger backup /var/backups/sitecrew-ledger.db",
    "ledger restore": "sitecrew ledger restore /var/backups/sitecrew-ledger.db",
    "ledger prune": "sitecrew ledger prune --dry-run",
    "backup list": "sitecrew backup list acme-shop",
}
"""By the names of the command."""


def with_examples(command: click.Command, name: str) -> click.Command:
    """Add the examples of a command, or of those of a group, to the end of its help."""
    if isinstance(command, click.Group):
        for child, found in command.commands.items():
            with_examples(found, f"{name} {child}")
    elif not command.epilog and name in EXAMPLES:
        command.epilog = f"Example:\n\n\b\n  {EXAMPLES[name]}"
    return command
