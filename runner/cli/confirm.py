"""Questions to the operator: before a command does something, and before each step with `--confirm`."""

from __future__ import annotations

import select
import sys
import threading
import time
from typing import TYPE_CHECKING

import click

from runner.cli.questions import can_ask
from runner.cli.screen import say, style
from runner.errors import UsageError
from runner.model import Step

if TYPE_CHECKING:
    from runner.apply.session import Session

__all__ = ["StepPrompt", "confirm_or_stop", "require_terminal"]

_POLL = 0.2
_PAUSE = 0.05


def require_terminal() -> None:
    """Raise UsageError if stdin and stderr are not a terminal."""
    if not can_ask():
        raise UsageError("--confirm needs a terminal", hint="leave --confirm out, or answer with -y")


def confirm_or_stop(question: str, name: str, *, otherwise: str) -> bool:
    """Ask whether the command `name` may continue. If not, print `otherwise` and return False.

    Raises:
        UsageError: there is no input to read an answer from.
    """
    try:
        if click.confirm(question, err=True):
            return True
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise UsageError(
            f"{name} asks for confirmation, and there is no input", hint="answer with -y"
        ) from None
    say(otherwise)
    return False


class StepPrompt:
    """Asks when the first site reaches a step. The answer applies to all sites."""

    def __init__(self, session: Session, run: str) -> None:
        self._session = session
        self._run = run
        self._answers: dict[str, bool | None] = {}
        self._all = False
        self._lock = threading.Lock()
        self._color = click.get_current_context().color

    def __call__(self, step: Step) -> bool | None:
        """Return True to run the step, False to skip it, None to stop here."""
        with self._lock:
            if step.id not in self._answers:
                self._answers[step.id] = True if self._all else self._ask(step)
            return self._answers[step.id]

    def _ask(self, step: Step) -> bool | None:
        title = f" ({step.name})" if step.name else ""
        while True:
            question = f"{style(step.id, bold=True)}{title}? [y]es, [n]o, [a]ll remaining, [q]uit: "
            self._wait_for_printed_events()
            say(question, end="", color=self._color)
            word = self._read_answer()
            if word in {"a", "all"}:
                self._all = True
            if word in {"q", "quit"}:
                self._session.draining.set()
            if word in _ANSWERS:
                return _ANSWERS[word]

    def _wait_for_printed_events(self) -> None:
        """Wait until earlier events are on the screen, so that the question comes after them."""
        while not self._session.events.empty():
            time.sleep(_PAUSE)
        time.sleep(_PAUSE)

    def _read_answer(self) -> str:
        """Read a line; Ctrl-C and the end of the input count as `q`."""
        while not select.select([sys.stdin], [], [], _POLL)[0]:
            if self._session.stopping(self._run):
                return "q"
        typed = sys.stdin.readline()
        return typed.strip().lower() if typed else "q"


_ANSWERS: dict[str, bool | None] = {
    "y": True,
    "yes": True,
    "a": True,
    "all": True,
    "n": False,
    "no": False,
    "q": None,
    "quit": None,
}
