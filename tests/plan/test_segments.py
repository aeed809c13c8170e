"""Playbooks are split into segments and other parts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.errors import UsageError
from runner.model import Playbook, Site, SiteKind, Step
from runner.plan import Barrier, Segment, split_playbook
from runner.steps import Where, registry

SHOP = Site(
    name="shop",
    client="acme",
    host="web1",
    url="http://x.example",
    path="/srv",
    tags=frozenset({"woocommerce"}),
)
DOCS = Site(
    name="docs", client="acme", host="web1", url="http://x.example", path="/srv", kind=SiteKind.STATIC
)


def playbook(*steps):
    return Playbook(name="weekly", title="Weekly", steps=steps)


def step(kind, id_=None, **more):
    return Step(id=id_ or kind, kind=kind, options=None, **more)


WEEKLY = playbook(
    step("backup"),
    step("wordpress.plugins"),
    step("shell", tags=frozenset({"cache"})),
    step("probe.http"),
    step("wordpress.core", when="tag:woocommerce"),
    step("wordpress.database", when="!tag:woocommerce"),
)


def shape(parts):
    return [
        (part.number, [s.id for s in part.steps] if isinstance(part, Segment) else (part.step.id, part.where))
        for part in parts.parts
    ]


def test_consecutive_host_steps_share_a_segment():
    steps = (step("shell"), step("shell", "shell-2"), step("probe.http"), step("shell", "shell-3"))
    assert shape(split_playbook(playbook(*steps), SHOP)) == [
        (1, ["shell", "shell-2"]),
        (2, ("probe.http", Where.OUTSIDE)),
        (3, ["shell-3"]),
    ]


def test_transaction_has_its_own_segment():
    assert shape(split_playbook(WEEKLY, SHOP)) == [
        (1, ("backup", Where.STREAM)),
        (2, ["wordpress.plugins"]),
        (3, ["shell"]),
        (4, ("probe.http", Where.OUTSIDE)),
        (5, ["wordpress.core"]),
    ]


def test_steps_not_for_the_site_are_skipped():
    parts = split_playbook(WEEKLY, DOCS)
    assert shape(parts) == [
        (1, ("backup", Where.STREAM)),
        (2, ["shell"]),
        (3, ("probe.http", Where.OUTSIDE)),
    ]
    assert [(s.step.id, s.why) for s in parts.skipped] == [
        ("wordpress.plugins", "does not apply to a static site"),
        ("wordpress.core", "does not apply to a static site"),
        ("wordpress.database", "does not apply to a static site"),
    ]
    assert [s.why for s in split_playbook(WEEKLY, SHOP).skipped] == ["only for !tag:woocommerce"]


def test_tags_select_steps():
    parts = split_playbook(WEEKLY, SHOP, tags={"cache"})
    assert shape(parts) == [(1, ["shell"])]
    assert parts.skipped[0].why == "has none of the tags cache"


def test_cut_is_deterministic():
    assert split_playbook(WEEKLY, SHOP) == split_playbook(WEEKLY, SHOP)
    assert [s.id for s in split_playbook(WEEKLY, SHOP).steps] == [
        "backup",
        "wordpress.plugins",
        "shell",
        "probe.http",
        "wordpress.core",
    ]


def test_every_kind_can_be_cut():
    parts = split_playbook(playbook(*(step(name) for name in registry())), SHOP)
    assert len(parts.steps) + len(parts.skipped) == len(registry())
    assert any(isinstance(part, Barrier) for part in parts.parts)


def test_unknown_kind_of_step_is_refused():
    with pytest.raises(UsageError, match=r"unknown step 'system\.reboot'"):
        split_playbook(playbook(step("system.reboot")), SHOP)


def test_step_with_a_skipped_tag_is_left_out():
    parts = split_playbook(replace(WEEKLY, skip_tags=("cache", "other")), SHOP)
    assert "shell" not in [step.id for step in parts.steps]
    (skipped,) = (one for one in parts.skipped if one.step.id == "shell")
    assert skipped.why == "has the skipped tag cache"
