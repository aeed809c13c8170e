"""Alembic scripts of the ledger: env.py and one module a revision."""
