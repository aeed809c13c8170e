"""The command line of a version whose workflows differ: `python -m tests.promises.newer ...`."""

from __future__ import annotations

import sys

from runner.cli.main import main
from runner.workflows import engine

if __name__ == "__main__":
    engine.APPLICATION_VERSION = f"{engine.APPLICATION_VERSION}-next"
    main(sys.argv[1:])
