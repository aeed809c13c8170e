"""Create the README's picture of a report: `python -m tests.report.picture docs/pictures/report.png`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from runner.report import render_html
from tests.report import samples

WIDTH, HEIGHT = 640, 1120
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "report.html")
        page.write_text(render_html(samples.attention()), encoding="utf-8")
        command = ["chromium", *QUIET, f"--user-data-dir={folder}/profile", f"--window-size={WIDTH},{HEIGHT}"]
        command += [f"--screenshot={target.resolve()}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
