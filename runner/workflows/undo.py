"""`sitecrew undo RUN`: an earlier run put back from the restore points that it left on the hosts.

An undo is a run of its own. Its steps are the earlier run's, the last one first, and each is a transaction:
what it replaces is kept as another restore point, the site is looked at before and after, and an undo that
makes a site worse is itself taken back.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from runner.errors import HostError, SitecrewError, UsageError
from runner.execute import Task as HostTask
from runner.execute import read
from runner.load import thaw, thaw_as
from runner.model import (
    Action,
    Change,
    ChangeOutcome,
    ItemKind,
    Order,
    Outcome,
    Playbook,
    Site,
    SiteFacts,
    SitePlan,
    Step,
    StepOutcome,
    UndoDatabase,
    UndoOrder,
    worst,
)
from runner.plan import Segment
from runner.steps import Context, Guard, Result, Script, registry
from runner.steps.undo import kept_tags, put_back, restore_points_of, tags_in
from runner.steps.wordpress.database_undo import (
    STAGES,
    DatabaseUndo,
    count_database,
    counted,
    parse_database,
    put_back_database,
)
from runner.steps.wordpress.guard import site_check
from runner.steps.wordpress.verdict import on_disk
from runner.workflows.changes.carry import JOBS, close_open_jobs
from runner.workflows.changes.transaction import try_changes
from runner.workflows.changes.trial import State, Trial, Way
from runner.workflows.stages.outside import record_looks, see
from runner.workflows.stages.segment import close_job
from runner.workflows.stages.survey import read_facts

if TYPE_CHECKING:
    from runner.record import Ledger, RestorePointView
    from runner.workflows.hosts import Hosts
    from runner.workflows.site import Task

__all__ = ["Foreseen", "carry_undo", "foresee_undo", "survey_undo", "undo_order"]

_DATABASE = "database"
"""Id of the step that puts back the database; those of other steps are the earlier run's."""
_LIMIT = 120


