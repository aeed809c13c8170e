"""`sitecrew` and `python -m runner`."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

_COLLECTIONS = (20_000, 20, 20)
"""Thresholds of the garbage collector; with those of Python, imports and runs need a tenth more CPU."""


def main() -> NoReturn:
    """Run the command line and end the process, even if threads still wait for a host."""
    if "_SITECREW_COMPLETE" in os.environ:  # asked by a shell: nothing slow is imported
        from runner.cli.completion.answer import answer

        answer()
        sys.exit(0)
    gc.set_threshold(*_COLLECTIONS)
    from runner.cli.crash import Exit

    leave = Exit()
    from runner.cli.main import run

    leave(run())


if __name__ == "__main__":
    main()
