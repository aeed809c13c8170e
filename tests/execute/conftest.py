"""Fixtures for tests of the driver, from a module that tests/promises uses too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from driver_hosts import hosts, pool, shell

__all__ = ["hosts", "pool", "shell"]
