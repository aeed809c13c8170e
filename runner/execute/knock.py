"""A check that the login shell runs our commands, made before a job is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.execute.answers import FIRST_OF_JOB, Answers
from runner.execute.wire import opening, shell_command

if TYPE_CHECKING:
    from runner.execute.answers import Budget
    from runner.execute.endpoint import Endpoint
    from runner.execute.limits import Timeouts
    from runner.execute.link import Link

__all__ = ["knock"]


def knock(link: Link, endpoint: Endpoint, job: str, limits: Timeouts, budget: Budget) -> None:
    """Ask the host about the job without sending it, and wait for any answer.

    A start-up file may replace the login shell by one that reads our text at some later time. Such a shell
    must not get a job: it could run after the job was reported as not started.

    Raises:
        SilentShellError: no answer in time; nothing can have started.
        NoShellError, CutError, ProtocolError: as for the job itself.
    """
    start = opening("attach", job, beat=limits.beat, linger=0, shell=endpoint.shell)
    exec_ = link.run(shell_command(endpoint.shell), limits.hello, data=start.data)
    budget.allow(limits.hello + limits.margin)
    answers = Answers(link, exec_, start.nonce, limits=limits, budget=budget, first=FIRST_OF_JOB)
    try:
        while not answers.greeted:
            answers.receive()
            answers.count_noise(exec_.waiting_error())
    finally:
        exec_.close()
