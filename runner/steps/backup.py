"""`backup`: the database and the files of a site, streamed from the host.

Here are the shell texts. Each writes one gzip stream to standard output and what went wrong to standard
error; its exit status is 0 only if every member of the pipe ended well, without bash's `pipefail`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from runner.model import Host, Site, SiteKind, Step
from runner.shell import word
from runner.steps.base import Context, Script, StepKind, Where
from runner.steps.wordpress.address import server_of
from runner.steps.wordpress.identity import addresses_program
from runner.steps.wordpress.program_output import marked, texts
from runner.steps.wordpress.shell import early_program, plain_program, site_script

__all__ = [
    "UNREAD",
    "Backup",
    "BackupOptions",
    "database_script",
    "dump_is_complete",
    "excludes",
    "files_script",
    "left_out",
    "unreadable_script",
]

USUAL_EXCLUDES = (
    "wp-content/cache",
    "wp-content/upgrade",
    "wp-content/upgrade-temp-backup",
    "wp-content/debug.log",
    "wp-content/updraft",
    "wp-content/ai1wm-backups",
    "wp-content/backups-dup-lite",
    "wp-content/backupwordpress-*",
    "wp-content/uploads/backwpup-*",
    ".sitecrew-*",
    "error_log",
    "*.log",
)
"""Caches, logs and other people's backups."""
_MOST = 100
"""Objects that a snapshot names as left out."""
_DUMP = r"""
exact() {{
{exact}
}}
follows() {{
{follows}
}}
# bare COMMAND...: its output without definers, where the client writes them; its exit status
bare() {{
  exec 6>&1
  code=$( {{ {{ "$@" 5>&- 6>&-; echo $? >&5; }} | LC_ALL=C sed \
    -e '/^\/\*!50013 DEFINER=/s/DEFINER=`[^`]*`@`[^`]*` //' \
    -e '/^\/\*!50003 CREATE\*\/ \/\*!50017 DEFINER=/s/\/\*!50017 DEFINER=`[^`]*`@`[^`]*`\*\/ //' >&6
  }} 5>&1 )
  exec 6>&-
  return "${{code:-1}}"
}}
dump() {{
  exact
  exact=$?
  if [ "$exact" -eq 0 ]; then follows >/dev/null; fi
  [ "$exact" -eq 9 ] || return "$exact"
  say '{{"object": "{by_client}"}}' >&2
  bare wp db export - --single-transaction --quick --skip-lock-tables --routines --events \
    --default-character-set=utf8mb4 --skip-plugins --skip-themes
}}
{zipped}
"""
_LISTED = 1 << 16
"""Bytes of the names of unreadable files."""
_BY_CLIENT = "client"
_KINDS = frozenset(
    {"view", "table", "trigger", "sequence", "function", "procedure", "package", "package body", "event"}
)


