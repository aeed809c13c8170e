"""`backup`: the database and the files of a site, streamed from the host.

The scripts here each write one gzip stream to stdout and errors to stderr. Because `sh` has no `pipefail`,
they collect the exit status of every command in the pipe themselves, and exit with 0 only if all succeeded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

from runner.model import Host, Site, SiteKind, Step
from runner.shell import word, words
from runner.steps.base import Context, Missing, Needs, Result, Script, StepKind, Where
from runner.steps.sources import shell_source
from runner.steps.static.tree import excluded
from runner.steps.wordpress.address import server_of
from runner.steps.wordpress.identity import addresses_program
from runner.steps.wordpress.program_output import marked, texts
from runner.steps.wordpress.shell import early_program, plain_program, site_script
from runner.untrusted import few, sentence

__all__ = [
    "UNREAD",
    "Backup",
    "BackupOptions",
    "database_script",
    "dump_is_complete",
    "excludes",
    "files_script",
    "left_out",
    "missed_links",
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
"""Caches, logs and the archives of backup plugins."""
UNREAD = 4
"""Exit status of `files_script` if the archive is complete except for files that could not be read."""
_MOST = 100
"""Database objects that `left_out` names at most."""
_NAMED = 3
"""Unreadable files that `Backup.missing` names at most."""
_LISTED = 1 << 16
"""Bytes of output of `unreadable_script`."""
_BY_CLIENT = "client"
"""What `database_script` prints as the object if the dump client made the dump."""
_KINDS = frozenset(
    {"view", "table", "trigger", "sequence", "function", "procedure", "package", "package body", "event"}
)
_CONTENT = "./wp-content/"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupOptions:
    """Options of `backup`."""

    include: tuple[Literal["database", "files"], ...] = field(
        default=("database", "files"),
        metadata={"doc": "what to back up; a static site has no database"},
    )
    exclude: tuple[str, ...] = field(
        default=(),
        metadata={
            "doc": "files to leave out, in addition to caches and logs: paths below the site's folder, "
            "or names without a slash at any depth; `*` and `?` are wildcards"
        },
    )

    follow: tuple[str, ...] = field(
        default=(),
        metadata={
            "doc": "links below the site's folder whose content is backed up too, like `wp-content/uploads` "
            "if it links to another folder"
        },
    )

    def __post_init__(self) -> None:
        if not self.include:
            raise ValueError("`include` must name database, files or both")
        if self.follow and "files" not in self.include:
            raise ValueError("`follow` needs files in `include`")
        for link in self.follow:
            if link.startswith(("/", "-")) or not {"", ".", ".."}.isdisjoint(link.split("/")):
                raise ValueError(f"{link!r} is not a plain path below the site's folder")
        for pattern in self.exclude:
            if not pattern or "\n" in pattern or "\0" in pattern:
                raise ValueError(f"{pattern!r} cannot match any file name")


class Backup(StepKind):
    """Takes a snapshot of a site into the backup store. Does not change the site."""

    name = "backup"
    summary = "Backs up the database and the files of a site to the backup store."
    options = BackupOptions
    example = '- backup: {include: [database, files], exclude: ["*.mp4", wp-content/uploads/raw]}'
    reads = (
        "the database with PHP, in one transaction and without locking a table (consistent for InnoDB), "
        "and the files with `tar`, including a `wp-config.php` one level above the site's folder."
    )
    plans = "nothing: it does not change the site."
    changes = "only the backup store. The host sends the data and the controller stores it."
    understood = (
        "by the exit status of every command in the pipe and, for the dump, by its last line `-- Dump "
        "completed`. Files that change while they are read are not an error. If some files cannot be read, "
        "the step has `failed` and the rest is kept. Links that point outside the site's folder are listed. "
        "Views over missing tables, damaged tables and anything else in the database that cannot be read are "
        "left out and listed: by the step, by `show`, and in the snapshot's manifest (`lacks`). If the "
        "database belongs to another site, the step has `failed`."
    )
    undone = "not needed: a backup does not change the site."
    where = Where.STREAM

    def needs(self, step: Step, site: Site) -> Needs:
        """Return the backup store and, without `become`, a search for files that the login cannot read."""
        reads_files = "files" in cast("BackupOptions", step.options).include
        return Needs(store=True, check=unreadable_script(site) if reads_files and not step.become else "")

    def missing(self, step: Step, site: Site, result: Result) -> Missing | None:
        """Return the files that cannot be read and are not excluded: with them the step would fail."""
        found = [name.removeprefix("./") for name in result.output.splitlines() if name.startswith("./")]
        patterns = excludes(site, cast("BackupOptions", step.options).exclude)
        names = [sentence(name, 200) for name in found if not excluded(name, patterns)]
        if not names:
            return None
        return Missing(
            why=f"{few(names, _NAMED)} cannot be read",
            hint="log in as the owner of the site's files, or leave them out with `exclude`",
        )

    def script(self, step: Step, context: Context) -> None:  # noqa: ARG002
        """Return None: the backup calls `database_script` and `files_script` itself."""
        return


def database_script(site: Site, host: Host, mark: str) -> Script:
    """Return a script that dumps the database as gzip: without locks, and of one instant for InnoDB.

    PHP with mysqli makes an exact dump (php/dump.php) and reports on stderr what it had to leave out: see
    `left_out`. The dump has no `DEFINER` clauses, because the accounts may not exist in the database it is
    restored to. If PHP cannot do it, wp-cli and the dump client do, which round FLOAT columns.

    wp-cli starts the dump client with proc_open, so PHP runs with an empty `disable_functions`: many hosts
    disable proc_open. The receiver must also check the end of the dump with `dump_is_complete`.
    """
    data = {"roots": [site.path.rstrip("/")], "server": server_of(site)}
    body = shell_source(
        "runner.steps",
        "dump",
        exact=plain_program(
            "dump", mark, data, parts=("sql", "database_tables", "database_rows", "addresses")
        ),
        follows=addresses_program(site, mark),
        by_client=_BY_CLIENT,
        zipped=_gzip_pipe("dump", highest_ok="0"),
    )
    return site_script(site, host, mark, body, options="-ddisable_functions=")


def left_out(stderr: str, mark: str) -> tuple[str, ...]:
    """Return what a dump lacks, a sentence each, from the stderr of `database_script`."""
    found = []
    for entry in marked(stderr, mark):
        kind, name, why = (texts(entry.get(key)) for key in ("object", "name", "why"))
        if kind in _KINDS and name:
            found.append(f"{kind} {name}: {why}")
        elif kind == _BY_CLIENT:
            found.append(
                "exact FLOAT values: PHP could not make the dump, so the dump client did, "
                "and FLOAT columns are rounded"
            )
    return tuple(dict.fromkeys(found))[:_MOST]


def files_script(
    site: Site, host: Host, mark: str, exclude: Sequence[str] = (), follow: Sequence[str] = ()
) -> Script:
    """Return a script that archives the site's folder as tar in gzip, with names that start with ``./``.

    Also for sites that are not WordPress. Content and configuration that WordPress has outside the folder are
    archived under their absolute paths without the leading slash; a wp-config.php one level above the folder
    as if it were inside it. Files reached through a link in `follow` are named ``LINK/./FILE``.

    Files that change while they are read are not an error: GNU tar exits with 1 for these and nothing else.
    Status `UNREAD` means that the archive is complete except for files that could not be read, which are
    named on stderr.
    """
    patterns = [_pattern(entry) for entry in excludes(site, exclude)]
    excluded = (f"--exclude={pattern}" for pattern in (*patterns, *_below_links(follow, patterns)))
    content = (pattern.removeprefix(_CONTENT) for pattern in patterns if pattern.startswith(_CONTENT))
    text = shell_source(
        "runner.steps",
        "archive_files",
        site=word(site.path),
        places=_outside_places(site, host, mark) if site.kind is SiteKind.WORDPRESS else "places=",
        excludes=words(*excluded),
        followed_links=_exclude_links(follow),
        content_excludes=words(*content),
        links=words(*follow),
        zipped=_gzip_pipe('tar -cf - "$@"', highest_ok='"$tolerated"', unread=UNREAD),
    )
    return Script(text=f"files() {{\n{text.strip()}\n}}\nfiles </dev/null\n")


def excludes(site: Site, exclude: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the patterns that a backup leaves out: `exclude`, and caches and logs of WordPress."""
    return (*(USUAL_EXCLUDES if site.kind is SiteKind.WORDPRESS else ()), *exclude)


