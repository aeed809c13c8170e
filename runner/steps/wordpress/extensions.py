"""`wordpress.plugins` and `wordpress.themes`: update a batch in one boot, without maintenance mode."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, cast

from runner.model import (
    Action,
    Change,
    Extension,
    FindingKind,
    ItemKind,
    Level,
    SiteFacts,
    SiteKind,
    Step,
    StepOutcome,
)
from runner.shell import word
from runner.steps.base import Context, Guard, Result, Script, StepKind
from runner.steps.static.pinned import EXCHANGE
from runner.steps.versions import compare, level
from runner.steps.wordpress.findings import of_extension, of_odd, of_site
from runner.steps.wordpress.guard import extensions_guard, free_of_links, head
from runner.steps.wordpress.proposals import action_of, change, managed, network_note, unknown
from runner.steps.wordpress.shell import program, shell_source, site_script
from runner.steps.wordpress.verdict import idle, verdict

__all__ = ["ExtensionOptions", "PluginOptions", "Plugins", "Themes"]

_OWN_TABLES = {"woocommerce": "wc update", "elementor": "elementor update db"}
"""By plugin folder: its authors' wp-cli command that upgrades its tables."""
_CLEANUP = """
root={root} begun={begun}
if [ -e "$begun.shut" ]; then rm -f "${{root}}.maintenance"; fi
rm -f "$begun" "$begun".*
"""
_DROP_PACKAGES = """
(cd "$SITECREW_RESTORE/packages" 2>/dev/null && rm -f {names})
rmdir "$SITECREW_RESTORE/packages" 2>/dev/null || :
"""
_MAINTENANCE = "visitors get 503 while it is replaced, because its folder cannot be renamed here"
_LEVELS = {"minor": frozenset({Level.MINOR, Level.PATCH}), "patch": frozenset({Level.PATCH})}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionOptions:
    """The options of `wordpress.plugins` and `wordpress.themes`."""

    update: Literal["all", "none", "minor", "patch"] | tuple[str, ...] = field(
        default="all",
        metadata={"doc": "what to update: a size of update, or a list of slugs", "scalar": "update"},
    )
    exclude: tuple[str, ...] = field(
        default=(),
        metadata={"doc": "slugs that are not updated", "alias": "except"},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginOptions(ExtensionOptions):
    """The additional options of `wordpress.plugins`."""

    tables: Literal["tell", "run"] = field(
        default="tell",
        metadata={
            "doc": "if tables of an updated plugin need an upgrade (WooCommerce, Elementor): report it, or "
            "run the plugin's own command"
        },
    )


class _Extensions(StepKind):
    options = ExtensionOptions
    reads = (
        "the site, in one boot of WordPress: versions, what is active, which updates are offered, which "
        "folders are writable."
    )
    plans = "each update with its exact version, and why an item is held, skipped or unknown."
    changes = (
        "the whole batch in one boot, with WordPress's own upgrader and without maintenance mode, once every "
        "package is downloaded and checked."
    )
    understood = (
        "by what a new process reads afterwards, and by the health check: the version on disk is the planned "
        "one, everything that was active still is, and pages look to visitors as they did before."
    )
    undone = (
        "at once, by renames that need no PHP, if the site is unhealthy afterwards; if the old files do not "
        "suffice, also the database, as `policy.undo.database` says. The culprit is found and held, and the "
        "other items are updated."
    )
    sites = frozenset({SiteKind.WORDPRESS})
    facts = True
    rereads = True
    transacts = True
    fetches = True
    becomes = False
    item: ClassVar[ItemKind]
    family: ClassVar[str]

    def propose(self, step: Step, facts: SiteFacts) -> tuple[Change, ...]:
        """Propose what is not known first, then each installed item that has a newer version."""
        options = cast("ExtensionOptions", step.options)
        if options.update == "none":
            return ()
        entries, checked = self._installed(facts)
        proposed = [self._propose(step, options, entry, facts, checked=checked) for entry in entries]
        note = network_note(step, facts, self.item) if any(proposed) else ()
        return (
            *note,
            *self._unknown(step, facts, checked=checked),
            *(entry for entry in proposed if entry),
            *self._not_installed(step, options, entries),
            *self._odd(step, facts),
        )

    def script(self, step: Step, context: Context) -> Script | None:
        """One boot that downloads and checks every package and then updates the items one by one."""
        pending = context.plan.pending(step.id)
        if not pending:
            return None
        items = [
            {
                "item": c.item,
                "file": c.file,
                "from": c.from_version,
                "to": c.to_version,
                "active": c.active,
                "package": c.package if c.decided else "",
                "insecure": c.package.lower().startswith("http://"),
            }
            for c in pending
        ]
        data = {"kind": self.item.value, "items": items, "swap": f'{EXCHANGE}exchange "$1" "$2"'}
        url = _network_url(context, pending)
        parts = ("wire", "ownership", "swap", "update_item")
        run = program("update", context.mark, data, url, parts=parts)
        kept = head(context.before, context.tag) if context.before and context.tag else "kept=\n"
        own = _own_tables(step, pending)
        boots = shell_source(
            "extensions", program=run, kept=kept, root=_root(context), begun=_begun(context), own=own
        )
        body = f"{free_of_links(context, pending)}{boots}"
        return site_script(context.site, context.host, context.mark, body)

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """Judge by the facts read afterwards: the planned version on disk, and what was active still is."""
        return verdict(step, result, context, self.family)

    def guard(self, step: Step, context: Context, tag: str) -> Guard | None:
        """The restore point: copies of the folders, restored by renames.

        Downloaded packages are kept for further trials, each until its item is kept or rolled back.
        """
        changes = context.plan.pending(step.id)
        guard = extensions_guard(context, changes, tag)
        if guard is None:
            return None
        drop = Script(text=_DROP_PACKAGES.format(names=" ".join(map(_package, changes))))
        undo = Script(text=drop.text + guard.undo.text) if len(changes) == 1 else guard.undo
        return replace(guard, keep=drop, undo=undo)

    def cleanup(self, step: Step, context: Context) -> str:  # noqa: ARG002
        """Remove the `.maintenance` that a PHP process left behind when it died."""
        return _CLEANUP.format(root=_root(context), begun=_begun(context))

    def idle(self, step: Step, context: Context) -> StepOutcome:
        """`held`, `failed` if newer versions are unknown, or `ok`."""
        return idle(step, context)

    def _installed(self, facts: SiteFacts) -> tuple[tuple[Extension, ...], bool]:
        raise NotImplementedError

    def _propose(
        self, step: Step, options: ExtensionOptions, entry: Extension, facts: SiteFacts, *, checked: bool
    ) -> Change | None:
        if not entry.offered or compare(entry.offered, entry.version) <= 0:
            return self._not_queried(step, options, entry)
        if isinstance(options.update, tuple) and entry.slug not in options.update:
            return None
        if entry.slug in options.exclude:
            return change(step, entry, self.item, Action.SKIP, "left out by `except`")
        if isinstance(options.update, str) and options.update in _LEVELS:
            size = level(entry.version, entry.offered)
            if size not in _LEVELS[options.update]:
                why = f"a {size} update; this step installs `{options.update}` updates only"
                return change(step, entry, self.item, Action.SKIP, why)
        if not checked and not entry.decided and "wordpress.org" in (entry.package or ""):
            why = f"{entry.offered} was offered earlier, but there is no answer from wordpress.org now"
            return change(step, entry, self.item, Action.UNKNOWN, why)
        named = isinstance(options.update, tuple)
        found = of_extension(facts, entry, self.family)
        action, why = action_of(one for one in found if not (named and one.kind is FindingKind.FOREIGN))
        other = managed(
            facts, entry.composer, entry.offered, in_release=entry.in_release, checkout=entry.checkout
        )
        proposed = change(step, entry, self.item, action, why, managed=other)
        closed = _MAINTENANCE if entry.door and entry.active and not why else ""
        links = "" if why else _links(entry)
        return replace(proposed, note="; ".join(filter(None, (proposed.note, closed, links))))

    def _not_queried(self, step: Step, options: ExtensionOptions, entry: Extension) -> Change | None:
        """Skip a plugin with its own updater if it is inactive: WordPress does not query it then."""
        vendor = entry.update_uri not in {"", "false"} and "wordpress.org" not in entry.update_uri
        named = not isinstance(options.update, tuple) or entry.slug in options.update
        if entry.offered or entry.active or not vendor or not named or self.item is ItemKind.THEME:
            return None
        why = f"its vendor ({entry.update_uri}) is queried for updates only while it is active"
        return change(step, entry, self.item, Action.SKIP, why)

    def _unknown(self, step: Step, facts: SiteFacts, *, checked: bool) -> Iterable[Change]:
        if not checked:
            yield unknown(step, self.family, self.item)
        elif facts.crippled:
            (crippled, *_) = of_site(facts)
            why = f"updates offered by its plugins are not known: {crippled.what}"
            yield unknown(step, self.family, self.item, why)

    def _odd(self, step: Step, facts: SiteFacts) -> Iterable[Change]:
        for odd in of_odd(facts):
            if odd.family == self.family:
                yield replace(unknown(step, odd.family, self.item, odd.what), action=Action.HOLD)

    def _not_installed(
        self, step: Step, options: ExtensionOptions, entries: tuple[Extension, ...]
    ) -> Iterable[Change]:
        named = options.update if isinstance(options.update, tuple) else ()
        for slug in named:
            if all(entry.slug != slug for entry in entries):
                missing = Extension(slug=slug, title="", version="")
                yield change(step, missing, self.item, Action.SKIP, "not installed on this site")


def _links(entry: Extension) -> str:
    if not entry.links:
        return ""
    one = entry.links == 1
    return (
        "its link to another folder is kept" if one else f"its {entry.links} links to other folders are kept"
    )


def _root(context: Context) -> str:
    return word((context.before.root if context.before else "") or f"{context.site.path}/")


def _begun(context: Context) -> str:
    return f'"$SITECREW_RESTORE/begun-{context.mark}"'


def _package(change: Change) -> str:
    """The file name of a package kept for further trials; update.php computes the same."""
    name = f"{change.kind.value}/{change.item}/{change.to_version}"
    return f"{hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()}.zip"


def _own_tables(step: Step, changes: Iterable[Change]) -> str:
    """Shell text that upgrades the tables of updated plugins, in processes that run the new code."""
    if not isinstance(step.options, PluginOptions) or step.options.tables == "tell":
        return ""
    folders = (change.file.partition("/")[0] for change in changes)
    commands = (_OWN_TABLES[folder] for folder in folders if folder in _OWN_TABLES)
    return "".join(f'if [ "$code" -eq 0 ]; then wp {command} || code=1; fi\n' for command in commands)


class Plugins(_Extensions):
    """Updates plugins to exactly the planned versions."""

    name = "wordpress.plugins"
    summary = "Updates plugins in one boot of WordPress, while the site stays online."
    example = """\
- wordpress.plugins: {update: all, except: [woocommerce]}
- wordpress.plugins: {update: [harbour-forms]}
- wordpress.plugins: {update: all, tables: run}
"""
    options = PluginOptions
    item = ItemKind.PLUGIN
    family = "plugins"

    def _installed(self, facts: SiteFacts) -> tuple[tuple[Extension, ...], bool]:
        return facts.plugins, facts.plugins_checked


class Themes(_Extensions):
    """Updates themes to exactly the planned versions."""

    name = "wordpress.themes"
    summary = "Updates themes in one boot of WordPress, while the site stays online."
    example = "- wordpress.themes: minor"
    item = ItemKind.THEME
    family = "themes"

    def _installed(self, facts: SiteFacts) -> tuple[tuple[Extension, ...], bool]:
        return facts.themes, facts.themes_checked


def _network_url(context: Context, changes: Iterable[Change]) -> str:
    """wp-cli's `--url` of another site of the network, followed by a blank; mostly empty.

    A plugin that is active on one site of a network only offers its update only there.
    """
    facts = context.before
    if facts is None:
        return ""
    wanted = {change.item for change in changes if not change.decided}
    homes = {sub.id: sub.home or sub.url for sub in facts.network}
    numbers = (n for p in facts.plugins if p.elsewhere and p.slug in wanted for n in p.sub_sites)
    home = next((homes[number] for number in numbers if number in homes), "")
    return f"{word(f'--url={home}')} " if home else ""