_CONTENT = "./wp-content/"
UNREAD = 4
"""Status of a stream that is whole, but for what could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupOptions:
    """What may stand below `backup`."""

    include: tuple[Literal["database", "files"], ...] = field(
        default=("database", "files"),
        metadata={"doc": "what to keep; a static site has no database"},
    )
    exclude: tuple[str, ...] = field(
        default=(),
        metadata={
            "doc": "files to leave out, besides caches and logs: paths below the site's folder, "
            "or names without a slash for any depth; `*` and `?` match"
        },
    )

    follow: tuple[str, ...] = field(
        default=(),
        metadata={
            "doc": "links below the site's folder whose content is kept too, like `wp-content/uploads`, "
            "where they lead elsewhere"
        },
    )

    def __post_init__(self) -> None:
        if not self.include:
            raise ValueError("a backup includes database, files or both")
        if self.follow and "files" not in self.include:
            raise ValueError("`follow` is for files, and this backup includes none")
        for link in self.follow:
            if link.startswith(("/", "-")) or not {"", ".", ".."}.isdisjoint(link.split("/")):
                raise ValueError(f"{link!r} is not a plain path below the site's folder")
        for pattern in self.exclude:
            if not pattern or "\n" in pattern or "\0" in pattern:
                raise ValueError(f"{pattern!r} cannot be a file's name")


class Backup(StepKind):
    """A snapshot in the backup store. Read-only for the site."""

    name = "backup"
    summary = "Takes a consistent dump of the database and a copy of the files into the backup store."
    options = BackupOptions
    example = '- backup: {include: [database, files], exclude: ["*.mp4", wp-content/uploads/raw]}'
    reads = (
        "the database with PHP, in one transaction and without locking a table (consistent "
        "for InnoDB), and the files with `tar`. A `wp-config.php` one level above the site's folder "
        "comes along."
    )
    plans = "nothing: it changes nothing on the site."
    changes = "the backup store only. The host sends, the controller stores."
    understood = (
        "by the exit status of every member of the pipe and, for the dump, by its last line `-- Dump "
        "completed`. Files that change while they are read are no failure. Where files cannot be read the "
        "step has `failed`, and the rest is kept. Links that lead out of the site's folder are named. A view "
        "over a table that is gone, a table that is damaged or without its files and what else cannot be "
        "read are left out and named: by the step, by `show`, and in the snapshot's manifest (`lacks`). A "
        "database that is another site's is no backup: the step has `failed`."
    )
    undone = "by nothing: there is nothing to undo."
    where = Where.STREAM

    def script(self, step: Step, context: Context) -> None:  # noqa: ARG002
        """The store asks for `database_script` and `files_script` itself."""
        return


def database_script(site: Site, host: Host, mark: str) -> Script:
    """A dump that locks nothing and is of one instant (InnoDB), as gzip.

    PHP with mysqli reads it and writes it exactly (php/dump.php); what cannot be read is left out, and said
    aside: `left_out`. The account that made a view, a trigger or a routine (`DEFINER`) is not in the dump:
    it may be gone where that is restored. Where PHP cannot do it, wp-cli and the dump client do, with rounded
    FLOATs.

    That client is started with proc_open, which many hosts switch off, for their pages' sake. Whoever stores
    the dump also looks at its end: `dump_is_complete`.
    """
    given = {"roots": [site.path.rstrip("/")], "server": server_of(site)}
    exact = plain_program("dump", mark, given, parts=("sql", "database_tables", "database_rows", "addresses"))
    follows = addresses_program(site, mark)
    body = _DUMP.format(exact=exact, follows=follows, by_client=_BY_CLIENT, zipped=_zipped("dump", ok="0"))
    return site_script(site, host, mark, body, options="-ddisable_functions=")


def left_out(said: str, mark: str) -> tuple[str, ...]:
    """What a dump lacks, a sentence each, from what `database_script` said aside."""
    found = []
    for entry in marked(said, mark):
        kind, name, why = (texts(entry.get(key)) for key in ("object", "name", "why"))
        if kind in _KINDS and name:
            found.append(f"{kind} {name}: {why}")
        elif kind == _BY_CLIENT:
            found.append(
                "what PHP with mysqli reads alone: the dump client made it, and FLOAT columns are rounded"
            )
    return tuple(dict.fromkeys(found))[:_MOST]


def files_script(
    site: Site, host: Host, mark: str, exclude: Sequence[str] = (), follow: Sequence[str] = ()
) -> Script:
    """The site's folder as a tar in gzip, names beginning with ``./``; also where the site is not WordPress.

    What WordPress has elsewhere (its content, its configuration) comes along by absolute paths without the
    first slash; a wp-config.php one level above the folder as if it lay in it. What a link of `follow` leads
    to is named ``LINK/./FILE``. Files that change while they are read are no error: GNU tar says 1 for these,
    and only for these. Status `UNREAD`: the archive is whole, but for files that could not be read, named on
    standard error.
    """
    wordpress = site.kind is SiteKind.WORDPRESS
    patterns = [_pattern(entry) for entry in excludes(site, exclude)]
    flags = " ".join(f"--exclude={word(pattern)}" for pattern in (*patterns, *_behind(follow, patterns)))
    below = " ".join(word(one.removeprefix(_CONTENT)) for one in patterns if one.startswith(_CONTENT))
    body = f"""
export LC_ALL=C.UTF-8
cd {word(site.path)} || exit 3
{_places(site, host, mark) if wordpress else "places="}
set -- {flags}
{_following(follow)}
while read -r _ at what place; do
  if [ "$at $what" = "at content" ]; then
    for pattern in {below} ''; do
      # GNU tar compares names with the slash at their beginning, busybox without it
      [ -z "$pattern" ] || set -- "$@" "--exclude=$place/$pattern" "--exclude=${{place#/}}/$pattern"
    done
  fi
