"""Sitecrew maintains websites for agencies: updates, backups, checks and reports.

Data flows one way: files, model, plan, events, ledger, documents, deliveries.
"""

__version__ = "0.1.0"