def undo_order(order: Order, then: Order, undo: UndoOrder) -> Order:
    """An order for the same sites that puts back what was ordered then."""
    kinds = registry()
    steps = [step for step in reversed(then.playbook.steps) if kinds[step.kind].transacts]
    if undo.database:
        kind = kinds["wordpress.database"]
        steps.append(Step(id=_DATABASE, kind=kind.name, options=kind.options()))
    if not steps:
        raise UsageError(f"nothing of {undo.run} can be put back: no step of it keeps restore points")
    policy = replace(order.policy, undo_database=UndoDatabase.ALWAYS) if undo.database else order.policy
    playbook = Playbook(name="undo", title=f"Undo of {undo.run}", steps=tuple(steps))
    return replace(order, playbook=playbook, policy=policy, undo=undo)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What an undo would do to one site."""

    plan: SitePlan
    facts: SiteFacts | None
    """The site now; None where it could not be read."""
    database: DatabaseUndo
    """What putting all of the database back would lose."""


def foresee_undo(hosts: Hosts, ledger: Ledger, order: Order, site: Site) -> Foreseen:
    """Read the site and its restore points, and say what would be put back.

    Raises:
        UnreachableError: the host cannot be reached.
        HostError: what the site was before is not on record.
    """
    past = _Past.of(ledger, order, site)
    found = read_facts(hosts, [site], check_updates=False)[site.name]
    facts = None if isinstance(found, SitecrewError) else found
    host = order.hosts[site.host]
    tasks = [HostTask("kept", past.kept().text, timeout=_LIMIT, policy="go")]
    if past.database and past.undo.database:
        tasks.append(HostTask("count", past.count().text, timeout=_LIMIT, policy="go"))
    records = read(hosts.pool, hosts.endpoint(host), tasks)
    there = tags_in(records["kept"].text)
    lost = parse_database(records["count"].text, _MARK) if "count" in records else DatabaseUndo()
    changes = [change for step in order.playbook.steps for change in past.changes(step, facts, there)]
    if past.undo.database:
        first = next((change.step for change in changes if change.action is Action.CHANGE), _DATABASE)
        changes.append(past.database_change(first, there, lost, [c.item for c in changes if _stays(c)]))
    plan = SitePlan(site=site.name, client=site.client, changes=tuple(changes))
    return Foreseen(plan, facts, lost)


_MARK = "sitecrew-undo"


def _stays(change: Change) -> bool:
    """Whether an item is newer than it was and is left so."""
    return change.action is Action.HOLD and change.from_version not in {"", change.to_version}


def survey_undo(task: Task) -> Task:
    """The task with its plan and facts: those on record, or read now and put on record."""
    session, run, site = task.session, task.run, task.site.name
    stored, facts_then = session.ledger.plan_of(run, site), session.ledger.facts_of(run, site)
    if stored is not None:
        return replace(task, plan=stored, facts=thaw_as(SiteFacts, facts_then) if facts_then else None)
    foreseen = foresee_undo(session.hosts, session.ledger, task.order, task.site)
    # a site that is too dead to be read is put back all the same, measured by what it was
    facts = foreseen.facts or _Past.of(session.ledger, task.order, task.site).facts
    session.ledger.record_plan(run, site, foreseen.plan, asdict(facts))
    told = [
        {"item": c.item, "from": c.from_version, "to": c.to_version, "action": c.action, "why": c.why}
        for c in foreseen.plan.changes
    ]
    session.emit("site.planned", run, site, changes=told, problems=[])
    return replace(task, plan=foreseen.plan, facts=facts)


def carry_undo(task: Task, part: Segment) -> tuple[tuple[StepOutcome, ...], SiteFacts | None]:
    """Put one step of the earlier run back, and write down how it ended.

    Raises:
        LockedError, LostError, UnreachableError: as `try_changes`.
    """
    (step,) = part.steps
    began, facts, pending = time.monotonic(), task.facts, task.plan.pending(step.id)
    settled = [
        ChangeOutcome.of(change, Outcome.HELD, change.why)
        for change in task.plan.of(step.id)
        if change not in pending
    ]
    trouble = ""
    if pending:
        task.session.emit("step.started", task.run, task.site.name, step.id)
        if task.attempt > 1:
            for segment, record in close_open_jobs(task, part.number):
                close_job(task, segment.number, segment.job, record.status)
        if facts is None:
            raise HostError("the site was not read")
        seen = see(task)
        record_looks(task, seen, "before")
        way = _way(task, step)
        trial = try_changes(
            task, step, part.number * JOBS + task.attempt, pending, State(facts, seen), way=way
        )
        facts, trouble = trial.state.facts, _trouble(task, trial)
        settled += _settled(pending, trial)
        _hold(task, settled)
    outcome = StepOutcome(
        step=step.id,
        outcome=Outcome.FAILED if trouble else worst(change.outcome for change in settled),
        why=trouble or next((f"{c.item}: {c.why}" for c in settled if c.why), ""),
        seconds=round(time.monotonic() - began, 3) if pending else None,
        changes=tuple(settled),
    )
    task.session.record(task.run, task.site.name, outcome)
    return (outcome,), facts


def _settled(pending: Sequence[Change], trial: Trial) -> list[ChangeOutcome]:
    """Each item's end: what is as it was is `undone`."""
    found = {change.item: change for change in trial.outcome.changes}
    ends = []
    for change in pending:
        end = found.get(change.item)
        if not trial.kept or end is None:
            why = trial.why or trial.outcome.why
            ends.append(
                ChangeOutcome.of(
                    change, Outcome.CANCELLED if trial.by == "cancelled" else Outcome.FAILED, why
                )
            )
        elif end.outcome is Outcome.CHANGED:
            ends.append(replace(end, outcome=Outcome.UNDONE))
        else:
            ends.append(end)
    return ends


def _trouble(task: Task, trial: Trial) -> str:
    """Why the site is not well now."""
    if trial.by == "cancelled":
        return ""
    findings = "; ".join(trial.state.seen.findings) if trial.kept else trial.why or trial.outcome.why
    if not findings:
        return ""
    undo = task.order.undo
    again = f"sitecrew undo {undo.run} -l {task.site.name} --database" if undo and not undo.database else ""
    told = f"{findings}; to put the database back too: {again}" if again else findings
    return f"the site is not well with what was put back: {told}" if trial.kept else f"left as it was: {told}"


