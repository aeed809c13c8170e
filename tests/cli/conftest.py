"""Fixtures of the command line tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.record import Ledger
from tests.cli.workspaces import write_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace, which is also the current folder."""
    monkeypatch.chdir(tmp_path)
    return write_workspace(tmp_path)


@pytest.fixture
def ledger(workspace: Path) -> Iterator[Ledger]:
    """The ledger of the workspace."""
    with Ledger.open(f"sqlite:///{workspace}/.sitecrew/ledger.db") as opened:
        yield opened
