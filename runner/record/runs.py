"""Runs: begun once, claimed by one process, ended with an outcome, taken up again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from runner.errors import UnknownNameError
from runner.model import RESUMABLE, Outcome, State
from runner.record.acts import add_act, refuse_another_order
from runner.record.leases import lives
from runner.record.schema import run_sites, runs
from runner.record.schema import steps as step_table
from runner.record.store import Store, insert_new, now
from runner.record.views import WindowView
from runner.record.websites import ensure_website
from runner.record.windows import open_window, review_window

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["RunBook"]

_OPEN_OUTCOMES = tuple(outcome.value for outcome in RESUMABLE)


class RunBook(Store):
    """Writing about runs as a whole."""

    def begin_run(
        self,
        order_text: str,
        *,
        run: str,
        playbook: str,
        title: str,
        sites: Sequence[tuple[str, str, str, int, int]],
        steps: Sequence[tuple[str, str, str]],
        started: datetime,
        trigger: str,
        window: str | None = None,
        executor: str | None = None,
        act: str = "run",
        opening: WindowView | None = None,
        undoes: str | None = None,
    ) -> bool:
        """Write down a run with its sites and their steps, none of which has an outcome yet.

        Args:
            order_text: the frozen order as text; `order_text()` gives it back.
            run: the run's id.
            playbook: the playbook's name.
            title: the playbook's title.
            sites: (site, client, host, ring, position) each.
            steps: (step id, kind, title) each, in the playbook's order.
            started: when it began.
            trigger: who began it, like `manual` or `window`.
            window: the window's name, if it belongs to one.
            executor: the process that will work on it; None when any may claim it.
            act: what the operator did, `run` or `undo`.
            opening: the opening of a window that the run is for; both are written, or neither.
            undoes: the earlier run that this one undoes.

        Returns:
            False when the opening is decided already, or a run of that id is there; both stay as they are.
        """
        head = {
            "run": run,
            "playbook": playbook,
            "title": title,
            "trigger": trigger,
            "window": window,
            "order_text": order_text,
            "state": State.RUNNING.value,
            "executor": executor,
            "started": started,
            "undoes": undoes,
        }
        with self._write() as connection:
            if opening is not None and not open_window(connection, opening):
                return False
            if not insert_new(connection, runs, head):
                return opening is not None
            if sites:
                connection.execute(
                    insert(run_sites), [_site_row(connection, run, site, started) for site in sites]
                )
            rows = _step_rows(run, [site[0] for site in sites], steps)
            if rows:
                connection.execute(insert(step_table), rows)
            details = {"playbook": playbook, "sites": len(sites), "trigger": trigger}
            add_act(connection, self.operator, act, run, run=run, details=details, order_text=order_text)
        return True

    def claim_run(self, run: str, executor: str, *, at: datetime | None = None) -> bool:
        """Make a process the one that works on a run; False while another living one does.

        Raises:
            UnknownNameError: no such run.
        """
        with self._write() as connection:
            row = connection.execute(select(runs.c.executor).where(runs.c.run == run)).one_or_none()
            if row is None:
                raise _unknown(run)
            holder = row.executor
            if holder not in {None, executor} and lives(connection, holder, at or now()):
                return False
            connection.execute(update(runs).where(runs.c.run == run).values(executor=executor))
        return True

    def reopen_run(self, run: str, *, act: str = "resume") -> tuple[str, ...]:
        """Take a run up again: the next attempt, running.

        Sites without an outcome, lost, unreachable, cancelled and missed ones wait again, and so do their
        steps with such an outcome. Everything else that is known stays. Segments stay as they are: one that
        is `started` has a job on the host to attach to.

        Args:
            run: the run's id.
            act: what the operator did, `resume` or `cancel`.

        Returns:
            The names of the sites that wait again, in ring order.

        Raises:
            UnknownNameError: no such run.
            ChangedOrderError: its order is not the one that was recorded when it began.
        """
        again = (run_sites.c.run == run) & (
            run_sites.c.outcome.is_(None) | run_sites.c.outcome.in_(_OPEN_OUTCOMES)
        )
        with self._write() as connection:
            order_text = connection.execute(select(runs.c.order_text).where(runs.c.run == run)).scalar()
            if order_text is None:
                raise _unknown(run)
            refuse_another_order(connection, run, order_text)
            add_act(connection, self.operator, act, run, run=run)
            connection.execute(
                update(runs)
                .where(runs.c.run == run)
                .values(attempt=runs.c.attempt + 1, state=State.RUNNING.value, outcome=None, finished=None),
            )
            ordered = select(run_sites.c.site).where(again).order_by(run_sites.c.ring, run_sites.c.position)
            sites = tuple(connection.execute(ordered).scalars())
            connection.execute(
                update(step_table)
                .where(
                    step_table.c.run == run,
                    step_table.c.site.in_(sites),
                    step_table.c.outcome.in_(_OPEN_OUTCOMES),
                )
                .values(outcome=None, why="", seconds=None, started=None, finished=None, output=""),
            )
            connection.execute(
                update(run_sites)
                .where(again)
                .values(state=State.WAITING.value, outcome=None, why="", finished=None),
            )
        return sites

    def set_state(self, run: str, state: State) -> bool:
        """Say that a run that has not ended is running or cancelling; False when it has ended."""
        with self._write() as connection:
            found = connection.execute(
                update(runs)
                .where(runs.c.run == run, runs.c.state != State.ENDED.value)
                .values(state=state.value),
            )
        return found.rowcount == 1

    def finish_run(self, run: str, outcome: Outcome, at: datetime) -> None:
        """Write down how a run ended."""
        with self._write() as connection:
            found = connection.execute(
                update(runs)
                .where(runs.c.run == run)
                .values(state=State.ENDED.value, outcome=outcome.value, finished=at),
            )
            if found.rowcount == 0:
                raise _unknown(run)
            review_window(connection, run)


def _unknown(run: str) -> UnknownNameError:
    return UnknownNameError(f"no run {run!r}", hint="see `sitecrew list runs`")


def _site_row(
    connection: Connection, run: str, site: tuple[str, str, str, int, int], at: datetime
) -> dict[str, object]:
    name, client, host, ring, position = site
    return {
        "run": run,
        "site": name,
        "client": client,
        "host": host,
        "ring": ring,
        "position": position,
        "state": State.WAITING.value,
        "website": ensure_website(connection, name, at, client=client, host=host),
    }


def _step_rows(
    run: str, sites: Sequence[str], playbook: Sequence[tuple[str, str, str]]
) -> list[dict[str, object]]:
    return [
        {"run": run, "site": site, "step": step, "position": position, "kind": kind, "title": title}
        for site in sites
        for position, (step, kind, title) in enumerate(playbook)
    ]
