"""Times patterns on hostile text, one a line of JSON; a timer kills it where one does not end."""

from __future__ import annotations

import json
import re
import signal
import sys
import time

SIZES = (16 << 10, 64 << 10, 256 << 10)
FACTOR = 12
"""Four times the text may take three times four times as long."""
FLOOR = 0.02
"""Seconds: what takes less is not measured well enough."""
CEILING = 0.5
"""Seconds for any of these texts."""
_WORST = 3
_PATIENCE = 3.0
"""Seconds of the processor for one pattern."""


def text_of(spec: list[str], size: int) -> str:
    """A text of about so many characters."""
    before, piece, after = spec
    return before + piece * (size // len(piece)) + after


def main() -> None:
    """Answer each line on stdin with one on stdout: what grew, or null."""
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_VIRTUAL, _PATIENCE)
        asked = json.loads(line)
        pattern = asked["pattern"].encode("latin-1") if asked["bytes"] else asked["pattern"]
        compiled = re.compile(pattern, asked["flags"])
        found = next(filter(None, (_grown(compiled, method, asked) for method in asked["methods"])), None)
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


def _grown(compiled: re.Pattern, method: str, asked: dict) -> object:
    """The method, the text and the seconds with which a pattern grows too fast; None where none does."""

    def took(spec: list[str], size: int) -> float:
        text = text_of(spec, size)
        data = text.encode("latin-1", "replace") if asked["bytes"] else text
        began = time.process_time()
        _use(compiled, method, data)
        return time.process_time() - began

    timed = []
    for spec in asked["texts"]:
        timed.append((took(spec, SIZES[0]), spec))
        if timed[-1][0] > CEILING:
            return [method, spec, [timed[-1][0]]]
    for first, spec in sorted(timed, key=lambda one: -one[0])[:_WORST]:
        times = [first]
        for size in SIZES[1:]:
            allowed = min(FACTOR * max(times[-1], FLOOR / FACTOR), CEILING)
            times.append(took(spec, size))
            if times[-1] > allowed and min(took(spec, size) for _ in range(2)) > allowed:
                return [method, spec, times]
    return None


def _use(compiled: re.Pattern, method: str, data: str | bytes) -> None:
    if method in {"sub", "subn"}:
        getattr(compiled, method)(data[:0], data)
    elif method == "finditer":
        for _ in compiled.finditer(data):
            pass
    else:
        getattr(compiled, method)(data)


if __name__ == "__main__":
    main()
