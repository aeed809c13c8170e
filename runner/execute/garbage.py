"""Deletion of old files on a host."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.errors import UnreachableError
from runner.execute.answers import Answers, Budget
from runner.execute.frames import new_nonce
from runner.execute.limits import Timeouts
from runner.execute.link import CutError
from runner.execute.texts import text
from runner.execute.wire import packed, shell_command
from runner.shell import assign

if TYPE_CHECKING:
    from runner.execute.endpoint import Endpoint
    from runner.execute.pool import Pool

__all__ = ["collect_garbage"]

_DEFAULTS = Timeouts()


def collect_garbage(
    pool: Pool,
    endpoint: Endpoint,
    *,
    job_days: int = 14,
    restore_days: int = 14,
    tombstone_days: int = 400,
    limits: Timeouts = _DEFAULTS,
) -> None:
    """Delete old files on the host: those of finished jobs, old restore points, very old tombstones.

    A job without a tombstone would run again if it were started, so no retry may come that late.

    Raises:
        UnreachableError: (and subclasses) no connection, or it broke.
        ProtocolError: the host's answers break the protocol or exceed a limit.
    """
    nonce = new_nonce()
    settings = {
        "link": nonce,
        "job_days": job_days,
        "restore_days": restore_days,
        "tombstone_days": tombstone_days,
    }
    head = assign(settings)
    whole = replace(limits, hello=limits.tidying, received=1 << 20, frames=100)
    try:
        script = packed(f"{head}{text('collect')}")
        link = pool.link(endpoint)
        exec_ = link.run(shell_command(endpoint.shell), limits.hello, data=script)
        try:
            budget = Budget(endpoint.called, whole, limits.tidying)
            answers = Answers(link, exec_, nonce, limits=whole, budget=budget, first=("bye",))
            while not answers.receive():
                pass
        finally:
            exec_.close()
    except CutError as error:
        raise UnreachableError(
            f"{endpoint.called}: the connection broke while deleting old files: {error}"
        ) from error
