"""Questions: before something is done at all, and with `--confirm` before each step of a run."""

from __future__ import annotations

import select
import sys
import threading
import time
from typing import TYPE_CHECKING

import click

from runner.cli.screen import say, style
from runner.errors import UsageError
from runner.model import Step

if TYPE_CHECKING:
    from runner.apply.session import Session

__all__ = ["Questions", "agreed", "require_terminal"]

_LOOK = 0.2
_PAUSE = 0.05


def require_terminal() -> None:
    """Raise UsageError where nobody can answer."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "--confirm asks on a terminal, and this is none", hint="leave --confirm out, or answer with -y"
        )


def agreed(question: str, name: str, *, otherwise: str) -> bool:
    """Ask whether to do what the command `name` is about to do. After a no, `otherwise` is printed.

    Raises:
        UsageError: nobody can answer.
    """
    try:
        if click.confirm(question, err=True):
            return True
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise UsageError(f"{name} asks, and nobody answers", hint="answer with -y") from None
    say(otherwise)
    return False


class Questions:
    """Asks when the first site comes to a step; the others get the same answer."""

    def __init__(self, session: Session, run: str) -> None:
        self._session = session
        self._run = run
        self._answers: dict[str, bool | None] = {}
        self._all = False
        self._lock = threading.Lock()
        self._color = click.get_current_context().color

    def __call__(self, step: Step) -> bool | None:
        """Do it (True), leave it out (False), or stop here (None)."""
        with self._lock:
            if step.id not in self._answers:
                self._answers[step.id] = True if self._all else self._ask(step)
            return self._answers[step.id]

    def _ask(self, step: Step) -> bool | None:
        title = f" ({step.name})" if step.name else ""
        while True:
            question = f"{style(step.id, bold=True)}{title}? [y]es, [n]o, [a]ll that follow, [q]uit: "
            self._let_the_others_finish()
            say(question, end="", color=self._color)
            word = self._line()
            if word in {"a", "all"}:
                self._all = True
            if word in {"q", "quit"}:
                self._session.draining.set()
            if word in _ANSWERS:
                return _ANSWERS[word]

    def _let_the_others_finish(self) -> None:
        """What has happened is told before the question."""
        while not self._session.events.empty():
            time.sleep(_PAUSE)
        time.sleep(_PAUSE)

    def _line(self) -> str:
        """What is typed; `q` at Ctrl-C and at the end of the input."""
        while not select.select([sys.stdin], [], [], _LOOK)[0]:
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