done <<SITECREW_PLACES
$places
SITECREW_PLACES
if ! tar --exclude=x -cf /dev/null /dev/null 2>/dev/null; then
  set --
  echo 'this tar cannot leave files out: all are kept' >&2
fi
set -- "$@" .
for link in {" ".join(map(word, follow))}; do [ -L "$link" ] && set -- "$@" "$link/."; done
above=
case $(tar --version 2>/dev/null) in
*GNU* | *bsdtar*)
  # elsewhere -C holds for all names: there the file comes by its own path
  if [ -e wp-load.php ] && [ ! -e wp-config.php ] && [ -r ../wp-config.php ]; then
    above=$(cd .. && pwd -P)/wp-config.php
  fi ;;
esac
while read -r _ at what place; do
  if [ "$at" = at ] && [ -e "$place" ] && [ "$place" != "$above" ]; then set -- "$@" "$place"; fi
done <<SITECREW_PLACES
$places
SITECREW_PLACES
if [ -n "$above" ]; then set -- "$@" -C .. ./wp-config.php; fi
tolerated=0
case $(tar --version 2>/dev/null) in *GNU*) tolerated=1 ;; esac
{_zipped('tar -cf - "$@"', ok='"$tolerated"', unread=UNREAD)}
"""
    return Script(text=f"files() {{\n{body.strip()}\n}}\nfiles </dev/null\n")


def excludes(site: Site, exclude: Sequence[str] = ()) -> tuple[str, ...]:
    """What a backup of the site's files leaves out: the usual caches and logs of WordPress, and `exclude`."""
    return (*(USUAL_EXCLUDES if site.kind is SiteKind.WORDPRESS else ()), *exclude)


def unreadable_script(site: Site) -> str:
    """Prints the files and folders of a site that the login cannot read, a line each, beginning with ``./``.

    Prints nothing where `find` does not know `-readable` (busybox, BSD).
    """
    return f"""cd {word(site.path)} 2>/dev/null || exit 0
find . ! -type l \\( ! -readable -o -type d ! -executable \\) -print -prune 2>/dev/null | head -c {_LISTED}
"""


def _places(site: Site, host: Host, mark: str) -> str:
    """Sets `places`: the lines by which WordPress says what it has outside the site's folder, if it can."""
    code = early_program("places", mark, {"site": site.path}, parts=("facts_deployment",))
    text = site_script(site, host, mark, f'{code}\nwp db export - --exec="$code"').text
    return f"""
ask() {{
{text.rstrip()}
}}
places=$( (ask) 2>/dev/null | grep '^{mark} at [a-z]* /' || :)
"""


def dump_is_complete(tail: bytes) -> bool:
    """Whether a dump whose last bytes (unzipped, a hundred are enough) are these is whole."""
    return tail.rstrip().rsplit(b"\n", 1)[-1].startswith(b"-- Dump completed")


def _zipped(command: str, *, ok: str, unread: int = 1) -> str:
    """`command` through gzip; the function returns 0 where it ended with 0 to `ok`, and gzip with 0.

    Else 1 where gzip did not, and `unread` where only the command did not.
    """
    return f"""
exec 4>&1
ends=$( {{
  {{ {command} 3>&- 4>&-; echo "from=$?" >&3; }} | {{ gzip -1 >&4 3>&-; echo "to=$?" >&3; }}
}} 3>&1 )
exec 4>&-
from=1 to=1
eval "$ends"
[ "$to" -eq 0 ] || return 1
[ "$from" -le {ok} ] || return {unread}
""".strip()


def _following(follow: Sequence[str]) -> str:
    """The links themselves are left out: their content has their place."""
    return "".join(f'[ -L {word(link)} ] && set -- "$@" {word(f"--exclude=./{link}")}\n' for link in follow)


def _behind(follow: Sequence[str], patterns: Sequence[str]) -> Iterator[str]:
    """What is left out below a link, as it is named where the link is followed."""
    for link in follow:
        for pattern in patterns:
            if pattern.startswith(f"./{link}/"):
                yield f"{link}/./{pattern.removeprefix(f'./{link}/')}"


def _pattern(entry: str) -> str:
    entry = entry.strip().removeprefix("./").lstrip("/").rstrip("/")
    return f"./{entry}" if "/" in entry else entry
