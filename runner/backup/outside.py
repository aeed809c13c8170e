"""Symbolic links in an archive that lead out of the archived folder. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Collection

from runner.backup.tar import Noted
from runner.untrusted import sentence

__all__ = ["followed", "leading_out"]

_MOST = 100
_NAME = 200


def followed(name: bytes) -> bytes:
    """Return the link through which a file was archived, from its name ``LINK/./FILE``; else empty."""
    link, through, _ = name.partition(b"/./")
    return link if through and link != b"." else b""


def leading_out(noted: Noted, root: str, kept: Collection[bytes]) -> tuple[str, ...]:
    """Return the links with targets that are not in the archive, as ``NAME -> TARGET``; at most a hundred.

    Names that start with ``./`` are below the folder `root` of the host, others below ``/``. The targets of
    the links in `kept` are in the archive.
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
