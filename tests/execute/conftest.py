"""The fixtures of the driver's tests; they live in a module, so that tests/promises can use them too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from driver_hosts import hosts, pool, shell

__all__ = ["hosts", "pool", "shell"]
