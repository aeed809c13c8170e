"""Runs written into a real ledger in a few words, for tests of what is read from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from runner.model import ChangeOutcome, Client, Host, Inventory, ItemKind, Outcome, Site, StepOutcome
from runner.record import Ledger

PLUGINS = "wordpress.plugins"


def at(day: int, hour: int = 1, month: int = 11) -> datetime:
    """An instant of 2026, in UTC."""
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
    """What an undo did to an item."""
    return change(item, before, after, outcome, why)


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
    """A run of one site with one step, and the look after it, at one instant and the minutes after."""
    ledger.begin_run(
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
    ledger.begin_site(run, on, when)
    worst = min((one.outcome for one in changes), key=list(Outcome).index, default=Outcome.OK)
    ended, done = outcome or worst, when + timedelta(minutes=2)
    ledger.record_step(
        run, on, StepOutcome(step=PLUGINS, outcome=ended, why=why, seconds=60.0, changes=changes), done
    )
    if healthy is not None:
        ledger.record_look(
            site=on,
            run=run,
            at=done + timedelta(seconds=5),
            phase="after",
            signal="page",
            healthy=healthy,
            url="/",
        )
    ledger.finish_site(run, on, ended, why, done + timedelta(seconds=9))
    ledger.finish_run(run, ended, done + timedelta(seconds=9))
    return run
