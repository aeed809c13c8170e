"""`sitecrew` and `python -m runner`."""

from __future__ import annotations

from typing import NoReturn

from runner.cli.crash import exit_process
from runner.cli.main import run


def main() -> NoReturn:
    """Run the command line and end the process, even if threads still wait for a host."""
    exit_process(run())


if __name__ == "__main__":
    main()
