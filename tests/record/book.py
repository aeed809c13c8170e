"""Helpers that write runs into a ledger."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from runner.model import ChangeOutcome, Client, Host, Inventory, ItemKind, Outcome, Site, StepOutcome
from runner.record import Ledger, LookView, NewRun, OrderedSite, OrderedStep

PLUGINS = "wordpress.plugins"


def at(day: int, hour: int = 1, month: int = 11) -> datetime:
    """Return an instant in 2026, in UTC."""
    return datetime(2026, month, day, hour, tzinfo=UTC)


def site(name: str, client: str = "acme", **changes: str) -> Site:
    place = {"host": "web1", "url": f"https://{name}.example", "path": f"/srv/{name}"}
    return Site(name=name, client=client, **(place | changes))


def inventory(*sites: Site, clients: tuple[Client, ...] = ()) -> Inventory:
    named = {one.id: one for one in clients}
    for one in sites:
        named.setdefault(one.client, Client(id=one.client, name=one.client.title()))
    hosts = {one.host: Host(name=one.host, address="192.0.2.1") for one in sites}
    return Inventory(hosts=hosts, clients=named, sites={one.name: one for one in sites})


def change(
    item: str, before: str, after: str, outcome: Outcome = Outcome.CHANGED, why: str = "", **more: object
) -> ChangeOutcome:
    kind = ItemKind.CORE if item == "wordpress" else ItemKind.PLUGIN
    of_change = {"kind": kind, "title": item.title(), "why": why} | more
    return ChangeOutcome(item=item, from_version=before, to_version=after, outcome=outcome, **of_change)


def back(
    item: str, before: str, after: str, outcome: Outcome = Outcome.UNDONE, why: str = ""
) -> ChangeOutcome:
    """Return what an undo did to an item."""
    return change(item, before, after, outcome, why)


def create(
    ledger: Ledger,
    order_text: str = "{}",
    *,
    sites: Iterable[tuple[str, str, str, int, int]],
    steps: Iterable[tuple[str, str, str]],
    **run: Any,
) -> bool:
    """Create a run from plain tuples of sites and steps."""
    return ledger.runs.create(
        NewRun(
            order_text=order_text,
            sites=tuple(OrderedSite(*one) for one in sites),
            steps=tuple(OrderedStep(*one) for one in steps),
            **run,
        )
    )


def step_outcomes(ledger: Ledger, site: str) -> list[Outcome | None]:
    """Return the outcomes of a site's steps in run r1."""
    view = next(view for view in ledger.runs.show("r1").sites if view.row.site == site)
    return [step.outcome for step in view.steps]


def work(
    ledger: Ledger,
    run: str,
    when: datetime,
    *changes: ChangeOutcome,
    on: str = "shop",
    client: str = "acme",
    undoes: str | None = None,
    outcome: Outcome | None = None,
    why: str = "",
    healthy: bool | None = True,
) -> str:
    """Record a finished run of one site and one step at `when`, and the look after it."""
    create(
        ledger,
        "{}",
        run=run,
        playbook="undo" if undoes else "weekly",
        title="",
        sites=[(on, client, "web1", 0, 0)],
        steps=[(PLUGINS, PLUGINS, "Plugins")],
        started=when,
        trigger="manual",
        undoes=undoes,
    )
    ledger.sites.started(run, on, when)
    worst = min((one.outcome for one in changes), key=list(Outcome).index, default=Outcome.OK)
    ended, done = outcome or worst, when + timedelta(minutes=2)
    ledger.steps.finished(
        run, on, StepOutcome(step=PLUGINS, outcome=ended, why=why, seconds=60.0, changes=changes), done
    )
    if healthy is not None:
        ledger.looks.record(
            LookView(
                site=on,
                run=run,
                at=done + timedelta(seconds=5),
                phase="after",
                signal="page",
                healthy=healthy,
                url="/",
            )
        )
    ledger.sites.finished(run, on, ended, why, done + timedelta(seconds=9))
    ledger.runs.finished(run, ended, done + timedelta(seconds=9))
    return run
