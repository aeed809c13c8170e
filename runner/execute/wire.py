"""What one exec is sent: a constant command, and through its stdin the text that follows a job."""

from __future__ import annotations

from dataclasses import dataclass

from runner.execute.frames import new_nonce
from runner.execute.texts import text
from runner.shell import assign, word

__all__ = ["Opening", "command", "opening", "packed"]

LOADER = 'n=${IFS#??};b=;while IFS= read -r l;do case $l in .)eval "$b";exit;;esac;b=$b$l$n;done'
"""Reads shell text up to a line with a dot, then runs it: a text that was cut does nothing. ``${IFS#??}`` is
a line feed; neither that nor an exclamation mark stands in it, so every login shell takes it, even tcsh."""


def command(shell: str = "/bin/sh") -> str:
    """The same for every exec: nothing in it is secret or long."""
    return f"exec {word(shell)} -c '{LOADER}'"


def packed(script: str) -> bytes:
    """Shell text as it is sent: taken in one gulp, since `read` makes a system call for every byte.

    The braces make one command of it: a shell reads that to its end before it runs any of it, so of a text
    that was cut nothing is run here either.
    """
    data = f"{{\n{script}}}\n".encode()
    return f'eval "$(head -c {len(data)})"\n.\n'.encode() + data


@dataclass(frozen=True, slots=True)
class Opening:
    """The first bytes for the exec's stdin, and the nonce of the frames that will answer them."""

    nonce: str
    data: bytes


def opening(
    mode: str,
    job: str,
    *,
    body: str = "",
    secrets: str = "",
    offset: int = 0,
    beat: int = 10,
    linger: int = 30,
    shell: str = "/bin/sh",
) -> Opening:
    """Text for `mode` start, attach, keep, undo, cancel or ack; the body goes with start only."""
    nonce = new_nonce()
    settings = {
        "mode": mode,
        "job": job,
        "link": nonce,
        "offset": str(offset),
        "beat": str(beat),
        "linger": str(linger),
        "shell": shell,
        "secrets": secrets,
        "body": body,
    }
    head = assign(settings)
    return Opening(nonce, packed(f"{head}{text('common', 'link')}"))
