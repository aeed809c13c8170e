"""WordPress: reading its facts, and the steps that change it."""

from __future__ import annotations

from runner.steps.wordpress.checksums import Checksums
from runner.steps.wordpress.composer import Composer, asks_composer
from runner.steps.wordpress.composer_said import ComposerSaid, composer_script, parse_composer, with_said
from runner.steps.wordpress.core import Core
from runner.steps.wordpress.cron import Cron
from runner.steps.wordpress.database import Database
from runner.steps.wordpress.extensions import Plugins, Themes
from runner.steps.wordpress.facts import facts_in, facts_script, parse_facts
from runner.steps.wordpress.languages import Languages, asked_languages
from runner.steps.wordpress.maintenance import Maintenance
from runner.steps.wordpress.shell import host_script, tool_name
from runner.steps.wordpress.start_problems import hindered, lacks_wp_cli

__all__ = [
    "KINDS",
    "ComposerSaid",
    "asked_languages",
    "asks_composer",
    "composer_script",
    "facts_in",
    "facts_script",
    "hindered",
    "host_script",
    "lacks_wp_cli",
    "parse_composer",
    "parse_facts",
    "tool_name",
    "with_said",
]

KINDS = (
    Plugins(),
    Themes(),
    Core(),
    Composer(),
    Database(),
    Languages(),
    Checksums(),
    Cron(),
    Maintenance(),
)
"""The kinds of steps for WordPress, in the order of the docs."""
