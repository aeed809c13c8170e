"""`shell`: a command that the crew writes, run in the site's folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from runner.model import Outcome, SecretRef, Step, StepOutcome
from runner.shell import word
from runner.steps.base import Context, Result, Script, StepKind, by_status
from runner.untrusted import sentence

__all__ = ["Shell", "ShellOptions"]

_LAST_LINE = 160
"""Characters of the last line of output that a failed step shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellOptions:
    """Options of `shell`."""

    run: str = field(
        metadata={"doc": "POSIX shell text, run unchanged in the site's folder", "scalar": "run"}
    )
    env: Mapping[str, str | SecretRef] = field(
        default_factory=dict,
        metadata={"doc": "environment variables; each value is a text or a reference to a secret"},
    )
    changes: bool = field(
        default=False,
        metadata={"doc": "the outcome for exit status 0 is `changed` instead of `ok`"},
    )

    def __post_init__(self) -> None:
        if not self.run.strip():
            raise ValueError("there is nothing to run")
        if "\0" in self.run:
            raise ValueError("`run` cannot contain a NUL character")
        for name in self.env:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise ValueError(f"{name!r} is not a valid name for an environment variable")


class Shell(StepKind):
    """Succeeds if the shell text exits with 0. Its output is kept."""

    name = "shell"
    summary = "Runs a shell text in the site's folder."
    options = ShellOptions
    example = """\
- shell: uptime
- shell:
    run: |
      redis-cli -a "$PASSWORD" flushdb
    env: {PASSWORD: {env: SHOP_REDIS_PASSWORD}}
    changes: true
  when: tag:redis
"""
    reads = "nothing."
    plans = "nothing: what a shell text does is only known once it has run."
    changes = (
        "whatever the text changes. It runs without a terminal, with empty stdin and a time limit "
        "(`timeout`). There are no templates inside `run`; pass values as environment variables. Secrets are "
        "resolved when the step runs and appear in no log, plan or command line."
    )
    understood = (
        "by its exit status: 0 is `ok`, or `changed` with `changes: true`; any other is `failed`. "
        "The output is kept without terminal escapes, and shortened if there is too much."
    )
    undone = "not automatically."

    def script(self, step: Step, context: Context) -> Script:
        """Return the text itself after a `cd`; if the folder does not exist, the step fails."""
        options = cast("ShellOptions", step.options)
        return Script(text=f"cd {word(context.site.path)} || exit\n{options.run}\n", env=options.env)

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:  # noqa: ARG002
        """Determine the outcome from the exit status; a failure's reason includes the last output line."""
        options = cast("ShellOptions", step.options)
        found = by_status(step, result, Outcome.CHANGED if options.changes else Outcome.OK)
        last = sentence(result.output.rstrip().rpartition("\n")[2], _LAST_LINE)
        if found.outcome is Outcome.FAILED and not result.why and last:
            return replace(found, why=f"{found.why}: {last}")
        return found
