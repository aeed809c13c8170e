"""Builds on the controller: each runs in a process group of its own, which is killed with this process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

from runner.model import Outcome, SecretRef, Step, StepOutcome
from runner.modes import user_umask
from runner.steps.static import BuildOptions
from runner.steps.static.build import no_folder, placed
from runner.untrusted import clean

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["build_site", "built_here"]

_POLL = 0.1
_GRACE = 5.0
_MAX_OUTPUT = 64 << 20
_KEPT_OUTPUT = 10_000
_PASSED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE")
"""Variables of our environment that a build gets; the others may hold secrets."""

# the controller holds the other end of stdin: if it closes, the whole group is killed
_WRAPPER = """exec 3<&0 </dev/null
( read -r gone <&3; kill -KILL 0 ) >/dev/null 2>&1 &
exec 3<&-
exec /bin/sh -c "$1" build"""


def build_site(ctx: SiteContext, step: Step) -> StepOutcome:
    """Run the build until it ends, exceeds its time limit or the run is cancelled; then check its output."""
    options = step.options
    assert isinstance(options, BuildOptions)  # noqa: S101  # the loader made it so
    started = time.monotonic()
    folder = ctx.workspace.folder / placed(options.folder, ctx.site)
    if not folder.is_dir():
        why = no_folder(options, ctx.site)
        return StepOutcome(step=step.id, outcome=Outcome.FAILED, why=why, seconds=0.0)
    limit = (step.timeout or ctx.order.limits.step).total_seconds()
    with tempfile.TemporaryFile() as output:
        code, why = _run(ctx, options, folder, output, limit)
        printed = _end_of(output)
    seconds = round(time.monotonic() - started, 3)
    if why == "cancelled":
        return StepOutcome(
            step=step.id,
            outcome=Outcome.CANCELLED,
            why=ctx.stop.why,
            seconds=seconds,
            output=printed,
        )
    if not why and code:
        why = f"exit status {code}" if code > 0 else f"killed by signal {-code}"
    made = built_here(ctx, options)
    if not why and not (made.is_dir() and any(made.iterdir())):
        why = f"the build exited with 0, but {made} is empty"
    outcome = Outcome.FAILED if why else Outcome.OK
    return StepOutcome(step=step.id, outcome=outcome, why=why, seconds=seconds, output=printed)


def built_here(ctx: SiteContext, options: BuildOptions) -> Path:
    """Return the output folder of a build on the controller."""
    return ctx.workspace.folder / placed(options.built, ctx.site)


def _run(
    ctx: SiteContext, options: BuildOptions, folder: Path, output: IO[bytes], limit: float
) -> tuple[int, str]:
    stdin, held = os.pipe()
    try:
        process = subprocess.Popen(  # noqa: S603  # the text is the user's own, from the playbook
            ["/bin/sh", "-c", _WRAPPER, "sitecrew", options.run],
            cwd=folder,
            env=_environment(ctx, options),
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=user_umask(),
        )
    finally:
        os.close(stdin)
    try:
        return _follow(ctx, process, output, limit)
    finally:
        os.close(held)
        _signal(process, signal.SIGKILL)  # its background processes, and the one that watches stdin
        process.wait()


def _follow(
    ctx: SiteContext, process: subprocess.Popen[bytes], output: IO[bytes], limit: float
) -> tuple[int, str]:
    deadline = time.monotonic() + limit
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(_POLL), ""
        why = ""
        if ctx.stop.asked.is_set():
            why = "cancelled"
        elif time.monotonic() > deadline:
            why = f"took longer than its time limit; stopped after {limit:.0f} s"
        elif os.fstat(output.fileno()).st_size > _MAX_OUTPUT:
            why = f"printed more than {_MAX_OUTPUT >> 20} MiB and was stopped"
        if why:
            _signal(process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(_GRACE), why
            _signal(process, signal.SIGKILL)
            return process.wait(), why


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _environment(ctx: SiteContext, options: BuildOptions) -> dict[str, str]:
    env = {name: os.environ[name] for name in _PASSED if name in os.environ}
    env |= {"SITECREW_SITE": ctx.site.name, "SITECREW_URL": ctx.site.url, "NO_COLOR": "1", "TERM": "dumb"}
    env |= ctx.variables()
    for name, value in options.env.items():
        if isinstance(value, SecretRef):
            env[name] = ctx.secret(value)
        else:
            env[name] = value
    return env


def _end_of(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(size - _KEPT_OUTPUT, 0))
    return clean(output.read().decode("utf-8", "replace"))
