"""Symbolic links of an archive that lead out of the folder that was archived. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable

from runner.backup.tar import Link
from runner.untrusted import sentence

__all__ = ["followed", "leading_out"]

_MOST = 100
_NAME = 200


def followed(name: bytes) -> bytes:
    """The link through which a file was archived, as the host names it: ``LINK/./FILE``; else empty."""
    link, through, _ = name.partition(b"/./")
    return link if through and link != b"." else b""


def leading_out(links: Iterable[Link], root: str, kept: Collection[bytes]) -> tuple[str, ...]:
    """The links whose targets lie outside the folder `root` of the host, as ``NAME -> TARGET``.

    What lies behind those in `kept` is in the archive itself. Of more than a hundred, the first ones.
    """
    top = posixpath.normpath(root)
    found = []
    for link in links:
        name = link.name.removeprefix(b"./")
        target = link.target.decode(errors="replace")
        place = posixpath.join(top, posixpath.dirname(name.decode(errors="replace")), target)
        inside = f"{posixpath.normpath(place)}/".startswith(f"{top.rstrip('/')}/")
        if name not in kept and not inside:
            shown = sentence(name.decode(errors="replace"), _NAME)
            found.append(f"{shown} -> {sentence(target, _NAME)}")
    return tuple(found[:_MOST])
