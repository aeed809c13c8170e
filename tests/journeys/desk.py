"""A person at a terminal of 80 by 24: types commands in a workspace and reads the screen."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lab.terminal import Terminal
from tests.crew import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Desk"]


class Desk:
    """Runs one command after another; the text of each must fit the width of the terminal."""

    def __init__(self, folder: Path, *, columns: int = 80, rows: int = 24) -> None:
        self.folder, self.columns, self.rows = folder, columns, rows

    def open(self, *words: str, env: Mapping[str, str | None] | None = None) -> Terminal:
        """Start a command, to be typed to."""
        return Terminal(
            [sys.executable, "-m", "runner", *words],
            folder=self.folder,
            env={"PYTHONPATH": str(ROOT), **(env or {})},
            columns=self.columns,
            rows=self.rows,
            patience=180,
        )

    def type(self, *words: str, answers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run a command to its end. Return its exit status and all that it printed.

        Args:
            words: the command.
            answers: what to type when the screen ends with a question that matches; by regular expression.
        """
        with self.open(*words) as terminal:
            for question, answer in (answers or {}).items():
                terminal.wait_for(question)
                terminal.type_line(answer)
            code = terminal.wait_for_exit()
            return code, terminal.text

    def replace(self, name: str, old: str, new: str) -> None:
        """Edit a file."""
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
