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
from runner.steps.wordpress.shell import site_script

__all__ = ["UNREAD", "Backup", "BackupOptions", "database_script", "dump_is_complete", "files_script"]

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
        "the database with `wp db export`, in one transaction and without locking a table (consistent "
        "for InnoDB), and the files with `tar`. A `wp-config.php` one level above the site's folder "
        "comes along."
    )
    plans = "nothing: it changes nothing on the site."
    changes = "the backup store only. The host sends, the controller stores."
    understood = (
        "by the exit status of every member of the pipe and, for the dump, by its last line `-- Dump "
        "completed`. Files that change while they are read are no failure. Where files cannot be read the "
        "step has `failed`, and the rest is kept. Links that lead out of the site's folder are named."
    )
    undone = "by nothing: there is nothing to undo."
    where = Where.STREAM

    def script(self, step: Step, context: Context) -> None:  # noqa: ARG002
        """The store asks for `database_script` and `files_script` itself."""
        return


def database_script(site: Site, host: Host, mark: str) -> Script:
    """A dump that locks nothing and is of one instant (InnoDB), as gzip.

    wp-cli reads the credentials from wp-config.php and hands the password over in the environment of the dump
    client; it starts that with proc_open, which many hosts switch off, for their pages' sake. Whoever stores
    the dump also looks at its end: `dump_is_complete`.
    """
    dump = (
        "wp db export - --single-transaction --quick --skip-lock-tables "
        "--default-character-set=utf8mb4 --skip-plugins --skip-themes"
    )
    return site_script(site, host, mark, _zipped(dump, ok="0"), options="-ddisable_functions=")


def files_script(site: Site, exclude: Sequence[str] = (), follow: Sequence[str] = ()) -> Script:
    """The site's folder as a tar in gzip, names beginning with ``./``; also where the site is not WordPress.

    A wp-config.php that lies one level above the folder comes along as if it lay in it. What a link of
    `follow` leads to is named ``LINK/./FILE``. Files that change while they are read are no error: GNU tar
    says 1 for these, and only for these. Status `UNREAD`: the archive is whole, but for files that could not
    be read, named on standard error.
    """
    usual = USUAL_EXCLUDES if site.kind is SiteKind.WORDPRESS else ()
    patterns = [_pattern(entry) for entry in (*usual, *exclude)]
    flags = " ".join(f"--exclude={word(pattern)}" for pattern in (*patterns, *_behind(follow, patterns)))
    body = f"""
export LC_ALL=C.UTF-8
cd {word(site.path)} || exit 3
set -- {flags}
{_following(follow)}
if ! tar --exclude=x -cf /dev/null /dev/null 2>/dev/null; then
  set --
  echo 'this tar cannot leave files out: all are kept' >&2
fi
set -- "$@" .
for link in {" ".join(map(word, follow))}; do [ -L "$link" ] && set -- "$@" "$link/."; done
if [ -e wp-load.php ] && [ ! -e wp-config.php ] && [ -r ../wp-config.php ]; then
  set -- "$@" -C .. ./wp-config.php
fi
tolerated=0
case $(tar --version 2>/dev/null) in *GNU*) tolerated=1 ;; esac
{_zipped('tar -cf - "$@"', ok='"$tolerated"', unread=UNREAD)}
"""
    return Script(text=f"sitecrew() {{\n{body.strip()}\n}}\nsitecrew </dev/null\n")


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
