"""Visitors of all sites as a process of their own: `python -m lab.demo.visitors URL TEXT [URL TEXT ...]`.

They request the front pages until stdin is closed. Then one line of JSON is printed: how many requests there
were, how many of them did not return a whole page with TEXT, and why.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lab.demo.result import Visits
from lab.visitors import Crowd

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lab.fleet import Site

__all__ = ["Counter", "visiting"]

RATE = 2.0
"""Requests a second for each site: enough to notice half a second of downtime, and little load."""


@dataclass
class Counter:
    """What the visitors saw, once they have left."""

    visits: Visits = field(default_factory=lambda: Visits(0, 0))


@contextmanager
def visiting(sites: Iterable[Site]) -> Iterator[Counter]:
    """Visitors come for as long as the block runs; the counter is filled at its end."""
    counter = Counter()
    pairs = [text for site in sites for text in (site.url, site.expect)]
    # A session of its own: Ctrl-C reaches the demo, which ends the visitors.
    child = subprocess.Popen(
        [sys.executable, "-m", "lab.demo.visitors", *pairs],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        yield counter
    except BaseException:
        child.kill()
        child.communicate()
        raise
    out, _ = child.communicate()
    found = json.loads(out)
    counter.visits = Visits(found["asked"], found["failed"], tuple(found["failures"]))


def main(arguments: Sequence[str]) -> int:
    """Request pages until stdin is closed."""
    crowds = [
        Crowd(url, rate=RATE, visitors=1, pages={"/": text})
        for url, text in zip(arguments[::2], arguments[1::2], strict=True)
    ]
    with ExitStack() as stack:
        for crowd in crowds:
            stack.enter_context(crowd.coming())
        sys.stdin.read()
    failures = [f"{crowd.url.geturl()}: {visit.why}" for crowd in crowds for visit in crowd.failures]
    asked = sum(crowd.asked for crowd in crowds)
    print(json.dumps({"asked": asked, "failed": len(failures), "failures": failures}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
