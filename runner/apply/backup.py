"""The stage in which a snapshot of a site is streamed from its host into the backup store."""

from __future__ import annotations

import hashlib
import re
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from runner.apply.jobs import nonce_of
from runner.backup import DATABASE, FILES, LARGEST, MANIFEST, ArchiveStore, Draft, Snapshot
from runner.errors import (
    BackupError,
    HostError,
    IdentityError,
    SitecrewError,
    UnreachableError,
    UsageError,
)
from runner.execute import Task as Command
from runner.execute import TaskRecord
from runner.hosts.boundary import within
from runner.hosts.sudo import sudo_refusal
from runner.hosts.wp_cli import bring_wp_cli
from runner.inspect.facts import reread
from runner.inspect.identity import prove_database
from runner.model import Outcome, SiteFacts, SiteKind, Step, StepOutcome
from runner.plan import DatabaseMatch, match_database
from runner.steps.backup import UNREAD, BackupOptions, database_script, files_script, left_out
from runner.steps.wordpress import hindered, lacks_wp_cli
from runner.steps.wordpress.identity import addresses_of
from runner.untrusted import few, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.apply.context import SiteContext
    from runner.model import Addresses

__all__ = ["back_up"]

_NAMES = {"database": DATABASE, "files": FILES}
_SLACK = 1 << 20
"""Bytes by which the store's own limit, whose error says what to do, comes first."""


def back_up(ctx: SiteContext, step: Step) -> StepOutcome:
    """Dump first, files right after: what is uploaded in between does no harm, what is deleted would."""
    began = time.monotonic()
    store = ArchiveStore(Path(ctx.workspace.settings.backups.store))
    try:
        snapshot = _taken(ctx, step, store)
    except (BackupError, HostError, UsageError, OSError) as error:
        if isinstance(error, UnreachableError) and not _connected(ctx):
            raise
        seconds = time.monotonic() - began
        return StepOutcome(step=step.id, outcome=Outcome.FAILED, why=_reason(error, store), seconds=seconds)
    seconds = round(time.monotonic() - began, 3)
    if snapshot.unread:
        why = f"{_COULD_NOT} files: {snapshot.unread[0]}{_more(snapshot.unread)}; {_said(snapshot)}"
        return StepOutcome(step=step.id, outcome=Outcome.FAILED, why=why, seconds=seconds)
    _record(ctx, store, snapshot)
    said, why = _said(snapshot), _lacking(snapshot)
    return StepOutcome(step=step.id, outcome=Outcome.OK, why=why, seconds=seconds, output=said)


def _lacking(snapshot: Snapshot) -> str:
    """Said each time: a restore needs what these links lead to, and what was left out of the dump."""
    said = [snapshot.unproven] if snapshot.unproven else []
    if snapshot.lacks:
        said.append(f"not in the dump: {few(snapshot.lacks, _NAMED)}")
    if snapshot.outside:
        links = few(snapshot.outside, _NAMED)
        said.append(f"not in it, for these are links to elsewhere: {links} (to keep their content: `follow`)")
    return "; ".join(said)


def _more(found: Sequence[str]) -> str:
    return f" and {len(found) - 1} more" if len(found) > 1 else ""


def _reason(error: Exception, store: ArchiveStore) -> str:
    if isinstance(error, OSError):
        reason = error.strerror or type(error).__name__
        return f"the backup store {store.folder} cannot take the snapshot: {reason}; make room there"
    return error.with_hint if isinstance(error, SitecrewError) else str(error)


def _taken(ctx: SiteContext, step: Step, store: ArchiveStore) -> Snapshot:
    """Once more where the dump wants a wp-cli that can be brought."""
    for last in (False, True):
        draft = store.begin(ctx.site.name)
        try:
            records = _fill(ctx, step, draft)
            unproven, lacks = _of_dump(ctx, step, records)
            unread = _unread_in(records)
            return draft.commit(ctx.run, root=ctx.site.path, unread=unread, lacks=lacks, unproven=unproven)
        except BaseException as error:
            draft.discard()
            if last or not lacks_wp_cli(error.__cause__) or not bring_wp_cli(ctx.remote):
                raise
    raise AssertionError


def _fill(ctx: SiteContext, step: Step, draft: Draft) -> Mapping[str, TaskRecord]:
    """Receive the streams; what the host said of each."""
    limit = int((step.timeout or ctx.order.limits.step).total_seconds())
    scripts = _scripts(ctx, step)
    with ExitStack() as open_files:
        files = {name: open_files.enter_context(draft.open(_NAMES[name])) for name in scripts}
        records = ctx.remote.stream(
            tuple(_task(ctx, step, name, text, limit) for name, text in scripts.items()),
            lambda name, data: files[name].write(data),
            ceiling=LARGEST + _SLACK,
        )
    for name in scripts:
        record = records.get(name)
        if (
            step.become
            and record
            and (no := sudo_refusal(ctx.remote.host, _said_aside(record), _mark(ctx, step)))
        ):
            raise BackupError(str(no))
        if not _is_partial(name, record):
            _check(name, record, _mark(ctx, step))
    return records


def _unread_in(records: Mapping[str, TaskRecord]) -> tuple[str, ...]:
    """What of the files could not be read, in the host's words."""
    record = records.get("files")
    return _unread(record) if record and _is_partial("files", record) else ()


