"""`shell`: a command of the crew's own, in the site's folder."""

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

_SAID = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellOptions:
    """What may stand below `shell`."""

    run: str = field(
        metadata={"doc": "POSIX shell text, run as it stands in the site's folder", "scalar": "run"}
    )
    env: Mapping[str, str | SecretRef] = field(
        default_factory=dict,
        metadata={"doc": "environment variables; a value is a text or a secret reference"},
    )
    changes: bool = field(
        default=False,
        metadata={"doc": "say `changed` rather than `ok` when it exits with 0"},
    )

    def __post_init__(self) -> None:
        if not self.run.strip():
            raise ValueError("there is nothing to run")
        if "\0" in self.run:
            raise ValueError("a shell text cannot hold a NUL character")
        for name in self.env:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise ValueError(f"{name!r} is not a name of an environment variable")


class Shell(StepKind):
    """Succeeds when the text exits with 0. Its output is kept."""

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
    plans = "nothing: nobody can know what a text will do."
    changes = (
        "whatever the text changes. It has no terminal, an empty standard input, and a time limit "
        "(`timeout`). There is no templating inside `run`; what it needs reaches it as environment. A "
        "secret is resolved when the step runs, and is in no log, plan or argument."
    )
    understood = (
        "by its exit status: 0 is `ok`, or `changed` with `changes: true`; anything else is `failed`. "
        "The output is kept, without terminal escapes, and cut when it floods."
    )
    undone = "by nothing."

    def script(self, step: Step, context: Context) -> Script:
        """The text itself, after a `cd`; a folder that is not there fails the step."""
        options = cast("ShellOptions", step.options)
        return Script(text=f"cd {word(context.site.path)} || exit\n{options.run}\n", env=options.env)

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:  # noqa: ARG002
        """By its exit status; `changes: true` makes a good one `changed`. A bad one tells its last line."""
        options = cast("ShellOptions", step.options)
        found = by_status(step, result, Outcome.CHANGED if options.changes else Outcome.OK)
        last = sentence(result.output.rstrip().rpartition("\n")[2], _SAID)
        told = found.outcome is Outcome.FAILED and not result.why and last
        return replace(found, why=f"{found.why}: {last}") if told else found
