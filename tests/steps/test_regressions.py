"""Regressions that the host finds after a change."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from runner.model import Extension, SiteFacts
from runner.steps.wordpress.regressions import damage, half_done

MARK = "m4rk"
IDLE = Extension(slug="idle", title="Idle", version="1.0", file="idle/idle.php")
ACTIVE = Extension(slug="busy", title="Busy", version="1.0", file="busy/busy.php", active=True)
SITE = SiteFacts(
    wordpress="6.5.5",
    php="8.2",
    home="https://a.example",
    siteurl="https://a.example",
    plugins=(IDLE, ACTIVE),
)


def test_newer_version_is_no_regression() -> None:
    assert damage(SITE, replace(SITE, plugins=(IDLE, replace(ACTIVE, version="1.1")))) == ""


def test_missing_inactive_plugin_is_a_regression() -> None:
    assert damage(SITE, replace(SITE, plugins=(ACTIVE,))) == "no longer there: idle"


def test_deactivated_plugin_is_a_regression() -> None:
    after = replace(SITE, plugins=(IDLE, replace(ACTIVE, active=False)))
    assert damage(SITE, after) == "no longer active: busy"


def test_unreadable_site_is_a_regression() -> None:
    assert damage(SITE, None, "the site does not answer") == "the site does not answer"


@pytest.mark.parametrize(
    ("state", "version", "found"),
    [
        ("failed", "1.1", "busy is only partly installed: Could not copy file."),
        ("failed", "1.0", ""),
        ("done", "1.1", ""),
    ],
)
def test_failed_item_at_new_version_is_half_done(state: str, version: str, found: str) -> None:
    after = replace(SITE, plugins=(IDLE, replace(ACTIVE, version=version)))
    lines = [
        {"item": "busy", "state": "begun"},
        {"item": "busy", "state": state, "why": "Could not copy file."},
    ]
    output = "".join(f"{MARK} {json.dumps(line)}\n" for line in lines)
    assert half_done(SITE, after, output, MARK) == found
    assert damage(SITE, after) == ""


def test_maintenance_mode_is_no_regression() -> None:
    assert damage(SITE, replace(SITE, maintenance=True)) == ""
