"""Print the output of a command of `exec`: site by site as each one finishes, or in the events of --json."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.cli.output import outcome_text
from runner.cli.screen import out, style
from runner.model import Outcome, RunEvent
from runner.units import duration

if TYPE_CHECKING:
    from runner.cli.progress.base import Listener
    from runner.record import Ledger

__all__ = ["CommandOutputs", "EventsWithOutput"]


class _Ends:
    """Keeps the exit status of the command on each site."""

    def __init__(self, ledger: Ledger, inner: Listener) -> None:
        self._ledger = ledger
        self._inner = inner
        self._status: dict[str, int] = {}

    def _note(self, event: RunEvent) -> None:
        status = event.data.get("status")
        if event.event == "step.ended" and event.site and isinstance(status, int):
            self._status[event.site] = status

    def _exit_status(self, finished: RunEvent) -> int | None:
        """Return the exit status, given `step.finished`; None if the command did not exit by itself."""
        status = self._status.get(finished.site or "")
        good = str(finished.data["outcome"]) == Outcome.OK
        return status if good or str(finished.data["why"]).startswith(f"exit status {status}") else None

    def _output(self, event: RunEvent) -> str:
        steps = self._ledger.steps.output(event.run, event.site or "")
        return next((step.output for step in steps if step.step == event.step), "")

    def tick(self) -> None:
        """Pass the call to the inner listener."""
        self._inner.tick()

    def close(self) -> None:
        """Release the terminal."""
        self._inner.close()


class EventsWithOutput(_Ends):
    """Adds `status` and `output` to the event `step.finished`."""

    def __call__(self, event: RunEvent) -> None:
        """Pass the event on."""
        self._note(event)
        if event.event == "step.finished":
            more = {"status": self._exit_status(event), "output": self._output(event)}
            event = replace(event, data={**event.data, **more})
        self._inner(event)


class CommandOutputs(_Ends):
    """Prints the output of each site on stdout; the other events only if the inner listener does."""

    def __init__(self, ledger: Ledger, inner: Listener) -> None:
        super().__init__(ledger, inner)
        self._finished: dict[str, RunEvent] = {}
        self._printed = False

    def __call__(self, event: RunEvent) -> None:
        """Print the output when the site has finished."""
        self._note(event)
        if event.event == "step.finished" and event.site:
            self._finished[event.site] = event
        elif event.event == "site.finished":
            self._print(event)
        elif event.event != "run.finished":
            self._inner(event)

    def _print(self, event: RunEvent) -> None:
        step = self._finished.get(event.site or "")
        if self._printed:
            out()
        self._printed = True
        seconds = step.data.get("seconds") if step else None
        took = f"  {duration(seconds)}" if isinstance(seconds, float) else ""
        out(f"{style(f'== {event.site}', bold=True)}  {self._result(event, step)}{took}")
        if step and (output := self._output(step).rstrip("\n")):
            out(output)

    def _result(self, event: RunEvent, step: RunEvent | None) -> str:
        """Return the exit status, or the outcome and its reason if the command did not exit by itself."""
        status = self._exit_status(step) if step else None
        if status is not None:
            return style(f"exit {status}", fg="red" if status else "green")
        outcome = outcome_text(str(event.data["outcome"]))
        why = (step.data["why"] if step else "") or event.data["why"]
        return f"{outcome}: {why}" if why else outcome
