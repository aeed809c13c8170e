"""Sitecrew looks after other people's websites.

Data flows one way: text, model, plan, events, ledger, documents, world.
"""

__version__ = "0.1.0"
