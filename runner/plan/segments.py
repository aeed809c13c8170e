"""A playbook cut into the parts that one site's run consists of.

Steps on the host that stand behind each other share a segment: one job, one exec. A step that streams from
the host or looks from outside ends the segment; one whose changes are transactions, or that may be tried
again, has a segment to itself. Numbers count the parts from 1 and depend on nothing but the playbook, the
site and the selected tags: the ids of jobs are derived from them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from runner.errors import UsageError
from runner.model import Playbook, Site, Step
from runner.plan.select import applies
from runner.steps import StepKind, Where, registry

__all__ = ["Barrier", "Parts", "Segment", "SkippedStep", "cut", "skip_reason"]


@dataclass(frozen=True, slots=True)
class Segment:
    """Steps that run on the host in one job."""

    number: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Barrier:
    """One step that the controller takes part in."""

    number: int
    step: Step
    where: Where


@dataclass(frozen=True, slots=True)
class SkippedStep:
    """A step that is not for this site, and why."""

    step: Step
    why: str


@dataclass(frozen=True, slots=True)
class Parts:
    """What a playbook is for one site."""

    parts: tuple[Segment | Barrier, ...]
    skipped: tuple[SkippedStep, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that are for this site, in order."""
        return tuple(
            step
            for part in self.parts
            for step in (part.steps if isinstance(part, Segment) else (part.step,))
        )


def cut(
    playbook: Playbook,
    site: Site,
    *,
    tags: Collection[str] = (),
    kinds: Mapping[str, StepKind] | None = None,
) -> Parts:
    """The parts of a playbook for one site; with `tags`, only of the steps that carry one of them.

    Raises:
        UsageError: a step of a kind that is not installed.
    """
    kinds = registry() if kinds is None else kinds
    parts: list[Segment | Barrier] = []
    skipped = []
    early = bool(playbook.start_at)
    for step in playbook.steps:
        kind = kinds.get(step.kind)
        if kind is None:
            raise UsageError(f"no step is called {step.kind!r}", hint="see `sitecrew list steps`")
        early = early and step.id != playbook.start_at
        if why := f"before {playbook.start_at}" if early else skip_reason(step, kind, site, tags):
            skipped.append(SkippedStep(step, why))
        elif (where := kind.place(step)) is not Where.HOST:
            parts.append(Barrier(len(parts) + 1, step, where))
        elif parts and isinstance(last := parts[-1], Segment) and not _alone(playbook, last, step, kinds):
            parts[-1] = Segment(last.number, (*last.steps, step))
        else:
            parts.append(Segment(len(parts) + 1, (step,)))
    return Parts(tuple(parts), tuple(skipped))


def _alone(playbook: Playbook, last: Segment, step: Step, kinds: Mapping[str, StepKind]) -> bool:
    """Whether a step may not join the segment before it, since it is undone or tried again by itself."""
    both = last.steps[-1], step
    return playbook.stepwise or any(kinds[one.kind].transacts or one.retries for one in both)


def skip_reason(step: Step, kind: StepKind, site: Site, tags: Collection[str] = ()) -> str:
    """Why a step is not for this site; empty when it is."""
    if tags and not step.tags & set(tags):
        return f"not selected by the tags {', '.join(sorted(tags))}"
    if site.kind not in kind.sites:
        return f"does not apply to a {site.kind} site"
    if not applies(step.when, site):
        return f"only where {step.when}"
    return ""
