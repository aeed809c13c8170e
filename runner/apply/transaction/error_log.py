"""PHP errors in the site's logs that are new since a change and appear again on the next request."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import SitecrewError
from runner.execute import Command
from runner.hosts.boundary import within
from runner.steps.wordpress.errorlog import Fatal, Reading, parse_log, read_log

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.model import LogMark, SiteFacts

__all__ = ["ErrorLog"]

_LIMIT = 20


class ErrorLog:
    """The error logs of one site before and after one change.

    Args:
        ctx: the site.
        facts: the paths of its logs, and their lengths when the site was read.
        nonce: starts each line that our programs print.
        noise: errors that were logged before the first change; None if the logs were not read yet.
    """

    def __init__(
        self, ctx: SiteContext, facts: SiteFacts, nonce: str, noise: frozenset[Fatal] | None = None
    ) -> None:
        self._ctx, self._facts, self._nonce = ctx, facts, nonce
        self._logs: tuple[LogMark, ...] = facts.logs
        self.noise = noise

    @property
    def known(self) -> bool:
        """Whether a log can be read; if not, the absence of errors proves nothing."""
        return bool(self._logs)

    @property
    def before(self) -> str:
        """The script that marks the logs before the change; `mark_start` reads its output."""
        return read_log(self._facts, self._nonce, self._logs).text

    def mark_start(self, output: str) -> None:
        """Mark the start of the change: errors that were logged since the site was read are noise."""
        found = parse_log(output, self._nonce, self._logs, self._facts)
        self._logs = found.marks
        self.noise = frozenset(found.fatals) if self.noise is None else self.noise

    def find_new_error(self, request_pages: Callable[[], object]) -> str:
        """Return a fatal error that is new since the change; empty if there is none or no log can be read.

        An error that was logged once may come from a visitor's request while files were being replaced. So
        the pages are requested, and only errors that appear again count.
        """
        once = self._new_errors() if self._logs else ()
        if not once:
            return ""
        request_pages()
        again = [fatal for fatal in self._new_errors() if fatal in once]
        return f"PHP ends with a fatal error, according to its error log: {again[0].message}" if again else ""

    def cause(self) -> str:
        """Return the first fatal error since the change, on one line; empty if none is known."""
        found = self._new_errors() if self._logs else ()
        return found[0].message if found else ""

    def _new_errors(self) -> tuple[Fatal, ...]:
        found = self._read()
        self._logs = found.marks
        return tuple(fatal for fatal in found.fatals if fatal not in (self.noise or frozenset()))

    def _read(self) -> Reading:
        script = read_log(self._facts, self._nonce, self._logs).text
        records = within(partial(self._ctx.remote.read, [Command("log", script, timeout=_LIMIT)]))
        if isinstance(records, SitecrewError):
            return Reading()  # the host allows no second channel, or not now
        return parse_log(records["log"].text, self._nonce, self._logs, self._facts)
