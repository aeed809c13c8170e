"""A hostile web server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.hostile import Hostile

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    server = Hostile()
    yield server
    server.close()
