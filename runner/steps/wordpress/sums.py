"""The checksums of a site's files, computed by the host's own programs.

WordPress and the site's PHP are not started. Folders and versions are found on disk, below the folder that
the inventory names, so the site cannot affect the result. Links and odd names are reported, never followed.
The output is compressed: 30,000 files take about one mebibyte.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence

from runner.model import Host, Site
from runner.shell import assign
from runner.steps.base import Script
from runner.steps.wordpress.disk import Tree, WordPressTree, trees
from runner.steps.wordpress.shell import host_script, shell_source

__all__ = ["below", "read_sums", "sums_script"]

_LARGEST = 24 << 20
"""The largest decompressed output, in bytes."""


def sums_script(
    site: Site, host: Host, mark: str, most: int = _LARGEST, *, only: Sequence[str] = ()
) -> Script:
    """Build the script that computes the checksums. It changes nothing and runs no code of the site.

    Args:
        site: whose files are read.
        host: of the site.
        mark: that starts each line of ours in the output.
        most: bytes of output before compression.
        only: plugin folders to read, without blanks in their names; empty for all files.
    """
    head = assign({"mark": mark, "site": site.path, "most": most, "only": " ".join(only)})
    return Script(text=host_script(host, head + shell_source("disk") + shell_source("sums")))


def read_sums(output: str, mark: str) -> tuple[list[WordPressTree], list[Tree], str]:
    """Parse the output: WordPress, the content folders, and why the output is incomplete or empty text."""
    head, _, rest = output.partition(f"\n{mark} packed\n")
    text, problem = (
        _decompressed(rest.partition(f"\n{mark} end\n")[0])
        if rest
        else (head.partition(f"\n{mark} plain\n")[2].partition(f"\n{mark} end\n")[0], "")
    )
    if match := re.search(rf"^{re.escape(mark)} problem ([a-z0-9-]{{1,40}})$", output, re.MULTILINE):
        problem = f"the host has {match[1].replace('-', ' ')}"
    lines = text.split("\n")
    complete = "= end" in lines[-2:]
    cores, contents = trees(lines)
    if not problem and not complete:
        problem = "the host's output is incomplete: there are too many files, or it was cut off"
    return cores, contents, problem


def _decompressed(text: str) -> tuple[str, str]:
    try:
        compressed = base64.b64decode("".join(text.split()), validate=True)
        decompressor = zlib.decompressobj(wbits=31)
        data = decompressor.decompress(compressed, _LARGEST)
    except (binascii.Error, ValueError, zlib.error):
        return "", "the host's output cannot be read"
    if decompressor.unconsumed_tail:
        return "", "the host's output is larger than the limit"
    return data.decode("utf-8", "surrogateescape"), ""


def below(place: str, sums: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The files below a folder, by paths relative to it, with their checksums."""
    head = f"{place}/" if place else ""
    for path, value in sums.items():
        if path.startswith(head):
            yield path.removeprefix(head), value
