"""Symbolic links of an archive that lead out of the folder that was archived. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Collection

from runner.backup.tar import Noted
from runner.untrusted import sentence

__all__ = ["followed", "leading_out"]

_MOST = 100
_NAME = 200


def followed(name: bytes) -> bytes:
    """The link through which a file was archived, as the host names it: ``LINK/./FILE``; else empty."""
    link, through, _ = name.partition(b"/./")
    return link if through and link != b"." else b""


def leading_out(noted: Noted, root: str, kept: Collection[bytes]) -> tuple[str, ...]:
    """The links whose targets lie outside what was archived, as ``NAME -> TARGET``.

    Names with ``./`` at their beginning are below the folder `root` of the host, others below ``/``.
    What lies behind the links in `kept` is in the archive. Of more than a hundred, the first ones.
    """
    top = posixpath.normpath(root)
    places = [top, *(f"/{place.decode(errors='replace')}" for place in noted.places)]
    found = []
    for link in noted.links:
        name, target = (text.decode(errors="replace") for text in (link.name, link.target))
        base = top if name.startswith("./") else "/"
        name = name.removeprefix("./")
        leads = f"{posixpath.normpath(posixpath.join(base, posixpath.dirname(name), target))}/"
        inside = any(leads.startswith(f"{place.rstrip('/')}/") for place in places)
        if link.name.removeprefix(b"./") not in kept and not inside:
            found.append(f"{sentence(name, _NAME)} -> {sentence(target, _NAME)}")
    return tuple(found[:_MOST])
