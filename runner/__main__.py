"""`sitecrew` and `python -m runner`."""

from __future__ import annotations

from typing import NoReturn

from runner.cli.crash import leave
from runner.cli.main import run


def main() -> NoReturn:
    """Run the command line, then exit without waiting for threads."""
    leave(run())


if __name__ == "__main__":
    main()
