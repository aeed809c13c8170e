"""WordPress: its facts, and the steps that change it."""

from __future__ import annotations

from runner.steps.wordpress.core import Core
from runner.steps.wordpress.database import Database
from runner.steps.wordpress.extensions import Plugins, Themes
from runner.steps.wordpress.facts import facts_script, parse_facts

__all__ = ["Core", "Database", "Plugins", "Themes", "facts_script", "parse_facts"]
