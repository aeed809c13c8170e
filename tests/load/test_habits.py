"""What people write out of habit is never a key of ours, and each hint names keys that exist."""

from __future__ import annotations

import re

import pytest

from runner.load.habits import HOST_KEYS, PLAYBOOK_KEYS, STEP_KEYS, STEPS, is_expression
from runner.load.host_options import HostShape
from runner.load.playbook import CommonShape, PlaybookShape
from runner.steps import registry

KNOWN = {
    "playbook": (PLAYBOOK_KEYS, {*PlaybookShape.model_fields}),
    "step": (STEP_KEYS, {*CommonShape.model_fields}),
    "kind": (STEPS, {*registry()}),
    "host": (HOST_KEYS, {*HostShape.model_fields}),
}


@pytest.mark.parametrize("place", KNOWN)
def test_key_of_another_tool_is_none_of_ours(place):
    instead, ours = KNOWN[place]
    assert not ours & {*instead}


@pytest.mark.parametrize("hint", sorted({hint for instead, _ in KNOWN.values() for hint in instead.values()}))
def test_hint_names_only_what_exists(hint):
    named = {*re.findall(r"`([\w.]+)[:`]", hint)}
    fields = {*PlaybookShape.model_fields, *CommonShape.model_fields, *HostShape.model_fields, *registry()}
    assert named <= fields | {"rings", "parallel", "env", "policy.rings.failures"}


@pytest.mark.parametrize("term", ['ansible_os_family == "Debian"', "not shop", "x is defined", "{{ run }}"])
def test_expression_is_recognized(term):
    assert is_expression(term)


@pytest.mark.parametrize("term", ["shop", "tag:android", "client:fashion-island", "kind:wordpress", "is*"])
def test_selector_is_no_expression(term):
    assert not is_expression(term)
