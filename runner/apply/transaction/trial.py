"""A trial of some changes: what it starts from, what it does, what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from runner.load import thaw, thaw_as
from runner.model import SiteFacts, Step, StepOutcome
from runner.steps import Context, Guard, Result, Script, registry
from runner.steps.wordpress.database_undo import DatabaseUndo
from runner.verify import Signals

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.steps.wordpress.errorlog import Fatal

__all__ = ["Kept", "State", "Trial", "Way", "first_of", "seen_then", "way_of"]


@dataclass(frozen=True, slots=True)
class State:
    """A site at one instant: as its host reads it, and as it looks from outside."""

    facts: SiteFacts
    seen: Signals
    cron: bool | None = None
    """Whether WordPress starts as it does for its cron; None before that was tried."""
    noise: frozenset[Fatal] | None = None
    """Errors that its log told of before the first change; None before it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of trying some changes together."""

    kept: bool
    healthy: bool
    """Whether the site was left as well as it was."""
    why: str = ""
    """What was wrong with the changes; empty where they were kept."""
    outcome: StepOutcome
    """What the step's own reading says, before anything was taken back."""
    state: State
    """The site as it was left."""
    by: str = ""
    """Who decided: see `Decided`."""
    looks: int = 0
    """How often the site was looked at from outside."""
    unverified: str = ""
    """Why nobody could see whether the site is well with what was kept; empty where somebody could."""
    slower: str = ""
    """What takes clearly longer since changes that were kept; empty where nothing does."""
    database: DatabaseUndo = field(default_factory=DatabaseUndo)
    """What became of its database."""
    reread: SiteFacts | None = None
    """The site as it was read after something was taken back; None where it was not."""
    unkept: str = ""
    """What was left undone after the changes were kept, such as a commit, in a sentence."""
    unpurged: str = ""
    """Which caches could not be emptied after a change that was kept, in a sentence."""


@dataclass(frozen=True, slots=True)
class Way:
    """What a transaction does: by default, what its step's kind says."""

    script: Callable[[Context], Script | None]
    guard: Callable[[Context, str], Guard | None]
    understand: Callable[[Result, Context], StepOutcome]


def way_of(step: Step) -> Way:
    """What the kind of a step says."""
    kind = registry()[step.kind]
    return Way(partial(kind.script, step), partial(kind.guard, step), partial(kind.understand, step))


@dataclass(frozen=True, slots=True)
class Kept:
    """What it takes to judge a trial later that its host kept by itself."""

    tag: str
    """Of its restore point."""
    items: tuple[str, ...]
    seen: Signals
    """How the site looked before."""


def first_of(ctx: SiteContext) -> str:
    """The run that is put back, or the first one of a chain of undos; empty for no undo."""
    ledger, undo = ctx.journal.ledger, ctx.order.undo
    while undo and (before := thaw(ledger.order_text(undo.run)).undo):
        undo = before
    return undo.run if undo else ""


def seen_then(ctx: SiteContext, otherwise: Signals) -> Signals:
    """How the site looked before what is put back was changed."""
    ledger, first = ctx.journal.ledger, first_of(ctx)
    segments = ledger.segments(first, ledger.name_then(first, ctx.site.name))
    return next((thaw_as(Kept, one.trial).seen for one in segments if one.trial), otherwise)
