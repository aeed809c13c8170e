"""`wordpress.languages`: update translations of WordPress, its plugins and themes to the planned dates."""

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
    """The options of `wordpress.languages`."""

    update: Literal["all", "none"] = field(
        default="all",
        metadata={
            "doc": "`all`: newer packs of the installed languages, or `none`",
            "scalar": "update",
        },
    )
    install: tuple[str, ...] = field(
        default=(),
        metadata={"doc": "languages to install for WordPress, its plugins and themes, like `de_DE`"},
    )

    def __post_init__(self) -> None:
        for language in self.install:
            if not re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2})?(_[a-z0-9]+)?", language):
                raise ValueError(f"{language!r} is not a WordPress language code like de_DE")


class Languages(StepKind):
    """Updates translations; the language of the site is not changed."""

    name = "wordpress.languages"
    summary = "Updates and installs translations of WordPress, its plugins and themes."
    options = LanguageOptions
    example = "- wordpress.languages: {update: all, install: [de_DE]}"
    reads = (
        "the dates of the packs on disk and, with WordPress's own requests for updates, the packs that are "
        "offered."
    )
    plans = (
        "each pack with its date. Packs have no update sizes: of the policy, only a `hold` with the name of "
        "the item holds them."
    )
    changes = (
        "the files below `wp-content/languages`, with WordPress's own upgrader, in one boot. The language of "
        "the site stays. An offer that has changed since the plan is refused."
    )
    understood = "by the dates that a new process reads from the packs on disk."
    undone = (
        "at once for a single pack, if it does not have the offered date or contains a `.l10n.php` that is "
        "not PHP: its old files are restored. If the site is worse than before: the files of every pack, and "
        "no others. See "
        "[What happens when an update breaks a site](../transactions.md)."
    )
    sites = frozenset({SiteKind.WORDPRESS})
    facts = True
    rereads = True
    transacts = True
    becomes = False
    item = ItemKind.LANGUAGE

    def propose(self, step: Step, facts: SiteFacts) -> tuple[Change, ...]:
        """Propose each newer pack, then the languages in `install` that are not offered."""
        options = cast("LanguageOptions", step.options)
        if options.update == "none" and not options.install:
            return ()
        installed = {pack.language for pack in facts.translations if pack.type == "core" and pack.installed}
        wanted = [pack for pack in facts.translations if _wanted(pack, options, installed)]
        proposed = [_change(step, pack, facts) for pack in wanted]
        return (*_unknown_packs(step, facts), *proposed, *_not_offered(step, options, facts))

    def script(self, step: Step, context: Context) -> Script | None:
        """Update all packs in one boot; one that WordPress cannot read is rolled back at once."""
        pending = context.plan.pending(step.id)
        if not pending:
            return None
        items = [_item(change) for change in pending]
        run = program("languages", context.mark, {"items": items}, parts=("ownership",))
        return site_script(context.site, context.host, context.mark, run)

    def understand(self, step: Step, result: Result, context: Context) -> StepOutcome:
        """Judge by the dates read from the packs on disk afterwards."""
        return verdict(step, result, context, "languages")

    def guard(self, step: Step, context: Context, tag: str) -> Guard | None:
        """The restore point: copies of the packs' files, restored one by one."""
        return languages_guard(context, context.plan.pending(step.id), tag)

    def idle(self, step: Step, context: Context) -> StepOutcome:
        """`held`, `failed` if newer packs are unknown, or `ok`."""
        return idle(step, context)


def asked_languages(steps: Iterable[Step]) -> tuple[str, ...]:
    """The languages that the steps install; the facts must be read with them."""
    found: dict[str, None] = {}
    for step in steps:
        if isinstance(step.options, LanguageOptions):
            found |= dict.fromkeys(step.options.install)
    return tuple(found)


def _wanted(pack: Translation, options: LanguageOptions, installed: set[str]) -> bool:
    if not pack.offered or pack.offered == pack.installed:
        return False
    if not pack.installed and pack.language in options.install:
        return True
    return options.update == "all" and bool(pack.installed or pack.language in installed)


def _change(step: Step, pack: Translation, facts: SiteFacts) -> Change:
    if pack.type not in _answered(facts) and "wordpress.org" in pack.package:
        why = f"a pack of {pack.offered} was offered earlier, but there is no answer from wordpress.org now"
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


def _answered(facts: SiteFacts) -> set[str]:
    answers = {"core": facts.core_checked, "plugin": facts.plugins_checked, "theme": facts.themes_checked}
    return {family for family, answered in answers.items() if answered}


def _unknown_packs(step: Step, facts: SiteFacts) -> Iterable[Change]:
    missing = [family for family in ("core", "plugin", "theme") if family not in _answered(facts)]
    if missing:
        why = f"no answer from wordpress.org on newer translations of {', '.join(missing)}"
        yield unknown(step, "languages", ItemKind.LANGUAGE, why)


def _not_offered(step: Step, options: LanguageOptions, facts: SiteFacts) -> Iterable[Change]:
    core = {pack.language for pack in facts.translations if pack.type == "core"}
    for language in options.install:
        if facts.core_checked and language not in core | {_BASE}:
            why = f"wordpress.org has no {language} translation of WordPress {facts.wordpress}"
            yield unknown(step, f"{language} core", ItemKind.LANGUAGE, why)
