"""The command line with a clock for its runs that is AHEAD by so many seconds."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from runner.__main__ import main
from runner.apply.session import Session

AHEAD = timedelta(seconds=float(os.environ["AHEAD"]))

if __name__ == "__main__":
    Session.now = staticmethod(lambda: datetime.now(UTC) + AHEAD)  # type: ignore[method-assign]
    main()
