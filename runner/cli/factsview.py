"""Print the facts of a site for people: sections with a column of labels, and tables of what is installed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from runner.cli.hints import for_workspace
from runner.cli.output import table
from runner.cli.screen import out, style
from runner.model import Action
from runner.units import ago, count, size
from runner.untrusted import few, sentence

if TYPE_CHECKING:
    from runner.inspect.host_facts import Disk, HostFacts
    from runner.inspect.site_facts import CurrentFacts
    from runner.model import Change, Extension, Host, SiteFacts

__all__ = ["print_facts"]

_LABEL = 12
_LONGEST = 1000
_NAME = 30
"""Characters of the name of a plugin or theme."""
_DECISIONS = {Action.HOLD: "held", Action.SKIP: "skipped", Action.UNKNOWN: "unknown"}


def print_facts(found: CurrentFacts, host: Host) -> None:
    """Print everything that was read."""
    site, facts = found.site, found.wordpress
    about = [("address", site.url), ("client", site.client), ("kind", site.kind), ("folder", site.path)]
    _section(site.name, about, spaced=False)
    _section(f"Host {host.name}", _host_rows(found.host, host))
    if facts:
        _section("WordPress", _wordpress_rows(found, facts))
        _section("Files", _file_rows(facts))
        _section("Database", _database_rows(facts))
        _section("Caches", _cache_rows(facts))
        for title, items in (("plugin", facts.plugins), ("theme", facts.themes)):
            _print_items(title, items, found.changes)
        _section("Not updated", _reasons(found.changes))
    _section("Holds", [(hold.item, f"{hold.version}, {ago(hold.since)}: {hold.why}") for hold in found.holds])
    _section("Problems", [("", for_workspace(text)) for text in found.problems])
    _section("Notes", [("", text) for text in found.notes])


def _section(title: str, rows: Iterable[tuple[str, object]], *, spaced: bool = True) -> None:
    """Print a title and a line for each label with a value; nothing if there is no value."""
    shown = [(sentence(label, _NAME), sentence(str(value), _LONGEST)) for label, value in rows if value]
    if not shown:
        return
    if spaced:
        out()
    out(style(title, bold=True))
    labeled = any(label for label, _ in shown)
    table((), [(f"{label:<{_LABEL}}", value) if labeled else (value,) for label, value in shown], indent=2)


def _host_rows(read: HostFacts, host: Host) -> list[tuple[str, object]]:
    missing = [name for name, path in read.tools.items() if not path]
    memory = ""
    if read.memory is not None and read.memory_available is not None:
        memory = f"{size(read.memory_available)} of {size(read.memory)} available"
    load = "" if read.load is None else f"load {read.load}"
    wp = f"{read.wp_cli_version} at {read.wp_cli}".strip() if read.wp_cli else ""
    return [
        ("login", f"{read.user}@{host.address}"),
        ("system", _joined(read.system, read.kernel, read.machine)),
        ("shell", _joined(read.shell, f"/bin/sh is {read.sh}" if read.sh not in {"", "/bin/sh"} else "")),
        ("processors", _joined(str(read.processors or ""), load)),
        ("memory", memory),
        *_disk_rows(read.disks),
        ("tools", _joined(*(name for name, path in read.tools.items() if path))),
        ("missing", _joined(*missing)),
        ("PHP", _php(read)),
        ("wp-cli", wp),
        ("link to", read.link),
        ("releases", "" if read.releases is None else read.releases),
    ]


def _disk_rows(disks: Sequence[Disk]) -> list[tuple[str, object]]:
    """Return a row for each file system, with what is on it."""
    mounts: dict[str, list[str]] = {}
    for disk in disks:
        mounts.setdefault(disk.mount, []).append(disk.of)
    of_mount = {disk.mount: disk for disk in disks}
    return [
        ("disk", f"{size(one.free)} of {size(one.size)} free on {mount} ({' and '.join(mounts[mount])})")
        for mount, one in of_mount.items()
    ]


def _php(read: HostFacts) -> str:
    php = read.php
    if php is None:
        return ""
    limit = f"memory_limit {php.memory_limit}" if php.memory_limit else ""
    disabled = f"disabled: {few(php.disabled, 5)}" if php.disabled else ""
    return _joined(f"{php.version or 'unknown version'} at {php.path}", limit, disabled)


def _wordpress_rows(found: CurrentFacts, facts: SiteFacts) -> list[tuple[str, object]]:
    core = next((change for change in found.changes if change.item == "core"), None)
    update = f", update to {core.to_version}{_held(core)}" if core else ""
    languages = sorted({one.language for one in facts.translations if one.installed} - {facts.locale})
    return [
        ("version", f"{facts.wordpress}{update}"),
        ("PHP", _joined(f"{facts.web_php} (web)" if facts.web_php else "", f"{facts.php} (command line)")),
        ("home", facts.home if facts.home != found.site.url else ""),
        ("siteurl", facts.siteurl if facts.siteurl != facts.home else ""),
        ("language", _joined(facts.locale, *languages)),
        ("network", count(facts.network_size or len(facts.network), "site") if facts.multisite else ""),
        ("state", "in maintenance mode" if facts.maintenance else ""),
        ("started", f"without plugins and themes: {facts.crippled}" if facts.crippled else ""),
        ("identity", facts.unproven),
    ]


def _file_rows(facts: SiteFacts) -> list[tuple[str, object]]:
    usual = f"{facts.root_folder}/wp-content"
    folders = (("plugins", facts.plugins_folder), ("themes", facts.themes_folder))
    return [
        ("WordPress", facts.root_folder),
        ("content", facts.content_folder if facts.content_folder != usual else ""),
        *((name, path) for name, path in folders if path != f"{facts.content_folder}/{name}"),
        ("Composer", facts.project),
        ("release", facts.release),
        ("checkout", facts.checkout),
        ("read-only", _joined(*facts.unwritable)),
        ("updates", "" if facts.file_mods_allowed else "not allowed by DISALLOW_FILE_MODS"),
        *(("log", f"{size(log.size)} {log.path}") for log in facts.logs if log.inode),
    ]


def _database_rows(facts: SiteFacts) -> list[tuple[str, object]]:
    behind = facts.database_version != facts.database_wanted
    wanted = f"; WordPress needs {facts.database_wanted}" if behind else ""
    return [
        ("name", facts.database_name),
        ("host", facts.database_host),
        ("prefix", facts.database_prefix),
        ("server", facts.mysql),
        ("schema", f"{facts.database_version}{wanted}"),
    ]


def _cache_rows(facts: SiteFacts) -> list[tuple[str, object]]:
    opcache = "" if facts.code_age in {None, 0} else f"old code for up to {facts.code_age} s after an update"
    return [
        ("emptied", _joined(*facts.caches)),
        *(("not emptied", text) for text in facts.caches_apart),
        ("OPcache", "old code until PHP is restarted" if facts.code_age == -1 else opcache),
    ]


def _print_items(noun: str, items: Sequence[Extension], changes: Sequence[Change]) -> None:
    """Print a table of plugins or themes."""
    if not items:
        return
    updates = {change.item: change for change in changes if str(change.kind) == noun}
    out()
    rows = []
    for one in items:
        update = updates.get(one.slug)
        state = "network" if one.network else "active" if one.active else "inactive"
        to = f"{update.to_version}{_held(update)}" if update else ""
        rows.append((sentence(one.slug, _NAME), sentence(one.version, 16), state, sentence(to, 26)))
    table((f"{noun} ({len(items)})", "version", "state", "update"), rows)


def _held(change: Change) -> str:
    word = _DECISIONS.get(change.action)
    return f" ({word})" if word else ""


def _reasons(changes: Sequence[Change]) -> list[tuple[str, object]]:
    """Return why items are not updated, each reason once."""
    names: dict[str, list[str]] = {}
    for change in changes:
        if change.action in _DECISIONS:
            names.setdefault(change.why, []).append(change.item)
    return [("", f"{few(items, 4)}: {why}") for why, items in names.items()]


def _joined(*texts: str) -> str:
    return ", ".join(filter(None, texts))
