"""`wordpress.languages`: translations of WordPress, its plugins and themes, to exactly the planned dates."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from runner.model import Change, ItemKind, SiteFacts, SiteKind, Step, StepOutcome, Translation
from runner.steps.base import Context, Guard, Result, Script, StepKind
from runner.steps.wordpress.findings import of_pack
from runner.steps.wordpress.languages_guard import languages_guard
from runner.steps.wordpress.proposals import action_of, unknown
from runner.steps.wordpress.shell import program, site_script
from runner.steps.wordpress.verdict import idle, verdict

__all__ = ["LanguageOptions", "Languages", "asked_languages"]

_BASE = "en_US"


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageOptions:
    """What may stand below `wordpress.languages`."""

    update: Literal["all", "none"] = field(
        default="all",
        metadata={
            "doc": "`all` newer packs of the languages that are installed, or `none`",
            "scalar": "update",
        },
    )
    install: tuple[str, ...] = field(
        default=(),
        metadata={"doc": "languages to be there, like `de_DE`: of WordPress, its plugins and themes"},
    )

    def __post_init__(self) -> None:
        for language in self.install:
            if not re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2})?(_[a-z0-9]+)?", language):
                raise ValueError(f"{language!r} is not a language as WordPress writes it, like de_DE")


class Languages(StepKind):
    """Translations; the language that a site speaks is not changed."""

    name = "wordpress.languages"
    summary = "Updates and installs translations of WordPress, its plugins and themes."
    options = LanguageOptions
    example = "- wordpress.languages: {update: all, install: [de_DE]}"
    reads = (
        "the dates of the packs on disk and, with the requests by which WordPress asks for updates, what "
        "is offered."
    )
    plans = (
        "each pack by its date. Packs have no sizes: of the policy, only a `hold` of the item by its "
        "name holds them."
    )
    changes = (
        "the files below `wp-content/languages` through WordPress's own upgrader, in one boot. The "
        "language that a site speaks stays. An offer that has moved since the plan is refused."
    )
    understood = "by the dates that a fresh process reads from the packs on disk."
    undone = (
        "at once, pack by pack, where a pack is not of the offered date, or holds a `.l10n.php` that is "
        "not PHP: its former files are put back. And where the site is not as well after as before: the very "
        "files of each pack, and no others. See "
        "[What happens when an update breaks a site](../transactions.md)."
    )
    sites = frozenset({SiteKind.WORDPRESS})
    facts = True
    rereads = True
    transacts = True
    becomes = False

    def propose(self, step: Step, facts: SiteFacts) -> tuple[Change, ...]:
        """Each pack that is newer than the installed one; then what was asked for and is not offered."""
        options = cast("LanguageOptions", step.options)
        if options.update == "none" and not options.install:
            return ()
        there = {pack.language for pack in facts.translations if pack.type == "core" and pack.installed}
        wanted = [pack for pack in facts.translations if _wanted(pack, options, there)]
        proposed = [_change(step, pack, facts) for pack in wanted]
        return (*_unasked(step, facts), *proposed, *_not_offered(step, options, facts))

    def script(self, step: Step, context: Context) -> Script | None:
        """One boot; a pack that WordPress could not read is taken back at once."""
        pending = context.plan.pending(step.id)
        if not pending:
            return None
        items = [_item(change) for change in pending]
        run = program("languages", context.mark, {"items": items}, parts=("ownership",))
        return site_script(context.site, context.host, context.mark, run)

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """By the dates that were re-read from the packs on disk."""
        return verdict(step, result, context, "languages")

    def guard(self, step: Step, context: Context, tag: str) -> Guard | None:
        """Copies of the packs' files, put back one by one."""
        return languages_guard(context, context.plan.pending(step.id), tag)

    def idle(self, step: Step, context: Context) -> StepOutcome:
        """Held, failed for what could not be known, or ok."""
        return idle(step, context)


def asked_languages(steps: Iterable[Step]) -> tuple[str, ...]:
    """The languages that steps want installed: the facts are to be read with these."""
    found: dict[str, None] = {}
    for step in steps:
        if isinstance(step.options, LanguageOptions):
            found |= dict.fromkeys(step.options.install)
    return tuple(found)


def _wanted(pack: Translation, options: LanguageOptions, there: set[str]) -> bool:
    if not pack.offered or pack.offered == pack.installed:
        return False
    if not pack.installed and pack.language in options.install:
        return True
    return options.update == "all" and bool(pack.installed or pack.language in there)


def _change(step: Step, pack: Translation, facts: SiteFacts) -> Change:
    if pack.type not in _asked(facts) and "wordpress.org" in pack.package:
        why = f"a pack of {pack.offered} was announced earlier, but wordpress.org could not be asked now"
        return replace(unknown(step, pack.item, ItemKind.LANGUAGE, why), from_version=pack.installed)
    action, why = action_of(of_pack(facts, pack))
    return Change(
        step=step.id,
        item=pack.item,
        kind=ItemKind.LANGUAGE,
        from_version=pack.installed,
        to_version=pack.offered,
        action=action,
        why=why,
        title=f"Translation {pack.item}",
        file=f"{pack.type}/{pack.slug}/{pack.language}",
        package=pack.package,
    )


def _item(change: Change) -> dict[str, str]:
    kind, slug, language = change.file.split("/")
    about = {"type": kind, "slug": slug, "language": language, "package": change.package}
    return {"item": change.item, "to": change.to_version, **about}


def _asked(facts: SiteFacts) -> set[str]:
    asked = {"core": facts.core_checked, "plugin": facts.plugins_checked, "theme": facts.themes_checked}
    return {family for family, answered in asked.items() if answered}


def _unasked(step: Step, facts: SiteFacts) -> Iterable[Change]:
    missing = [family for family in ("core", "plugin", "theme") if family not in _asked(facts)]
    if missing:
        why = f"wordpress.org could not be asked for newer translations of {', '.join(missing)}"
        yield unknown(step, "languages", ItemKind.LANGUAGE, why)


def _not_offered(step: Step, options: LanguageOptions, facts: SiteFacts) -> Iterable[Change]:
    core = {pack.language for pack in facts.translations if pack.type == "core"}
    for language in options.install:
        if facts.core_checked and language not in core | {_BASE}:
            why = f"wordpress.org has no translation of WordPress {facts.wordpress} into {language}"
            yield unknown(step, f"{language} core", ItemKind.LANGUAGE, why)
