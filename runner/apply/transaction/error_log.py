"""The error log as a signal: errors that are new since a change, and that come again when we look again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import SitecrewError
from runner.execute import Task as Command
from runner.hosts.boundary import within
from runner.steps.wordpress.errorlog import Fatal, Reading, parse_log, read_log

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.model import LogMark, SiteFacts

__all__ = ["ErrorLog"]

_LIMIT = 20


class ErrorLog:
    """Of one site, around one change.

    Args:
        ctx: the site.
        facts: where its logs are, and how long they were when it was read.
        mark: begins the lines of ours in what the host prints.
        noise: errors that came before the first change; None where that was not read yet.
    """

    def __init__(
        self, ctx: SiteContext, facts: SiteFacts, mark: str, noise: frozenset[Fatal] | None = None
    ) -> None:
        self._ctx, self._facts, self._mark = ctx, facts, mark
        self._logs: tuple[LogMark, ...] = facts.logs
        self.noise = noise

    @property
    def known(self) -> bool:
        """Whether there is a log that can be read: without one, no error in it means nothing."""
        return bool(self._logs)

    @property
    def before(self) -> str:
        """The script that marks the logs before the change, for `began` to understand."""
        return read_log(self._facts, self._mark, self._logs).text

    def began(self, output: str) -> None:
        """The change begins: what the logs have told since the site was read is its noise."""
        found = parse_log(output, self._mark, self._logs, self._facts)
        self._logs = found.marks
        self.noise = frozenset(found.fatals) if self.noise is None else self.noise

    def blame(self, look: Callable[[], object]) -> str:
        """What kills PHP since the change, in a sentence; empty where nothing does or no log can be read.

        An error that came once may be a visitor's who was on the way while files were exchanged. So `look` is
        called, and only what comes again counts.
        """
        once = self._fresh() if self._logs else ()
        if not once:
            return ""
        look()
        again = [fatal for fatal in self._fresh() if fatal in once]
        return f"PHP dies, as its error log says: {again[0].message}" if again else ""

    def cause(self) -> str:
        """The first error that killed PHP since the change, in one line; empty where none is known."""
        fresh = self._fresh() if self._logs else ()
        return fresh[0].message if fresh else ""

    def _fresh(self) -> tuple[Fatal, ...]:
        found = self._read()
        self._logs = found.marks
        return tuple(fatal for fatal in found.fatals if fatal not in (self.noise or frozenset()))

    def _read(self) -> Reading:
        script = read_log(self._facts, self._mark, self._logs).text
        records = within(partial(self._ctx.remote.read, [Command("log", script, timeout=_LIMIT)]))
        if isinstance(records, SitecrewError):
            return Reading()  # a host that has no second channel, or none just now: nothing is known
        return parse_log(records["log"].text, self._mark, self._logs, self._facts)
