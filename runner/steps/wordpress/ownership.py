"""Exact copies: with owner, group, mode, setgid and ACL, even if `cp` cannot keep them."""

from __future__ import annotations

from runner.steps.wordpress.shell import plain_program, shell_source

__all__ = ["alike"]


def alike(mark: str) -> str:
    """The shell functions `alike`, `alike_below` and `alike_in`. They need `find_php` and `$kept`."""
    return shell_source("ownership", program=plain_program("alike", mark, {}, parts=("ownership",)))
