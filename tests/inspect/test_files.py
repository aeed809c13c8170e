"""Previews of steps that upload files."""

from __future__ import annotations

from runner.inspect.files import _PREVIEWS
from runner.steps import Where, registry


def test_every_kind_that_uploads_has_a_preview() -> None:
    assert {name for name, kind in registry().items() if kind.where is Where.UPLOAD} == set(_PREVIEWS)
