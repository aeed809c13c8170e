"""What counts as harm that a change has done, as the host reads it."""

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


def test_a_newer_version_is_no_harm() -> None:
    assert damage(SITE, replace(SITE, plugins=(IDLE, replace(ACTIVE, version="1.1")))) == ""


def test_a_plugin_that_is_gone_is_harm_although_it_was_not_active() -> None:
    assert damage(SITE, replace(SITE, plugins=(ACTIVE,))) == "no longer there: idle"


def test_a_plugin_that_was_switched_off_is_harm() -> None:
    after = replace(SITE, plugins=(IDLE, replace(ACTIVE, active=False)))
    assert damage(SITE, after) == "no longer active: busy"


def test_a_site_that_cannot_be_read_is_harm() -> None:
    assert damage(SITE, None, "the site does not answer") == "the site does not answer"


@pytest.mark.parametrize(
    ("state", "version", "found"),
    [
        ("failed", "1.1", "busy is only partly installed: Could not copy file."),
        ("failed", "1.0", ""),
        ("done", "1.1", ""),
    ],
)
def test_an_item_that_failed_at_its_new_version_is_half_there(state: str, version: str, found: str) -> None:
    after = replace(SITE, plugins=(IDLE, replace(ACTIVE, version=version)))
    lines = [
        {"item": "busy", "state": "begun"},
        {"item": "busy", "state": state, "why": "Could not copy file."},
    ]
    output = "".join(f"{MARK} {json.dumps(line)}\n" for line in lines)
    assert half_done(SITE, after, output, MARK) == found
    assert damage(SITE, after) == ""


def test_a_closed_door_is_for_visitors_pages_to_tell() -> None:
    assert damage(SITE, replace(SITE, maintenance=True)) == ""
