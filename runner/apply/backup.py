"""Backup steps: stream a snapshot of a site from its host into the backup store."""

from __future__ import annotations

import hashlib
import re
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from runner.apply.files.deadline import StoppedError
from runner.apply.jobs import nonce_of
from runner.apply.meter import Meter
from runner.backup import DATABASE, FILES, LARGEST, MANIFEST, ArchiveStore, Draft, Snapshot
from runner.errors import (
    BackupError,
    HostError,
    IdentityError,
    SitecrewError,
    UnreachableError,
    UsageError,
)
from runner.execute import Command, CommandRecord
from runner.hosts.boundary import within
from runner.hosts.sudo import sudo_refusal
from runner.hosts.wp_cli import install_wp_cli
from runner.inspect.facts import reread
from runner.inspect.identity import prove_database
from runner.model import Outcome, Phase, SiteFacts, SiteKind, Step, StepOutcome
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
"""Bytes above the store's own limit, so that the store's error, which has a hint, is reported."""


def back_up(ctx: SiteContext, step: Step) -> StepOutcome:
    """Take a snapshot: the database first, then the files.

    A file that is uploaded in between does no harm; a file that is deleted after it was archived would be
    missing in the database.
    """
    started = time.monotonic()
    store = ArchiveStore(Path(ctx.workspace.settings.backups.store))
    try:
        snapshot = _take(ctx, step, store)
    except StoppedError as error:
        seconds = time.monotonic() - started
        return StepOutcome(step=step.id, outcome=error.outcome, why=str(error), seconds=seconds)
    except (BackupError, HostError, UsageError, OSError) as error:
        if isinstance(error, UnreachableError) and not ctx.remote.is_connected:
            raise
        seconds = time.monotonic() - started
        return StepOutcome(step=step.id, outcome=Outcome.FAILED, why=_reason(error, store), seconds=seconds)
    seconds = round(time.monotonic() - started, 3)
    if snapshot.unread:
        why = f"{_COULD_NOT} files: {snapshot.unread[0]}{_more(snapshot.unread)}; {_summary(snapshot)}"
        return StepOutcome(step=step.id, outcome=Outcome.FAILED, why=why, seconds=seconds)
    _record(ctx, store, snapshot)
    output, why = _summary(snapshot), _not_included(snapshot)
    return StepOutcome(step=step.id, outcome=Outcome.OK, why=why, seconds=seconds, output=output)


def _not_included(snapshot: Snapshot) -> str:
    """Return what a restore would lack: the targets of links, and what was left out of the dump."""
    notes = [snapshot.unproven] if snapshot.unproven else []
    if snapshot.lacks:
        notes.append(f"not in the dump: {few(snapshot.lacks, _NAMED)}")
    if snapshot.outside:
        links = few(snapshot.outside, _NAMED)
        notes.append(f"links to files outside, without their content: {links} (to include it: `follow`)")
    return "; ".join(notes)


def _more(found: Sequence[str]) -> str:
    return f" and {len(found) - 1} more" if len(found) > 1 else ""


def _reason(error: Exception, store: ArchiveStore) -> str:
    if isinstance(error, OSError):
        reason = error.strerror or type(error).__name__
        return f"cannot write to the backup store {store.folder}: {reason}; free some space there"
    return error.with_hint if isinstance(error, SitecrewError) else str(error)


def _take(ctx: SiteContext, step: Step, store: ArchiveStore) -> Snapshot:
    """Take the snapshot; if the dump needs wp-cli and the settings have one, install it and try again."""
    for last in (False, True):
        draft = store.begin(ctx.site.name)
        try:
            records = _fill(ctx, step, draft)
            ctx.journal.progress(step.id, Phase.VERIFYING)
            unproven, lacks = _check_dump(ctx, step, records)
            unread = _unread_in(records)
            return draft.commit(ctx.run, root=ctx.site.path, unread=unread, lacks=lacks, unproven=unproven)
        except BaseException as error:
            draft.discard()
            if last or not lacks_wp_cli(error.__cause__) or not install_wp_cli(ctx.remote):
                raise
    raise AssertionError


def _fill(ctx: SiteContext, step: Step, draft: Draft) -> Mapping[str, CommandRecord]:
    """Receive the streams into the draft; return their records."""
    limit = int((step.timeout or ctx.order.limits.step).total_seconds())
    scripts = _scripts(ctx, step)
    meter = Meter(ctx.journal, step.id, Phase.BACKING_UP, total=_size_before(ctx, set(scripts)))
    with ExitStack() as open_files:
        files = {name: open_files.enter_context(draft.open(_NAMES[name])) for name in scripts}

        def store(name: str, data: bytes) -> None:
            if ctx.stop.over.is_set():
                raise StoppedError(Outcome.CANCELLED, ctx.stop.why)
            files[name].write(data)
            meter.add(len(data))

        records = ctx.remote.stream(
            tuple(_command(ctx, step, name, text, limit) for name, text in scripts.items()),
            store,
            ceiling=LARGEST + _SLACK,
        )
    for name in scripts:
        record = records.get(name)
        if (
            step.become
            and record
            and (refused := sudo_refusal(ctx.remote.host, _stderr(record), _nonce(ctx, step)))
        ):
            raise BackupError(str(refused))
        if not _is_partial(name, record):
            _check(name, record, _nonce(ctx, step))
    return records


