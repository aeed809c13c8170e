"""A network: many sites on one WordPress, each with tables, options and cron of its own."""

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
    """Shell text that brings the tables of the site, or of every site of its network, to what the code wants.

    For a network it is one boot; `wp core update-db --network` is one for each site, and ends with 0 whatever
    became of them. The last line is for the main site, and fails where WordPress does not start.
    """
    if not (context.before and context.before.multisite):
        return "wp core update-db"
    return _NETWORK.format(program=program("network", context.mark, {}, '"$@" ', parts=("sql",))).strip()
