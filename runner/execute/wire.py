"""The data sent over an exec channel: a constant command, then shell text on its stdin."""

from __future__ import annotations

from dataclasses import dataclass

from runner.execute.frames import new_nonce
from runner.execute.texts import text
from runner.shell import assign, word

__all__ = ["Opening", "opening", "packed", "shell_command"]

LOADER = 'n=${IFS#??};b=;while IFS= read -r l;do case $l in .)eval "$b";exit;;esac;b=$b$l$n;done'
"""Reads shell text up to a line with a dot, then runs it: incomplete text does nothing. ``${IFS#??}`` is a
line feed. The command contains no line feed and no exclamation mark, so every login shell accepts it, even
tcsh."""


def shell_command(shell: str = "/bin/sh") -> str:
    """The command of every exec channel. Nothing in it is secret or long."""
    return f"exec {word(shell)} -c '{LOADER}'"


def packed(script: str) -> bytes:
    """Pack shell text for sending. The host reads it with `head`: `read` makes a system call for every byte.

    The braces make it one command. A shell parses that to its end before it runs any of it, so incomplete
    text does nothing here either.
    """
    data = f"{{\n{script}}}\n".encode()
    return f'eval "$(head -c {len(data)})"\n.\n'.encode() + data


@dataclass(frozen=True, slots=True)
class Opening:
    """The first bytes for the channel's stdin, and the nonce of the frames that answer them."""

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
    """The text for `mode`: start, attach, keep, undo, cancel or ack. Only start sends a body."""
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
