"""`sitecrew` and `python -m runner`."""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and end the process, even if threads still wait for a host."""
    if "_SITECREW_COMPLETE" in os.environ:  # asked by a shell: nothing slow is imported
        from runner.cli.completion.answer import answer

        answer()
        sys.exit(0)
    from runner.cli.crash import exit_process
    from runner.cli.main import run

    exit_process(run())


if __name__ == "__main__":
    main()
