"""`python -m lab.demo.picture`: the first chapter of the demo on a terminal, as docs/pictures/demo.svg."""

from __future__ import annotations

import sys
from pathlib import Path

from lab.demo.screen import say
from lab.demo.story import forget_progress
from lab.spec import FleetSpec
from lab.terminal import Terminal
from lab.terminal_film import film, shots

FOLDER = Path(__file__).parents[2]
COLUMNS, ROWS = 100, 30
PATIENCE = 600.0
PROGRAM = "printf '$ scripts/demo\\n'; exec scripts/demo"


def main() -> int:
    """Returns the exit code of the demo; the picture is written if it is 0."""
    forget_progress(FleetSpec())
    with Terminal(["sh", "-c", PROGRAM], folder=FOLDER, columns=COLUMNS, rows=ROWS) as terminal:
        code = terminal.wait_for_exit(PATIENCE)
    if code != 0:
        say(terminal.text, file=sys.stderr)
        return code
    target = FOLDER / "docs/pictures/demo.svg"
    target.write_text(film(shots(terminal.chunks, COLUMNS, ROWS), COLUMNS, title="scripts/demo"))
    say(
        f"{target.relative_to(FOLDER)}: {target.stat().st_size / 1000:.0f} kB, {terminal.frames[-1].at:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
