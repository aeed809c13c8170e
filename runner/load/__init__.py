"""Loading: YAML files are read, checked and turned into the model.

Third-party libraries are imported only when something is loaded.
"""

from __future__ import annotations

from runner.load.calendars import calendar_text, thaw_periods
from runner.load.frozen import freeze, thaw, thaw_as
from runner.load.inventory_files import list_inventory
from runner.load.schema import json_schema, modeline, write_schemas
from runner.load.secrets import Redactor, resolve
from runner.load.shipped import shipped, shipped_playbooks
from runner.load.sources import fingerprint, stamps
from runner.load.workspace import Workspace, find_workspace, load_playbook, load_workspace

__all__ = [
    "Redactor",
    "Workspace",
    "calendar_text",
    "find_workspace",
    "fingerprint",
    "freeze",
    "json_schema",
    "list_inventory",
    "load_playbook",
    "load_workspace",
    "modeline",
    "resolve",
    "shipped",
    "shipped_playbooks",
    "stamps",
    "thaw",
    "thaw_as",
    "thaw_periods",
    "write_schemas",
]
