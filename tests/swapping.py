"""A neighbour who swaps a folder for a link, again and again, as fast as a process can."""

from __future__ import annotations

import ctypes
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["swapping"]

_EXCHANGE = 2


@contextmanager
def swapping(folder: Path, elsewhere: Path) -> Iterator[list[int]]:
    """`folder` and a link to `elsewhere` change places in a loop; at the end the folder is back.

    There is no instant without one of them. The list holds the number of swaps.
    """
    link, over, count = folder.with_name(f"{folder.name}.link"), threading.Event(), [0]
    link.symlink_to(elsewhere)
    libc = ctypes.CDLL(None)

    def swap() -> None:
        one, two = os.fsencode(folder), os.fsencode(link)
        while not over.is_set():
            # one of the two may be gone for a while: an empty folder is deleted
            count[0] += not libc.renameat2(-100, one, -100, two, _EXCHANGE)

    thread = threading.Thread(target=swap, name="swapping")
    thread.start()
    try:
        yield count
    finally:
        over.set()
        thread.join()
        if folder.is_symlink():
            libc.renameat2(-100, os.fsencode(folder), -100, os.fsencode(link), _EXCHANGE)
        link.unlink(missing_ok=True)
