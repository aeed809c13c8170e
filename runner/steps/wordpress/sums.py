"""The checksums of a site's files, taken by the host's own programs.

Neither WordPress nor its PHP is started. Folders and versions are found on disk, below the folder that the
inventory names: the site has no say in where to look. Links and odd names are reported, never followed. The
answer is packed: 30,000 files take about one mebibyte.
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
"""Bytes of an unpacked answer."""


def sums_script(
    site: Site, host: Host, mark: str, most: int = _LARGEST, *, only: Sequence[str] = ()
) -> Script:
    """What to run on the host. It changes nothing, and runs no file of the site.

    With `only`, of the site's files those in these folders of plugins, which have names without blanks.
    """
    head = assign({"mark": mark, "site": site.path, "most": most, "only": " ".join(only)})
    return Script(text=host_script(host, head + shell_source("disk") + shell_source("sums")))


def read_sums(output: str, mark: str) -> tuple[list[WordPressTree], list[Tree], str]:
    """WordPress and its content folders as they are on disk, and why the answer is not whole."""
    head, _, rest = output.partition(f"\n{mark} packed\n")
    text, problem = (
        _unpacked(rest.partition(f"\n{mark} end\n")[0])
        if rest
        else (head.partition(f"\n{mark} plain\n")[2].partition(f"\n{mark} end\n")[0], "")
    )
    if match := re.search(rf"^{re.escape(mark)} problem ([a-z0-9-]{{1,40}})$", output, re.MULTILINE):
        problem = f"the host has {match[1].replace('-', ' ')}"
    lines = text.split("\n")
    whole = "= end" in lines[-2:]
    cores, contents = trees(lines)
    if not problem and not whole:
        problem = "the host's answer is not whole: there are too many files, or it was cut"
    return cores, contents, problem


def _unpacked(text: str) -> tuple[str, str]:
    try:
        packed = base64.b64decode("".join(text.split()), validate=True)
        engine = zlib.decompressobj(wbits=31)
        data = engine.decompress(packed, _LARGEST)
    except (binascii.Error, ValueError, zlib.error):
        return "", "the host's answer cannot be read"
    if engine.unconsumed_tail:
        return "", "the host's answer is larger than is read"
    return data.decode("utf-8", "surrogateescape"), ""


def below(place: str, sums: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Files below a folder, named from there, with their sums."""
    head = f"{place}/" if place else ""
    for path, value in sums.items():
        if path.startswith(head):
            yield path.removeprefix(head), value
