"""`wordpress.plugins` and `wordpress.themes`: the whole batch in one boot, the door open to visitors."""

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
"""By the plugin's folder: the command of wp-cli by which its authors upgrade its tables."""
_CLEANUP = """
root={root} begun={begun}
if [ -e "$begun.shut" ]; then rm -f "${{root}}.maintenance"; fi
rm -f "$begun" "$begun".*
"""
_DROP = """
(cd "$SITECREW_RESTORE/packages" 2>/dev/null && rm -f {names})
rmdir "$SITECREW_RESTORE/packages" 2>/dev/null || :
"""
_DOOR = "visitors get 503 for the moment in which it is exchanged, for that needs more than a rename here"
_LEVELS = {"minor": frozenset({Level.MINOR, Level.PATCH}), "patch": frozenset({Level.PATCH})}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionOptions:
    """What may stand below `wordpress.plugins` and `wordpress.themes`."""

    update: Literal["all", "none", "minor", "patch"] | tuple[str, ...] = field(
        default="all",
        metadata={"doc": "what runs now: a size of update, or a list of slugs", "scalar": "update"},
    )
    exclude: tuple[str, ...] = field(
        default=(),
        metadata={"doc": "slugs that are left as they are", "alias": "except"},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginOptions(ExtensionOptions):
    """What may stand below `wordpress.plugins` besides."""

    tables: Literal["tell", "run"] = field(
        default="tell",
        metadata={
            "doc": "where a plugin's own tables wait for an upgrade after its update (WooCommerce, "
            "Elementor): say so, or run its authors' command"
        },
    )


class _Extensions(StepKind):
    options = ExtensionOptions
    reads = (
        "the site, in one boot of WordPress: versions, what is active, what is offered, what may be "
        "written to."
    )
    plans = "each update by its exact version, with a sentence for what is held, skipped or not known."
    changes = (
        "the whole batch in one boot, through WordPress's own upgrader and with the door open, after "
        "every package was fetched and looked at."
    )
    understood = (
        "by what a fresh process reads afterwards, and by looks from outside: the version on disk is the "
        "planned one, what was active is active, visitors see what they saw before."
    )
    undone = (
        "at once, by renames that need no PHP, where the site is not well afterwards; and the database as "
        "`policy.undo.database` says, where the old files do not suffice. What broke it is found, held, and "
        "the rest is done."
    )
    sites = frozenset({SiteKind.WORDPRESS})
    facts = True
    rereads = True
    transacts = True
    becomes = False
    kind: ClassVar[ItemKind]
    family: ClassVar[str]

    def propose(self, step: Step, facts: SiteFacts) -> tuple[Change, ...]:
        """What could not be known, then each installed item that has a newer version."""
        options = cast("ExtensionOptions", step.options)
        if options.update == "none":
            return ()
        entries, checked = self._installed(facts)
        proposed = [self._propose(step, options, entry, facts, checked=checked) for entry in entries]
        note = network_note(step, facts, self.kind) if any(proposed) else ()
        return (
            *note,
            *self._unknown(step, facts, checked=checked),
            *(entry for entry in proposed if entry),
            *self._not_installed(step, options, entries),
            *self._odd(step, facts),
        )

    def script(self, step: Step, context: Context) -> Script | None:
        """One boot that fetches and checks every package and then changes the items one after another."""
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
        data = {"kind": self.kind.value, "items": items, "swap": f'{EXCHANGE}exchange "$1" "$2"'}
        address = _started_as(context, pending)
        parts = ("wire", "ownership", "swap", "update_item")
        run = program("update", context.mark, data, address, parts=parts)
        kept = head(context.before, context.tag) if context.before and context.tag else "kept=\n"
        own = _own_tables(step, pending)
        boots = shell_source(
            "extensions", program=run, kept=kept, root=_root(context), begun=_begun(context), own=own
        )
        body = f"{free_of_links(context, pending)}{boots}"
        return site_script(context.site, context.host, context.mark, body)

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """By what was re-read: the planned version on disk, and active what was active."""
        return verdict(step, result, context, self.family)

    def guard(self, step: Step, context: Context, tag: str) -> Guard | None:
        """Copies of the folders, put back by renames.

        Packages are kept for further trials, each until it is settled what becomes of its item.
        """
        changes = context.plan.pending(step.id)
        guard = extensions_guard(context, changes, tag)
        if guard is None:
            return None
        drop = Script(text=_DROP.format(names=" ".join(map(_package, changes))))
        undo = Script(text=drop.text + guard.undo.text) if len(changes) == 1 else guard.undo
        return replace(guard, keep=drop, undo=undo)

    def cleanup(self, step: Step, context: Context) -> str:  # noqa: ARG002
        """Opens a door that was left shut by a PHP that died."""
        return _CLEANUP.format(root=_root(context), begun=_begun(context))

    def idle(self, step: Step, context: Context) -> StepOutcome:
        """Held, failed for what could not be known, or ok."""
        return idle(step, context)

    def _installed(self, facts: SiteFacts) -> tuple[tuple[Extension, ...], bool]:
        raise NotImplementedError

    def _propose(
        self, step: Step, options: ExtensionOptions, entry: Extension, facts: SiteFacts, *, checked: bool
    ) -> Change | None:
        if not entry.offered or compare(entry.offered, entry.version) <= 0:
            return self._silent(step, options, entry)
        if isinstance(options.update, tuple) and entry.slug not in options.update:
            return None
        if entry.slug in options.exclude:
            return change(step, entry, self.kind, Action.SKIP, "left out by `except`")
        if isinstance(options.update, str) and options.update in _LEVELS:
            size = level(entry.version, entry.offered)
            if size not in _LEVELS[options.update]:
                why = f"a {size} update; this step takes `{options.update}` only"
                return change(step, entry, self.kind, Action.SKIP, why)
        if not checked and not entry.decided and "wordpress.org" in (entry.package or ""):
            why = f"{entry.offered} was announced earlier, but wordpress.org could not be asked now"
            return change(step, entry, self.kind, Action.UNKNOWN, why)
        named = isinstance(options.update, tuple)
        found = of_extension(facts, entry, self.family)
        action, why = action_of(one for one in found if not (named and one.kind is FindingKind.FOREIGN))
        other = managed(
            facts, entry.composer, entry.offered, in_release=entry.in_release, checkout=entry.checkout
        )
        proposed = change(step, entry, self.kind, action, why, managed=other)
        door = _DOOR if entry.door and entry.active and not why else ""
        links = "" if why else _links(entry)
        return replace(proposed, note="; ".join(filter(None, (proposed.note, door, links))))

    def _silent(self, step: Step, options: ExtensionOptions, entry: Extension) -> Change | None:
        """An updater of its own is asked by WordPress only where its plugin is active."""
        vendor = entry.update_uri not in {"", "false"} and "wordpress.org" not in entry.update_uri
        named = not isinstance(options.update, tuple) or entry.slug in options.update
        if entry.offered or entry.active or not vendor or not named or self.kind is ItemKind.THEME:
            return None
        why = f"its vendor ({entry.update_uri}) is asked for updates only while it is active"
        return change(step, entry, self.kind, Action.SKIP, why)

    def _unknown(self, step: Step, facts: SiteFacts, *, checked: bool) -> Iterable[Change]:
        if not checked:
            yield unknown(step, self.family, self.kind)
        elif facts.crippled:
            (crippled, *_) = of_site(facts)
            why = f"updates that its plugins announce are not seen: {crippled.what}"
            yield unknown(step, self.family, self.kind, why)

    def _odd(self, step: Step, facts: SiteFacts) -> Iterable[Change]:
        for odd in of_odd(facts):
            if odd.family == self.family:
                yield replace(unknown(step, odd.family, self.kind, odd.what), action=Action.HOLD)

    def _not_installed(
        self, step: Step, options: ExtensionOptions, entries: tuple[Extension, ...]
    ) -> Iterable[Change]:
        named = options.update if isinstance(options.update, tuple) else ()
        for slug in named:
            if all(entry.slug != slug for entry in entries):
                missing = Extension(slug=slug, title="", version="")
                yield change(step, missing, self.kind, Action.SKIP, "not installed on this site")


def _links(entry: Extension) -> str:
    if not entry.links:
        return ""
    one = entry.links == 1
    return (
        "a link that leads out of it is kept" if one else f"{entry.links} links that lead out of it are kept"
    )


def _root(context: Context) -> str:
    return word((context.before.root if context.before else "") or f"{context.site.path}/")


def _begun(context: Context) -> str:
    return f'"$SITECREW_RESTORE/begun-{context.mark}"'


def _package(change: Change) -> str:
    """The name of a package that is kept for the trials to come, as update.php makes it."""
    name = f"{change.kind.value}/{change.item}/{change.to_version}"
    return f"{hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()}.zip"


def _own_tables(step: Step, changes: Iterable[Change]) -> str:
    """Shell text that upgrades the tables of plugins that were updated, in processes with the new code."""
    if not isinstance(step.options, PluginOptions) or step.options.tables == "tell":
        return ""
    folders = (change.file.partition("/")[0] for change in changes)
    commands = (_OWN_TABLES[folder] for folder in folders if folder in _OWN_TABLES)
    return "".join(f'if [ "$code" -eq 0 ]; then wp {command} || code=1; fi\n' for command in commands)


class Plugins(_Extensions):
    """Plugins to exactly the planned versions."""

    name = "wordpress.plugins"
    summary = "Updates plugins in one boot of WordPress, with the site open to visitors."
    example = """\
- wordpress.plugins: {update: all, except: [woocommerce]}
- wordpress.plugins: {update: [harbour-forms]}
- wordpress.plugins: {update: all, tables: run}
"""
    options = PluginOptions
    kind = ItemKind.PLUGIN
    family = "plugins"

    def _installed(self, facts: SiteFacts) -> tuple[tuple[Extension, ...], bool]:
        return facts.plugins, facts.plugins_checked


class Themes(_Extensions):
    """Themes to exactly the planned versions."""

    name = "wordpress.themes"
    summary = "Updates themes in one boot of WordPress, with the site open to visitors."
    example = "- wordpress.themes: minor"
    kind = ItemKind.THEME
    family = "themes"

    def _installed(self, facts: SiteFacts) -> tuple[tuple[Extension, ...], bool]:
        return facts.themes, facts.themes_checked


def _started_as(context: Context, changes: Iterable[Change]) -> str:
    """The word that starts WordPress as another site of its network, with a blank; mostly empty.

    Only there does a plugin that is active on no other site say where its update comes from.
    """
    facts = context.before
    if facts is None:
        return ""
    wanted = {change.item for change in changes if not change.decided}
    homes = {sub.id: sub.home or sub.url for sub in facts.network}
    numbers = (n for p in facts.plugins if p.elsewhere and p.slug in wanted for n in p.sub_sites)
    home = next((homes[number] for number in numbers if number in homes), "")
    return f"{word(f'--url={home}')} " if home else ""
