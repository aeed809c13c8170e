"""WordPress's automatic updates of held items: switched off for as long as the hold lasts."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.errors import HostError
from runner.execute import Command
from runner.model import SiteKind
from runner.plan import PolicyInput, choose_switches, held_items, ledger_holds
from runner.record.views import HeldAutoUpdate
from runner.steps.wordpress.autoupdates import Answer, parse_switches, switch_script

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.apply.context import SiteContext
    from runner.plan import AutoHold
    from runner.plan.autoupdates import AutoUpdateSwitches, Key

__all__ = ["hold_auto_updates"]

_LIMIT = 90
_OVERRULED = "switched on again on the site"


def hold_auto_updates(ctx: SiteContext) -> None:
    """Switch off the automatic updates of held items, and on again those of items that are no longer held.

    Each item is recorded before it is switched off, so that it can be switched on again after a crash. Sites
    without facts are skipped.

    Raises:
        HostError, UnreachableError: the host did not do it; the next run tries again.
    """
    facts, site = ctx.facts, ctx.site
    if facts is None or facts.crippled or site.kind is not SiteKind.WORDPRESS:
        return
    ledger, now = ctx.journal.ledger, ctx.journal.now()
    rows = ledger.auto_updates.list_unsettled(site.name, run=ctx.run)
    if not (facts.auto_updates or rows):
        return
    choice = choose_switches(held_items(facts, _standing(ctx)), facts.auto_updates, rows)
    for row in choice.overruled:
        ledger.auto_updates.set_state(row.id, "overruled")
    for hold, auto in choice.forced:
        ledger.auto_updates.forced(site.name, ctx.run, _held(hold, hold.why), by=auto.forced, at=now)
    # an undo has no policy, so it ends no hold
    answers = _switch(ctx, replace(choice, back=()) if ctx.order.undo else choice)
    items = [_as_item(hold, answers.get((hold.kind, hold.key))) for hold, _ in choice.off]
    items += [
        {"item": row.item, "state": answers[row.kind, row.key].state, "why": ""}
        for row in choice.back
        if (row.kind, row.key) in answers
    ]
    items += [{"item": hold.item, "state": "forced", "why": auto.forced} for hold, auto in choice.forced]
    items += [{"item": row.item, "state": "overruled", "why": _OVERRULED} for row in choice.overruled]
    if items := [one for one in items if one]:
        ctx.journal.emit("auto_updates.held", items=items)


def _standing(ctx: SiteContext) -> PolicyInput:
    order, client = ctx.order, ctx.order.clients[ctx.site.client]
    held = ctx.journal.ledger.holds.list(ctx.site.name, run=ctx.run)
    return PolicyInput(
        policy=order.policy,
        client=client,
        site=ctx.site,
        now=ctx.journal.now(),
        holds=ledger_holds(held),
    )


def _switch(ctx: SiteContext, choice: AutoUpdateSwitches) -> Mapping[Key, Answer]:
    """Switch automatic updates on the host, and record its answers."""
    journal, site, ledger = ctx.journal, ctx.site, ctx.journal.ledger
    if not (choice.off or choice.back):
        return {}
    asked = {
        (hold.kind, hold.key): ledger.auto_updates.asked(
            site.name, ctx.run, _held(hold, journal.reason(hold.why)), was=auto.was, at=journal.now()
        )
        for hold, auto in choice.off
    }
    mark = secrets.token_hex(16)
    script = switch_script(
        site,
        ctx.remote.host,
        mark,
        off=[{"kind": kind, "key": key} for kind, key in asked],
        on=[{"kind": row.kind, "key": row.key, "was": row.was} for row in choice.back],
    )
    limit = ctx.remote.limit(_LIMIT)
    command = Command("switch", script.text, timeout=limit, policy="go")
    records = ctx.remote.read(ctx.remote.for_site(site, [command]))
    answers = parse_switches(records["switch"].text, mark)
    missing = [key for key in (*asked, *((row.kind, row.key) for row in choice.back)) if key not in answers]
    for hold, _ in choice.off:
        _record_off(ctx, hold, asked[hold.kind, hold.key], answers.get((hold.kind, hold.key)))
    for row in choice.back:
        if (row.kind, row.key) in answers:
            ledger.auto_updates.set_state(
                row.id, answers[row.kind, row.key].state, run=ctx.run, at=journal.now()
            )
    if missing:
        names = ", ".join(key for _, key in missing)
        raise HostError(f"WordPress did not confirm the change of its automatic updates: {names}")
    return answers


def _held(hold: AutoHold, why: str) -> HeldAutoUpdate:
    return HeldAutoUpdate(kind=hold.kind, key=hold.key, item=hold.item, why=why)


def _record_off(ctx: SiteContext, hold: AutoHold, number: int, answer: Answer | None) -> None:
    ledger, now = ctx.journal.ledger, ctx.journal.now()
    if answer is None:
        return
    if answer.state == "forced":
        ledger.auto_updates.delete(number)
        held = _held(hold, ctx.journal.reason(hold.why))
        ledger.auto_updates.forced(ctx.site.name, ctx.run, held, by=answer.forced, at=now)
    elif answer.state == "already" and ctx.attempt == 1:
        ledger.auto_updates.delete(number)
    else:
        ledger.auto_updates.set_state(number, "off")


def _as_item(hold: AutoHold, answer: Answer | None) -> dict[str, str]:
    if answer is None or answer.state == "already":
        return {}
    return {"item": hold.item, "state": answer.state, "why": answer.forced or hold.why}
