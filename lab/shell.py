"""Commands of this machine, and waiting for what they bring about."""

from __future__ import annotations

import os
import pwd
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

__all__ = ["LabError", "mounted", "run", "side_by_side", "until", "usual_umask", "write"]

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class LabError(Exception):
    """The lab cannot be had; the message says why and what would help."""


def run(
    *argv: str | Path,
    stdin: str | bytes = b"",
    user: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Runs a command to its end and returns its stdout.

    Args:
        argv: The command and its arguments; no shell is involved.
        stdin: What the command reads.
        user: The unix user it runs as, with that user's HOME; root where None.
        env: Added to a small environment of our own.
        cwd: The folder it runs in.

    Raises:
        LabError: The exit status was not 0; carries the last lines of what it said.
    """
    home = pwd.getpwnam(user).pw_dir if user else os.environ.get("HOME", "/root")
    done = subprocess.run(
        argv,
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        check=False,
        env={"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": home, **(env or {})},
        cwd=cwd or "/",
        user=user,
        group=user,
        extra_groups=[] if user else None,
    )
    if done.returncode != 0:
        said = (done.stderr + b"\n" + done.stdout).decode(errors="replace").strip()
        raise LabError(f"{' '.join(map(str, argv))} ended with {done.returncode}:\n{said[-2000:]}")
    return done.stdout.decode(errors="replace")


def until(check: Callable[[], bool], what: str, *, seconds: float = 30.0) -> None:
    """Returns as soon as `check` holds.

    Raises:
        LabError: It did not within `seconds`.
    """
    end = time.monotonic() + seconds
    pause = 0.002
    while not check():
        if time.monotonic() > end:
            raise LabError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


@contextmanager
def mounted(folder: Path, *how: str) -> Iterator[Path]:
    """The folder, made if need be, with what `mount` is told in its place; only for root."""
    folder.mkdir(exist_ok=True)
    run("mount", *how, folder)
    try:
        yield folder
    finally:
        run("umount", folder)


def side_by_side(*works: Callable[[], object]) -> None:
    """Does independent things at once; the first error is raised when all have ended."""
    with ThreadPoolExecutor(max_workers=max(len(works), 1)) as pool:
        for future in [pool.submit(work) for work in works]:
            future.result()


def write(path: Path, text: str | bytes, *, mode: int = 0o644) -> None:
    """Puts a whole file in place by a rename, so that nobody reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    fresh.write_bytes(text.encode() if isinstance(text, str) else text)
    fresh.chmod(mode)
    fresh.rename(path)


@contextmanager
def usual_umask() -> Iterator[None]:
    """022, whatever the caller's is: the hosts' users must be able to read what root lays out for them."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)