def missed_links(steps: Iterable[Step], links: Sequence[str]) -> tuple[str, ...]:
    """Return the links that no backup among the steps follows; empty if none of them backs up files."""
    backups = [step.options for step in steps if isinstance(step.options, BackupOptions)]
    if not any("files" in options.include for options in backups):
        return ()
    followed = {name for options in backups for name in options.follow}
    return tuple(name for name in links if name not in followed)


def unreadable_script(site: Site) -> str:
    """Return a script that prints the files and folders the login cannot read, one per line, as ``./NAME``.

    Prints nothing if `find` does not support `-readable` (busybox, BSD).
    """
    return f"""cd {word(site.path)} 2>/dev/null || exit 0
find . ! -type l \\( ! -readable -o -type d ! -executable \\) -print -prune 2>/dev/null | head -c {_LISTED}
"""


def _outside_places(site: Site, host: Host, mark: str) -> str:
    """Return shell text that sets `places`: a line for each folder or file WordPress has outside the site."""
    code = early_program("places", mark, {"site": site.path}, parts=("facts_deployment",))
    text = site_script(site, host, mark, f'{code}\nwp db export - --exec="$code"').text
    return f"""
ask() {{
{text.rstrip()}
}}
places=$( (ask) 2>/dev/null | grep '^{mark} at [a-z]* /' || :)
"""


def dump_is_complete(tail: bytes) -> bool:
    """Return whether a dump is complete, from its last bytes uncompressed; a hundred are enough."""
    return tail.rstrip().rsplit(b"\n", 1)[-1].startswith(b"-- Dump completed")


def _gzip_pipe(command: str, *, highest_ok: str, unread: int = 1) -> str:
    """Return shell text that pipes `command` through gzip, for the end of a function.

    The function returns 0 if gzip exits with 0 and `command` with 0 to `highest_ok`, 1 if gzip fails, and
    `unread` if only `command` does.
    """
    return shell_source(
        "runner.steps", "gzip_pipe", command=command, ok=highest_ok, unread=str(unread)
    ).strip()


def _exclude_links(follow: Sequence[str]) -> str:
    """Return shell text that leaves out the followed links themselves: their content is archived instead."""
    return "".join(f'[ -L {word(link)} ] && set -- "$@" {word(f"--exclude=./{link}")}\n' for link in follow)


def _below_links(follow: Sequence[str], patterns: Sequence[str]) -> Iterator[str]:
    """Return the patterns for files below followed links, which have other names in the archive."""
    for link in follow:
        for pattern in patterns:
            if pattern.startswith(f"./{link}/"):
                yield f"{link}/./{pattern.removeprefix(f'./{link}/')}"


def _pattern(entry: str) -> str:
    entry = entry.strip().removeprefix("./").lstrip("/").rstrip("/")
    return f"./{entry}" if "/" in entry else entry
