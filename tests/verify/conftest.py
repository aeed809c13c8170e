"""Fixtures of the health check tests."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.verify.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def shop() -> Iterator[Shop]:
    server = Shop()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.ending.set()
    server.shutdown()
    server.server_close()
    thread.join()