def _hold(task: Task, settled: Sequence[ChangeOutcome]) -> None:
    """What somebody took back is not installed again tonight; what is put back again is no longer held."""
    ledger, site, undo = task.session.ledger, task.site.name, task.order.undo
    for change in settled:
        if undo is None or change.outcome is not Outcome.UNDONE or change.kind is ItemKind.DATABASE:
            continue
        if thaw(ledger.order_text(undo.run)).undo:
            ledger.lift_hold(site, change.item)
        else:
            why = f"put back by hand: {task.run}"
            ledger.add_hold(site, change.item, change.from_version, why=why, since=task.session.now())


def _way(task: Task, step: Step) -> Way:
    """Files first, then the database where that is wanted, in one transaction: neither may suffice alone."""
    past = _Past.of(task.session.ledger, task.order, task.site)
    names = [one.id for one in task.order.playbook.steps]
    rest = names[names.index(step.id) + 1 :]
    # code that is still new may not work with the old data: that is no reason to go further
    stages = STAGES[:1] if any(task.plan.pending(name) for name in rest) else STAGES
    if step.id == _DATABASE:
        return Way(
            lambda context: past.put_database_back(context, stages),
            _no_files,
            lambda result, context: _with_database(step, result, context),
        )
    kind = registry()[step.kind]

    def script(context: Context) -> Script:
        files = past.put_files_back(step, _files(context))
        if not (past.undo.database and past.database):
            return files
        database = past.put_database_back(context, stages)
        return Script(text=f"(\n{files.text}\n)\nstatus=$?\n(\n{database.text}\n)\nexit $status\n")

    def guard(context: Context, tag: str) -> Guard | None:
        return kind.guard(step, _files(context), tag)

    def understand(result: Result, context: Context) -> StepOutcome:
        return _with_database(step, result, context, kind.understand(step, result, _files(context)))

    return Way(script, guard, understand)


def _files(context: Context) -> Context:
    changes = tuple(change for change in context.plan.changes if change.item != _DATABASE)
    return replace(context, plan=replace(context.plan, changes=changes))


def _no_files(context: Context, tag: str = "") -> Guard:  # noqa: ARG001
    nothing = Script(text=":\n")
    return Guard(save=nothing, undo=nothing, check=site_check(context))


def _with_database(
    step: Step, result: Result, context: Context, files: StepOutcome | None = None
) -> StepOutcome:
    """The outcome of a step with what became of the database, where it was its turn."""
    found = parse_database(result.output, context.mark)
    outcome, why = Outcome.FAILED, found.why or "the host did not say how it ended"
    if found.stage:
        lost = f"; lost with it: {counted(found.lost)}" if found.lost else ""
        outcome, why = Outcome.CHANGED, f"{found.extent} put back{lost}"
    elif found.state == "unchanged":
        outcome, why = Outcome.OK, "nothing in it differs"
    mine = tuple(ChangeOutcome.of(c, outcome, why) for c in context.plan.changes if c.item == _DATABASE)
    files = files or StepOutcome(step=step.id, outcome=outcome, why=why)
    return replace(files, changes=(*files.changes, *mine))