def _size_before(ctx: SiteContext, content: set[str]) -> int | None:
    """Return the size of the site's newest backup with the same content; None if there is none."""
    for backup in ctx.journal.ledger.backups.list(ctx.site.name):
        parts = {"database": backup.tables, "files": backup.files}
        if {name for name, count in parts.items() if count is not None} == content:
            return backup.size
    return None


def _unread_in(records: Mapping[str, CommandRecord]) -> tuple[str, ...]:
    """Return the files that could not be read, each with tar's reason."""
    record = records.get("files")
    return _unread(record) if record and _is_partial("files", record) else ()


def _check_dump(
    ctx: SiteContext, step: Step, records: Mapping[str, CommandRecord]
) -> tuple[str, tuple[str, ...]]:
    """Return why the dump is not proven to be the site's, and what was left out of it.

    Raises:
        IdentityError: it is the dump of another site.
    """
    record, nonce = records.get("database"), _nonce(ctx, step)
    if record is None:
        return "", ()
    stderr = _stderr(record)
    return _unproven(ctx, addresses_of(stderr, nonce)), left_out(stderr, nonce)


def _unproven(ctx: SiteContext, found: Addresses | None) -> str:
    """Return why the dump is not proven to be the site's; empty if its address or WordPress proves it."""
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


def _is_partial(name: str, record: CommandRecord | None) -> bool:
    return name == "files" and record is not None and record.code == UNREAD and bool(_unread(record))


def _unread(record: CommandRecord) -> tuple[str, ...]:
    """Return tar's lines about files that it could not read; none if it failed for another reason."""
    lines = [line for line in _stderr(record).splitlines() if line.strip()]
    named = [sentence(line.partition(": ")[2], 300) for line in lines if _DENIED.search(line.strip())]
    others = [line for line in lines if not _DENIED.search(line.strip()) and not _HARMLESS.search(line)]
    return () if others else tuple(named[:100])


def _command(ctx: SiteContext, step: Step, name: str, text: str, limit: int) -> Command:
    [command] = ctx.remote.for_site(ctx.site, [Command(name, text, timeout=limit)])
    return ctx.remote.with_sudo(command, _nonce(ctx, step)) if step.become else command


def _nonce(ctx: SiteContext, step: Step) -> str:
    return nonce_of(f"{ctx.run}/{ctx.site.name}/{step.id}")


def _stderr(record: CommandRecord) -> str:
    return record.error.decode("utf-8", "replace")


def _scripts(ctx: SiteContext, step: Step) -> dict[str, str]:
    options = cast("BackupOptions", step.options)
    host, site = ctx.remote.host, ctx.site
    nonce = _nonce(ctx, step)
    scripts = {}
    if "database" in options.include and site.kind is SiteKind.WORDPRESS:
        scripts["database"] = database_script(site, host, nonce).text
    if "files" in options.include:
        scripts["files"] = files_script(site, host, nonce, options.exclude, options.follow).text
    return scripts


def _check(name: str, record: CommandRecord | None, nonce: str) -> None:
    if record is not None and record.ok:
        return
    if record is None or record.code is None:
        raise BackupError(f"the host did not send the {name}")
    if record.why == "timeout":
        raise BackupError(f"sending the {name} took longer than its time limit")
    error = record.error.decode("utf-8", "replace")
    if hindrance := hindered(error):
        raise BackupError(f"{_COULD_NOT} {name}: {hindrance}", hint=hindrance.hint) from hindrance
    others = "\n".join(line for line in error.split("\n") if not line.startswith(f"{nonce} "))
    reason = sentence(others) or f"exit status {record.code}"
    raise BackupError(f"{_COULD_NOT} {name}: {reason}", hint=_hint(reason))


_COULD_NOT = "the host could not read the"
_NAMED = 5
_DENIED = re.compile(r": (?:Permission denied|Operation not permitted|Input/output error)$")
_HARMLESS = re.compile(r"file changed as we read it|socket ignored|Exiting with failure|error exit delayed")
_HINTS = {
    "proc_open": "this PHP may not start the dump client: set the host's `php` to one that may",
    "Access denied": "see DB_USER and DB_PASSWORD in wp-config.php",
    "connect to": "is the database running? See DB_HOST in wp-config.php",
    "No such file or directory": "is the database client (mysqldump, mariadb-dump) installed on the host?",
    "Permission denied": "log in as the owner of the site's files",
    "No space left": "free some space on the host: df -h",
}


def _hint(reason: str) -> str:
    return next((hint for words, hint in _HINTS.items() if words in reason), "")


def _record(ctx: SiteContext, store: ArchiveStore, snapshot: Snapshot) -> None:
    folder = store.folder / snapshot.site / snapshot.snapshot
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    ctx.journal.backup_stored(snapshot, client=ctx.site.client, uri=str(folder), manifest_sha256=digest)


def _summary(snapshot: Snapshot) -> str:
    counts = [f"{snapshot.files} files"] if snapshot.files is not None else []
    counts += [f"{snapshot.tables} tables"] if snapshot.tables is not None else []
    return f"snapshot {snapshot.snapshot}: {' and '.join(counts)}, {snapshot.bytes} bytes, read back"
