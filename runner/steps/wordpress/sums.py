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
from dataclasses import dataclass, field

from runner.model import Host, Site
from runner.shell import assign
from runner.steps.base import Script
from runner.steps.wordpress.shell import host_script
from runner.untrusted import sentence

__all__ = ["Tree", "WordPressTree", "below", "read_sums", "sums_script"]

_LARGEST = 24 << 20
"""Bytes of an unpacked answer."""
_TEXT = r"""
export LC_ALL=C
PATH=/usr/local/bin:/usr/bin:/bin:$PATH
say() { printf '\n%s %s\n' "$mark" "$1"; }
cd "$site" 2>/dev/null || { say 'problem no-folder'; exit 3; }
if ! command -v md5sum >/dev/null; then php=${php:-$(find_php)} || { say 'problem no-md5sum'; exit 3; }; fi
lf='*
*' bs='*\\*'
# sums FIND-ARGUMENTS: a line for each file; one larger than 20 MB is named without its sum
sums() {
  if command -v md5sum >/dev/null; then
    find "$@" -type f ! -size +40960 ! -path "$lf" ! -path "$bs" -exec md5sum {} +
  else
    find "$@" -type f ! -size +40960 ! -path "$lf" ! -path "$bs" -print0 | "$php" -n -r \
      'foreach (explode("\0", stream_get_contents(STDIN)) as $f) if ($f !== "") echo md5_file($f), "  $f\n";'
  fi 2>/dev/null
  echo '= large'
  find "$@" -type f -size +40960 ! -path "$lf" ! -path "$bs" -print 2>/dev/null
  echo '= other'
  find "$@" ! -type f ! -type d ! -path "$lf" ! -path "$bs" -print 2>/dev/null
  echo '= odd'
  find "$@" \( -path "$lf" -o -path "$bs" \) -print0 2>/dev/null | head -c 100000 | tr '\n\\\000' '??\n'
}
headers='^(<\?php)?[[:space:]/*#@]*(Plugin Name|Version|Update URI):'
all() {
  for root in . ./*; do
    if [ ! -f "$root/wp-includes/version.php" ]; then continue; fi
    echo "= root $root"
    grep -o -E "wp_(version|local_package) *= *'[^']{1,40}'" "$root/wp-includes/version.php" | head -n 4
    echo '= sums'
    sums "$root/wp-admin" "$root/wp-includes"
    echo '= sums'
    sums "$root" -maxdepth 1 -size -2049
  done
  for content in ./wp-content ./*/wp-content ./*; do
    if [ ! -d "$content/plugins" ] || [ "$content" = "$done" ]; then continue; fi
    done=$content
    echo "= content $content"
    find "$content/plugins/" -maxdepth 2 -type f -name '*.php' ! -path "$lf" ! -path "$bs" \
      -exec grep -H -i -E -m 40 "$headers" {} + 2>/dev/null | cut -c 1-400
    echo '= sums'
    sums "$content/plugins/"
    echo '= unlisted'
    find "$content" -maxdepth 1 -type f -name '*.php' ! -name index.php ! -path "$lf" ! -path "$bs" -print
    find "$content/mu-plugins/" -maxdepth 2 -type f -name '*.php' ! -path "$lf" ! -path "$bs" -print
  done
  echo '= end'
} 2>/dev/null
if command -v gzip >/dev/null && command -v base64 >/dev/null; then
  say packed
  all | head -c "$most" | gzip -c | base64
else
  say plain
  all | head -c "$most"
fi
say end
"""
_VERSION = re.compile(r"wp_version *= *'([A-Za-z0-9._+-]{1,40})'")
_LOCALE = re.compile(r"wp_local_package *= *'([A-Za-z_]{1,20})'")
_HEADER = re.compile(r"(?:<\?php)?[ \t/*#@]*(Plugin Name|Version|Update URI):([^\r\n]*)", re.IGNORECASE)
_SUM = re.compile(r"([0-9a-f]{32}) [ *](\./.+)")


@dataclass(slots=True)
class Tree:
    """A folder of files that belong together: paths below the site's folder, and their MD5 sums."""

    place: str
    """Below the site's folder, without a slash at its end; empty for that folder itself."""
    sums: dict[str, str] = field(default_factory=dict)
    large: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    """Links, pipes and sockets."""
    odd: list[str] = field(default_factory=list)
    """Files whose names hold a line feed or a backslash, with `?` in their place."""
    unlisted: list[str] = field(default_factory=list)
    """Must-use plugins and drop-ins, of which nobody publishes checksums."""
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    """By main file of a plugin: `name`, `version`, `update uri`."""


@dataclass(slots=True)
class WordPressTree(Tree):
    """WordPress itself."""

    version: str = ""
    locale: str = "en_US"


def sums_script(site: Site, host: Host, mark: str, most: int = _LARGEST) -> Script:
    """What to run on the host. It changes nothing, and runs no file of the site."""
    head = assign({"mark": mark, "site": site.path, "most": most})
    return Script(text=host_script(host, f"{head}{_TEXT.strip()}"))


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
    cores, contents = _trees(lines)
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


def _trees(lines: Sequence[str]) -> tuple[list[WordPressTree], list[Tree]]:
    cores: list[WordPressTree] = []
    contents: list[Tree] = []
    tree, part = Tree(place=""), ""
    for line in lines:
        if line.startswith("= root ./") or line == "= root .":
            tree, part = WordPressTree(place=_place(line.removeprefix("= root "))), "version"
            cores.append(tree)
        elif line.startswith("= content ./"):
            tree, part = Tree(place=_place(line.removeprefix("= content "))), "headers"
            contents.append(tree)
        elif line.startswith("= "):
            part = line.removeprefix("= ")
        elif line:
            _add(tree, part, line)
    return cores, contents


def _add(tree: Tree, part: str, line: str) -> None:
    match part:
        case "version" if isinstance(tree, WordPressTree):
            if found := _VERSION.fullmatch(line):
                tree.version = tree.version or found[1]
            elif found := _LOCALE.fullmatch(line):
                tree.locale = found[1]
        case "headers":
            path, _, text = line.partition(":")
            if found := _HEADER.match(text):
                about = tree.headers.setdefault(_place(path), {})
                about.setdefault(found[1].lower().removeprefix("plugin "), _header(found[2]))
        case "sums":
            if found := _SUM.fullmatch(line):
                tree.sums[_place(found[2])] = found[1]
        case "large" | "other" | "odd" | "unlisted":
            getattr(tree, part).append(_place(line))


def _header(text: str) -> str:
    """As WordPress reads it: without the end of a comment."""
    return sentence(re.split(r"\*/|\?>", text[:300], maxsplit=1)[0], 200)


def _place(path: str) -> str:
    """A path below the site's folder, empty for that folder itself."""
    plain = re.sub("/{2,}", "/", path[:2000]).removeprefix("./").removesuffix("/")
    return "" if plain == "." else plain


def below(place: str, sums: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Files below a folder, named from there, with their sums."""
    head = f"{place}/" if place else ""
    for path, value in sums.items():
        if path.startswith(head):
            yield path.removeprefix(head), value
