"""Split a playbook into the parts of one site's run.

Consecutive steps on the host form a segment, which runs as one job. A step that streams from the host or
checks the site from the controller ends the segment. A step with transactions or retries has a segment of
its own. Parts are numbered from 1; the numbers depend only on the playbook, the site and the selected tags,
because job ids are derived from them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from runner.errors import UsageError
from runner.model import Playbook, Site, Step
from runner.plan.select import applies
from runner.steps import StepKind, Where, registry

__all__ = ["Barrier", "Parts", "Segment", "SkippedStep", "skip_reason", "split_playbook"]


@dataclass(frozen=True, slots=True)
class Segment:
    """Steps that run on the host in one job."""

    number: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Barrier:
    """One step that involves the controller."""

    number: int
    step: Step
    where: Where


@dataclass(frozen=True, slots=True)
class SkippedStep:
    """A step that does not run on this site, and why."""

    step: Step
    why: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a playbook for one site."""

    parts: tuple[Segment | Barrier, ...]
    skipped: tuple[SkippedStep, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that run on this site, in order."""
        return tuple(
            step
            for part in self.parts
            for step in (part.steps if isinstance(part, Segment) else (part.step,))
        )


def split_playbook(
    playbook: Playbook,
    site: Site,
    *,
    tags: Collection[str] = (),
    kinds: Mapping[str, StepKind] | None = None,
) -> Parts:
    """Split a playbook for one site; `tags` selects the steps that have one of them.

    Raises:
        UsageError: a step has an unknown kind.
    """
    kinds = registry() if kinds is None else kinds
    parts: list[Segment | Barrier] = []
    skipped = []
    early = bool(playbook.start_at)
    for step in playbook.steps:
        kind = kinds.get(step.kind)
        if kind is None:
            raise UsageError(f"unknown step {step.kind!r}", hint="see `sitecrew list steps`")
        early = early and step.id != playbook.start_at
        why = f"before {playbook.start_at}" if early else _skipped_tag(playbook, step)
        if why := why or skip_reason(step, kind, site, tags):
            skipped.append(SkippedStep(step, why))
        elif (where := kind.place(step)) is not Where.HOST:
            parts.append(Barrier(len(parts) + 1, step, where))
        elif (
            parts
            and isinstance(last := parts[-1], Segment)
            and not _needs_own_segment(playbook, last, step, kinds)
        ):
            parts[-1] = Segment(last.number, (*last.steps, step))
        else:
            parts.append(Segment(len(parts) + 1, (step,)))
    return Parts(tuple(parts), tuple(skipped))


def _skipped_tag(playbook: Playbook, step: Step) -> str:
    tags = sorted(step.tags & set(playbook.skip_tags))
    return f"has the skipped tag {tags[0]}" if tags else ""


def _needs_own_segment(playbook: Playbook, last: Segment, step: Step, kinds: Mapping[str, StepKind]) -> bool:
    """Whether a step cannot join the previous segment: one of them is rolled back or retried on its own."""
    both = last.steps[-1], step
    return playbook.stepwise or any(kinds[one.kind].transacts or one.retries for one in both)


def skip_reason(step: Step, kind: StepKind, site: Site, tags: Collection[str] = ()) -> str:
    """Return why a step does not run on this site; empty if it does."""
    if tags and not step.tags & set(tags):
        return f"has none of the tags {', '.join(sorted(tags))}"
    if site.kind not in kind.sites:
        return f"does not apply to a {site.kind} site"
    if not applies(step.when, site):
        return f"only for {step.when}"
    return ""
