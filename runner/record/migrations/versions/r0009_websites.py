"""Add the website and client of each row, and the run that an undo undoes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_WITH_SITE = ("run_sites", "looks", "backups", "holds", "auto_updates")


def upgrade() -> None:
    """Create one website for each name."""
    _create()
    connection = op.get_bind()
    orders = list(_orders(connection))
    _undos(connection, orders)
    _clients(connection, orders)
    _websites(connection, orders)
    for name in _WITH_SITE:
        _run(
            connection,
            f"UPDATE {name} SET website = (SELECT id FROM websites WHERE websites.name = {name}.site)",  # noqa: S608
        )
    _run(connection, _CLIENT_OF_LOOKS)
    _run(connection, _CLIENT_OF_AUTO_UPDATES)
    _sightings(connection)


def _create() -> None:
    op.create_table(
        "clients",
        sa.Column("client", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("name", "language", "timezone", "was")),
        sa.PrimaryKeyConstraint("client", name=op.f("pk_clients")),
    )
    op.create_table(
        "websites",
        sa.Column("id", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("name", "client", "url", "host", "path", "was")
        ),
        sa.Column("since", sa.String(27), nullable=False),
        sa.Column("moved", sa.String(27)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_websites")),
        sa.UniqueConstraint("name", name=op.f("uq_websites_name")),
    )
    op.add_column("runs", sa.Column("undoes", sa.Text()))
    for table in ("looks", "auto_updates"):
        op.add_column(table, sa.Column("client", sa.Text()))
    for table in _WITH_SITE:
        op.add_column(table, sa.Column("website", sa.Integer()))
        op.create_index(op.f(f"ix_{table}_website"), table, ["website"])


def _orders(connection: sa.Connection) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each run and its order, newest first."""
    for run, text in connection.execute(
        sa.text("SELECT run, order_text FROM runs ORDER BY started DESC, run DESC")
    ):
        try:
            order = json.loads(text)
        except ValueError:
            continue
        if isinstance(order, dict):
            yield run, order


def _undos(connection: sa.Connection, orders: list[tuple[str, Mapping[str, Any]]]) -> None:
    for run, order in orders:
        if undone := (order.get("undo") or {}).get("run"):
            _run(connection, "UPDATE runs SET undoes = :undone WHERE run = :run", undone=undone, run=run)


def _clients(connection: sa.Connection, orders: list[tuple[str, Mapping[str, Any]]]) -> None:
    known: dict[str, Mapping[str, Any]] = {}
    for _, order in orders:
        for id_, client in (order.get("clients") or {}).items():
            known.setdefault(id_, client)
    for id_, client in known.items():
        _run(
            connection,
            "INSERT INTO clients (client, name, language, timezone, was)"
            " VALUES (:id, :name, :language, :zone, '')",
            id=id_,
            name=client.get("name") or id_,
            language=client.get("language") or "en",
            zone=client.get("timezone") or "UTC",
        )


def _websites(connection: sa.Connection, orders: list[tuple[str, Mapping[str, Any]]]) -> None:
    _run(connection, _FOUND)
    done: set[str] = set()
    for _, order in orders:
        for site in order.get("sites") or ():
            if site["name"] in done or not site.get("url"):
                continue
            done.add(site["name"])
            _run(
                connection,
                "UPDATE websites SET url = :url, path = :path WHERE name = :name",
                url=site["url"],
                path=site.get("path") or "",
                name=site["name"],
            )
    _run(connection, _MOVED)


def _sightings(connection: sa.Connection) -> None:
    """Recreate the table, because SQLite cannot change a primary key."""
    op.rename_table("sightings", "sightings_before")
    if connection.dialect.name == "postgresql":  # there, names of primary keys are unique in the schema
        op.drop_constraint("pk_sightings", "sightings_before")
    op.create_table(
        "sightings",
        sa.Column("website", sa.Integer(), nullable=False, autoincrement=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "item", "version")),
        sa.Column("first_seen", sa.String(27), nullable=False),
        sa.PrimaryKeyConstraint("website", "kind", "item", "version", name=op.f("pk_sightings")),
    )
    _run(
        connection,
        "INSERT INTO sightings SELECT w.id, s.kind, s.item, s.version, s.first_seen"
        " FROM sightings_before s JOIN websites w ON w.name = s.site",
    )
    op.drop_table("sightings_before")


def _run(connection: sa.Connection, statement: str, **values: Any) -> None:
    connection.execute(sa.text(statement), values)


_FOUND = """
INSERT INTO websites (name, client, url, host, path, was, since)
SELECT names.site,
  coalesce(
    (SELECT s.client FROM run_sites s JOIN runs r ON r.run = s.run WHERE s.site = names.site
      ORDER BY r.started DESC LIMIT 1),
    (SELECT b.client FROM backups b WHERE b.site = names.site ORDER BY b.taken DESC LIMIT 1), ''),
  '',
  coalesce((SELECT s.host FROM run_sites s JOIN runs r ON r.run = s.run WHERE s.site = names.site
      ORDER BY r.started DESC LIMIT 1), ''),
  '', '', min(names.since)
FROM (
  SELECT s.site AS site, r.started AS since FROM run_sites s JOIN runs r ON r.run = s.run
  UNION ALL SELECT site, at FROM looks
  UNION ALL SELECT site, taken FROM backups
  UNION ALL SELECT site, since FROM holds
  UNION ALL SELECT site, since FROM auto_updates
  UNION ALL SELECT site, first_seen FROM sightings
) AS names
GROUP BY names.site
"""
_MOVED = """
UPDATE websites SET moved = (
  SELECT min(r.started) FROM run_sites s JOIN runs r ON r.run = s.run
  WHERE s.site = websites.name AND s.client = websites.client AND r.started > (
    SELECT max(r2.started) FROM run_sites s2 JOIN runs r2 ON r2.run = s2.run
    WHERE s2.site = websites.name AND s2.client <> websites.client
  )
)
"""
_CLIENT_OF_LOOKS = """
UPDATE looks SET client = coalesce(
  (SELECT s.client FROM run_sites s WHERE s.run = looks.run AND s.site = looks.site),
  (SELECT s.client FROM run_sites s JOIN runs r ON r.run = s.run
    WHERE s.site = looks.site AND r.started <= looks.at ORDER BY r.started DESC LIMIT 1),
  (SELECT w.client FROM websites w WHERE w.name = looks.site))
"""
_CLIENT_OF_AUTO_UPDATES = """
UPDATE auto_updates SET client = coalesce(
  (SELECT s.client FROM run_sites s
    WHERE s.run = coalesce(auto_updates.settled_run, auto_updates.run) AND s.site = auto_updates.site),
  (SELECT w.client FROM websites w WHERE w.name = auto_updates.site))
"""
