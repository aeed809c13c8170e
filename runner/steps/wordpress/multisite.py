"""Networks: several sites on one WordPress, each with its own tables, options and cron."""

from __future__ import annotations

from runner.steps.base import Context
from runner.steps.wordpress.shell import program

__all__ = ["upgrade_database"]

_NETWORK = """
upgrade() {{
{program}
}}
upgrade --skip-plugins --skip-themes
wp core update-db
"""


def upgrade_database(context: Context) -> str:
    """Shell text that upgrades the tables of the site, or of every site of its network.

    A network is upgraded in one boot; `wp core update-db --network` boots for each site and exits with 0 even
    if some fail. The last line upgrades the main site, and fails if WordPress does not start.
    """
    if not (context.before and context.before.multisite):
        return "wp core update-db"
    return _NETWORK.format(program=program("network", context.mark, {}, '"$@" ', parts=("sql",))).strip()
