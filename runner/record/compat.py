"""Former method names of `Ledger`, for callers that do not use `ledger.SUBJECT.method` yet."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from runner.record.store import now
from runner.record.views import (
    BackupView,
    LookView,
    NewRun,
    OrderedSite,
    OrderedStep,
    WindowState,
    WindowView,
)
from runner.record.views import HeldAutoUpdate as Held

if TYPE_CHECKING:
    from runner.record.ledger import Ledger

__all__ = ["OldNames"]


class OldNames:
    """Each old name is the bound method of a subject; those whose parameters changed are methods here."""

    def forward_old_names(self, ledger: Ledger) -> None:  # noqa: PLR0915
        """Set the old names."""
        self._new = ledger
        self.claim_run = ledger.runs.claim
        self.reopen_run = ledger.runs.reopen
        self.set_state = ledger.runs.set_state
        self.finish_run = ledger.runs.finished
        self.show = ledger.runs.show
        self.summary = ledger.runs.summary
        self.list_runs = ledger.runs.list
        self.open_runs = ledger.runs.list_unfinished
        self.interrupted_runs = ledger.runs.list_interrupted
        self.resumable_runs = ledger.runs.list_resumable
        self.find_run = ledger.runs.find
        self.order_text = ledger.runs.order_text
        self.run_state = ledger.runs.state
        self.begin_site = ledger.sites.started
        self.finish_site = ledger.sites.finished
        self.record_plan = ledger.sites.record_plan
        self.plan_of = ledger.sites.plan
        self.facts_of = ledger.sites.facts
        self.site_rows = ledger.sites.list
        self.unfinished_sites = ledger.sites.list_unfinished
        self.begin_step = ledger.steps.started
        self.record_step = ledger.steps.finished
        self.step_output = ledger.steps.output
        self.begin_segment = ledger.jobs.started
        self.record_segment = ledger.jobs.ended
        self.acked = ledger.jobs.acknowledged
        self.segments = ledger.jobs.list
        self.segments_done = ledger.jobs.list_ended
        self.record_restore_point = ledger.restore_points.record
        self.restore_point_removed = ledger.restore_points.removed
        self.backup_verified = ledger.backups.verified
        self.backup_removed = ledger.backups.removed
        self.list_backups = ledger.backups.list
        self.last_backup = ledger.backups.newest
        self.see = ledger.sightings.first_seen
        self.add_hold = ledger.holds.add
        self.lift_hold = ledger.holds.lift
        self.list_holds = ledger.holds.list
        self.auto_update_state = ledger.auto_updates.set_state
        self.auto_update_dropped = ledger.auto_updates.delete
        self.open_auto_updates = ledger.auto_updates.list_unsettled
        self.claim = ledger.windows.claim
        self.schedules = ledger.windows.schedules
        self.schedules_of = ledger.windows.schedules_of
        self.settle_windows = ledger.windows.settle
        self.turn_back = ledger.windows.reopen_after
        self.list_windows = ledger.windows.list
        self.record_report = ledger.reports.record
        self.report = ledger.reports.get
        self.history = ledger.reports.history
        self.queue_delivery = ledger.deliveries.queue
        self.move_delivery = ledger.deliveries.update
        self.message = ledger.deliveries.message
        self.list_deliveries = ledger.deliveries.list
        self.acquire_lease = ledger.leases.acquire
        self.renew_lease = ledger.leases.renew
        self.release_lease = ledger.leases.release
        self.take_over = ledger.leases.take_over
        self.living = ledger.leases.list_valid
        self.dead = ledger.leases.list_expired
        self.unreleased = ledger.leases.list_unreleased
        self.record_act = ledger.acts.record
        self.list_acts = ledger.acts.list
        self.verify_acts = ledger.acts.verify
        self.clients_recorded = ledger.clients.names
        self.client = ledger.clients.get
        self.export_client = ledger.clients.export
        self.erase_client = ledger.clients.erase
        self.recognise = ledger.websites.sync
        self.refuse_others = ledger.websites.check_names_free
        self.refuse_reused_names = ledger.websites.check_names_unchanged
        self.name_on_record = ledger.websites.recorded_name
        self.list_websites = ledger.websites.list
        self.knows_site = ledger.websites.knows
        self.names_then = ledger.websites.names_in_run
        self.name_then = ledger.websites.name_in_run

    def begin_run(self, order_text: str, **run: Any) -> bool:
        """`runs.create`."""
        run["sites"] = tuple(OrderedSite(*site) for site in run["sites"])
        run["steps"] = tuple(OrderedStep(*step) for step in run["steps"])
        return self._new.runs.create(NewRun(order_text=order_text, **run))

    def record_look(self, *, seen: Any = None, **look: Any) -> bool:
        """`looks.record`."""
        return self._new.looks.record(LookView(seen=seen and str(seen), **look))

    def record_backup(self, snapshot: str, **backup: Any) -> bool:
        """`backups.record`."""
        return self._new.backups.record(BackupView(snapshot=snapshot, **backup))

    def auto_update_asked(self, site: str, run: str, *, was: str, at: datetime, **held: str) -> int:
        """`auto_updates.asked`."""
        return self._new.auto_updates.asked(site, run, Held(**held), was=was, at=at)

    def auto_update_forced(self, site: str, run: str, *, forced: str, at: datetime, **held: str) -> None:
        """`auto_updates.forced`."""
        self._new.auto_updates.forced(site, run, Held(**held), by=forced, at=at)

    def claim_window(
        self, window: str, starts: datetime, *, closes: datetime, state: WindowState, **opening: Any
    ) -> bool:
        """`windows.claim`."""
        recorded = opening.pop("at", None) or now()
        return self._new.windows.claim(
            WindowView(window=window, starts=starts, closes=closes, state=state, recorded=recorded, **opening)
        )