@dataclass(frozen=True, slots=True)
class _Past:
    """What the ledger knows of one site in the run that is put back."""

    undo: UndoOrder
    site: str
    facts: SiteFacts
    """Before that run."""
    plan: SitePlan
    done: frozenset[tuple[str, str]]
    """Steps and items that it changed."""
    points: tuple[RestorePointView, ...]
    """Newest first."""
    context: Context

    @classmethod
    def of(cls, ledger: Ledger, order: Order, site: Site) -> _Past:
        undo = order.undo
        if undo is None:
            raise UsageError("this run puts nothing back")
        plan, facts = ledger.plan_of(undo.run, site.name), ledger.facts_of(undo.run, site.name)
        if plan is None or facts is None:
            raise HostError(f"{undo.run} did not come as far as to change {site.name}")
        again = thaw(ledger.order_text(undo.run)).undo is not None
        changed = {Outcome.CHANGED, Outcome.UNDONE} if again else {Outcome.CHANGED}
        (view,) = (one for one in ledger.show(undo.run).sites if one.row.site == site.name)
        done = {(s.step, c.item) for s in view.steps for c in s.changes if c.outcome in changed}
        before = thaw_as(SiteFacts, facts)
        context = Context(site=site, host=order.hosts[site.host], plan=plan, mark=_MARK, before=before)
        points = tuple(reversed([point for point in view.restore_points if not point.removed]))
        return cls(undo, site.name, before, plan, frozenset(done), points, context)

    @property
    def database(self) -> RestorePointView | None:
        """The oldest copy of the database."""
        return next((p for p in reversed(self.points) if p.path.endswith("/database") and p.size), None)

    def tags(self, items: Sequence[str]) -> tuple[str, ...]:
        """Restore points that hold some of the items, newest first."""
        return tuple(p.path for p in self.points if "/" not in p.path and set(items) & set(p.items))

    def kept(self) -> Script:
        """Says which restore points are still there."""
        return kept_tags(self.undo.run, self.site, self._content, [p.path for p in self.points])

    @property
    def _content(self) -> str:
        return self.facts.content or f"{self.facts.root}wp-content"

    def count(self) -> Script:
        """Says what putting all of the database back would lose."""
        assert self.database  # noqa: S101  # asked for only then
        tag = self.database.path.removesuffix("/database")
        text = count_database(self.context, tag).text
        return Script(text=f"{restore_points_of(self.undo.run, self.site)}{text}")

    def put_files_back(self, step: Step, context: Context) -> Script:
        """What the step's guards kept then."""
        kind, changes = registry()[step.kind], context.plan.changes
        then = replace(self.context, mark=context.mark, plan=context.plan)
        tags = self.tags([change.item for change in changes])
        guards = {tag: guard for tag in tags if (guard := kind.guard(step, then, tag))}
        return put_back(self.undo.run, self.site, self._content, guards)

    def put_database_back(self, context: Context, stages: Sequence[str]) -> Script:
        """As it was before that run: what the run has touched, and more where that does not suffice."""
        assert self.database  # noqa: S101  # planned only then
        script = put_back_database(
            replace(self.context, mark=context.mark),
            self.database.path.removesuffix("/database"),
            guard=_no_files(replace(self.context, mark=context.mark)),
            rule=UndoDatabase.ALWAYS,
            stages=stages,
            look=False,
            later=True,
        )
        return Script(text=f"{restore_points_of(self.undo.run, self.site)}{script.text}")

    def changes(self, step: Step, now: SiteFacts | None, there: frozenset[str]) -> tuple[Change, ...]:
        """What is planned for a step of the undo, but for the database."""
        mine = [change for change in self.plan.of(step.id) if (step.id, change.item) in self.done]
        return tuple(self._change(change, now, there) for change in mine if change.item != _DATABASE)

    def _change(self, then: Change, now: SiteFacts | None, there: frozenset[str]) -> Change:
        back = replace(then, from_version=then.to_version, to_version=then.from_version, why="")
        found = on_disk(back, now)[0] if now else back.from_version
        why = ""
        if not there & set(self.tags([then.item])):
            why = "its restore point is no longer on the host"
        elif found is None:
            why = "is not installed any more"
        elif found == back.to_version:
            why = f"is at {found} already"
        elif found != back.from_version and not self.undo.force:
            why = f"{found} has been installed since; --force puts {back.to_version} back all the same"
        return replace(back, from_version=found or "", action=Action.HOLD if why else Action.CHANGE, why=why)

    def database_change(
        self, step: str, there: frozenset[str], lost: DatabaseUndo, new: Sequence[str]
    ) -> Change:
        """The database goes back with the first step that puts files back, or by itself."""
        point = self.database
        why = "" if point and point.path in there else "its copy is no longer on the host"
        why = "no copy of it was made in that run" if point is None else why
        why = why or (f"cannot be put back: {lost.why}" if lost.state == "impossible" else "")
        if new and not why and not self.undo.force:
            stay = ", ".join(new)
            why = f"{stay} would stay, and newer code may not work with older data; --force puts it back"
        return Change(
            step=step,
            item=_DATABASE,
            kind=ItemKind.DATABASE,
            from_version="now",
            to_version=f"{point.created:%Y-%m-%d %H:%M}" if point else "",
            action=Action.HOLD if why else Action.CHANGE,
            why=why,
            title="Database",
        )