def _of_dump(ctx: SiteContext, step: Step, records: Mapping[str, TaskRecord]) -> tuple[str, tuple[str, ...]]:
    """Why the dump is not proven to be the site's, and what was left out of it.

    Raises:
        IdentityError: it is another site's.
    """
    record, mark = records.get("database"), _mark(ctx, step)
    if record is None:
        return "", ()
    said = _said_aside(record)
    return _unproven(ctx, addresses_of(said, mark)), left_out(said, mark)


def _unproven(ctx: SiteContext, found: Addresses | None) -> str:
    """Empty where the database is the site's by its address, or WordPress itself was found to be."""
    if ctx.facts is not None:
        return ctx.facts.unproven
    if found and match_database(found, ctx.site) is DatabaseMatch.PROVEN:
        return ""
    facts = within(partial(reread, ctx.remote, ctx.prober, ctx.site))
    if isinstance(facts, SiteFacts):
        return facts.unproven
    if isinstance(facts, IdentityError | UnreachableError):
        raise facts
    if found is None:
        return f"not proven to be the site's database: {facts}"
    inventory = ctx.workspace.inventory.sites.values()
    return prove_database(ctx.prober, ctx.remote, ctx.site, found, inventory)


def _is_partial(name: str, record: TaskRecord | None) -> bool:
    return name == "files" and record is not None and record.code == UNREAD and bool(_unread(record))


def _unread(record: TaskRecord) -> tuple[str, ...]:
    """The lines by which tar names what it could not read; none where it failed otherwise."""
    lines = [line for line in _said_aside(record).splitlines() if line.strip()]
    named = [sentence(line.partition(": ")[2], 300) for line in lines if _DENIED.search(line.strip())]
    others = [line for line in lines if not _DENIED.search(line.strip()) and not _PASSED_OVER.search(line)]
    return () if others else tuple(named[:100])


def _task(ctx: SiteContext, step: Step, name: str, text: str, limit: int) -> Command:
    [made] = ctx.remote.for_site(ctx.site, [Command(name, text, timeout=limit)])
    if not step.become:
        return made
    return ctx.remote.with_sudo(made, _mark(ctx, step))


def _mark(ctx: SiteContext, step: Step) -> str:
    return nonce_of(f"{ctx.run}/{ctx.site.name}/{step.id}")


def _said_aside(record: TaskRecord) -> str:
    return record.error.decode("utf-8", "replace")


def _scripts(ctx: SiteContext, step: Step) -> dict[str, str]:
    options = cast("BackupOptions", step.options)
    host, site = ctx.remote.host, ctx.site
    mark = _mark(ctx, step)
    scripts = {}
    if "database" in options.include and site.kind is SiteKind.WORDPRESS:
        scripts["database"] = database_script(site, host, mark).text
    if "files" in options.include:
        scripts["files"] = files_script(site, host, mark, options.exclude, options.follow).text
    return scripts


def _check(name: str, record: TaskRecord | None, mark: str) -> None:
    if record is not None and record.ok:
        return
    if record is None or record.code is None:
        raise BackupError(f"the host did not send the {name}")
    if record.why == "timeout":
        raise BackupError(f"sending the {name} took longer than its time limit")
    error = record.error.decode("utf-8", "replace")
    if hindrance := hindered(error):
        raise BackupError(f"{_COULD_NOT} {name}: {hindrance}", hint=hindrance.hint) from hindrance
    told = "\n".join(line for line in error.split("\n") if not line.startswith(f"{mark} "))
    said = sentence(told) or f"exit status {record.code}"
    raise BackupError(f"{_COULD_NOT} {name}: {said}", hint=_hint(said))


_COULD_NOT = "the host could not read the"
_NAMED = 5
_DENIED = re.compile(r": (?:Permission denied|Operation not permitted|Input/output error)$")
_PASSED_OVER = re.compile(
    r"file changed as we read it|socket ignored|Exiting with failure|error exit delayed"
)
_HINTS = {
    "proc_open": "PHP may not start the dump client there: set `php` of the host to one that may",
    "Access denied": "see DB_USER and DB_PASSWORD in wp-config.php",
    "connect to": "does the database run? See DB_HOST in wp-config.php",
    "No such file or directory": "is the database's client (mysqldump, mariadb-dump) installed there?",
    "Permission denied": "log in as the owner of the site's files",
    "No space left": "make room on the host: df -h",
}


def _hint(said: str) -> str:
    return next((hint for words, hint in _HINTS.items() if words in said), "")


def _record(ctx: SiteContext, store: ArchiveStore, snapshot: Snapshot) -> None:
    place = store.folder / snapshot.site / snapshot.snapshot
    digest = hashlib.sha256((place / MANIFEST).read_bytes()).hexdigest()
    ctx.journal.backed_up(snapshot, client=ctx.site.client, uri=str(place), manifest_sha256=digest)


def _said(snapshot: Snapshot) -> str:
    counts = [f"{snapshot.files} files"] if snapshot.files is not None else []
    counts += [f"{snapshot.tables} tables"] if snapshot.tables is not None else []
    return f"snapshot {snapshot.snapshot}: {' and '.join(counts)}, {snapshot.bytes} bytes, read back"


def _connected(ctx: SiteContext) -> bool:
    return ctx.remote.is_connected
