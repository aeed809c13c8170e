"""Alembic scripts of the ledger: env.py and one module per revision."""
